//! The record of a verification, kept beside the manifest. Later verifications replace earlier ones.

use crate::base::BackupId;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How thoroughly a backup is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifyLevel {
    /// Sizes and digests of everything stored.
    Checksum,
    /// Decrypted, decompressed, the dump's structure read, every digest and row count compared.
    Deep,
}

/// One difference between a backup and its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyProblem {
    /// Key of the damaged piece, relative to the store.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The outcome of verifying one copy of one backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyRecord {
    /// Version of the repository format.
    pub format: u32,
    /// The backup.
    #[schemars(with = "String")]
    pub id: BackupId,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How thoroughly.
    pub level: VerifyLevel,
    /// Empty: good.
    pub problems: Vec<VerifyProblem>,
}

impl VerifyRecord {
    /// True when nothing was wrong.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}
