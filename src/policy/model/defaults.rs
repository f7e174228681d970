//! `defaults` and `safety`: what holds everywhere.

use super::database::{Dump, Exec, Hooks, Objectives, Verify};
use super::drill::Drill;
use super::tier::CompressionChoice;
use super::written::{Name, Written};
use crate::base::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What every database or tier gets that says nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Tiers of databases that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub tiers: Option<Vec<Written<Name>>>,
    /// Host of databases that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub host: Option<String>,
    /// Encryption of databases that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Written<Name>>,
    /// Compression of tiers that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<CompressionChoice>,
    /// Command before the client programs, for databases that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Exec>,
    /// What is dumped of databases that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<Dump>,
    /// Verification of databases that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// Drills of databases that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Drill>,
    /// Objectives of databases that do not say, key by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objectives: Option<Objectives>,
    /// Hooks of databases that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// Floors under deletion of databases that do not say, key by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<Safety>,
}

/// Floors under every deletion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Safety {
    /// The newest so many good copies of a tier stay, whatever their age; 3 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000000))]
    pub keep_at_least: Option<u32>,
    /// Deleting more than this share of a database's backups in a tier, or of its WAL in a storage, at once needs a word;
    /// `30%` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_prune: Option<Written<Share>>,
}
