//! Files that make a machine or a cluster start scheduled work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
