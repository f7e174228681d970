//! Everything one repository holds, as seen in one reading.

use super::{Backup, DrillRecord, JournalRecord, LockRecord};
use crate::diag::codes;
use crate::resource::Protection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a repository holds. Every list is sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Copies of backups, by database, tier, id.
    pub backups: Vec<Backup>,
    /// What killed runs left behind.
    pub leftovers: Vec<Leftover>,
    /// Small files that cannot be read as what they should be.
    pub broken: Vec<BrokenFile>,
    /// Locks, dead ones included.
    pub locks: Vec<LockRecord>,
    /// Journals of runs that did not finish, and of the newest one that did.
    pub journals: Vec<JournalRecord>,
    /// Drills, by database, tier, time.
    pub drills: Vec<DrillRecord>,
    /// Databases whose index does not agree with what is stored; reading is slower until it is written again.
    pub index_stale: Vec<String>,
}

/// Objects that belong to no backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover {
    /// The database entry they were for; empty when they are for the repository as a whole.
    pub database: String,
    /// The tier; empty when they are no part of a backup.
    pub tier: String,
    /// The backup's id, as text; empty when they are no part of a backup.
    pub id: String,
    /// What they are.
    pub kind: LeftoverKind,
    /// Keys, sorted. For an unfinished upload the key it was meant for.
    pub keys: Vec<String>,
    /// Bytes they take.
    pub bytes: u64,
    /// When the newest was written, seconds since 1970.
    pub modified: i64,
    /// True when a live lock of their database exists: they may be work in progress and are not to be touched.
    pub in_use: bool,
    /// What the store said keeps them from being deleted; `Free` when it was not asked.
    pub protection: Protection,
}

/// What leftover objects are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverKind {
    /// Files of a backup whose manifest was never written, or is gone.
    Data,
    /// An upload that neither completed nor was aborted.
    UnfinishedUpload,
    /// A record of verification without the manifest it speaks of.
    RecordWithoutManifest,
}

/// A small file that is damaged, or not what its key says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokenFile {
    /// Its key.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl BrokenFile {
    /// What is told of it: its code, what is wrong, and what to run, as a phrase.
    pub fn told(&self) -> String {
        let BrokenFile { key, problem } = self;
        let code = codes::REPOSITORY_BROKEN.id;
        format!("[{code}] `{key}` cannot be read: {problem}; `backstay verify --deep` shows what else is damaged")
    }
}
