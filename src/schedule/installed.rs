//! Files that make a machine or a cluster start scheduled work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Work that is started by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The tier.
    pub tier: String,
    /// The database entry; `None` when one start does all of the tier.
    pub database: Option<String>,
    /// When.
    pub schedule: super::Schedule,
}

/// Whose work it is, and how it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The policy's name.
    pub policy: String,
    /// Path of the program, absolute where it is started on this machine.
    pub program: String,
    /// Path of the policy file there.
    pub file: String,
    /// Zone in which schedules are read, by its IANA name.
    pub zone: String,
}

impl Program {
    /// The words of the command that does a job.
    pub fn command(&self, job: &Job) -> Vec<String> {
        let words = [self.program.as_str(), "--policy", self.file.as_str(), "run", job.tier.as_str()];
        words.into_iter().chain(job.database.as_deref()).map(str::to_owned).collect()
    }
}

/// A file as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedFile {
    /// Its path.
    pub path: String,
    /// What stands there.
    pub content: Content,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A file with this text, readable by all.
    Text(String),
    /// A symbolic link to this path.
    Link(String),
}

/// The line by which a file is known as ours. Only files that begin with it are ever changed or removed.
pub fn mark(policy: &str) -> String {
    format!("# Written by backstay for the policy {policy}.")
}

/// The first lines of every file that is written.
pub(super) fn head(policy: &str) -> String {
    format!("{}\n# `backstay plan` shows what was changed by hand, `backstay apply` writes it again.\n", mark(policy))
}

/// A word of a name in lower case letters, digits and `-`, as Kubernetes takes it.
pub(super) fn dashed(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
