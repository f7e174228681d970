//! `databases.<name>.wal`: the write-ahead log.

use super::written::{Name, Written};
use crate::base::{Period, Size, Template};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Continuous archiving of the write-ahead log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wal {
    /// Who carries the segments.
    pub mode: WalMode,
    /// Names of the storages that receive them.
    #[schemars(length(min = 1))]
    pub to: Vec<Written<Name>>,
    /// Longest time a change waits in an unfinished segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_timeout: Option<Written<Period>>,
    /// Whether `apply` sets what the server needs for it: `wal_level`, `archive_mode`, `archive_command`, `archive_timeout`,
    /// `max_wal_senders`. The connection must be a superuser's. False unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manage: Option<bool>,
    /// Where files wait on the server's host while a storage is away. Without it the server keeps them in `pg_wal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<WalSpool>,
}

/// Who carries WAL segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WalMode {
    /// The server, by `archive_command`.
    Archive,
    /// This tool, by streaming replication.
    Stream,
}

/// A folder on the server's host where WAL waits for a storage that is away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WalSpool {
    /// The folder, an absolute path; of the server's user, and best on another disk than `pg_wal`.
    pub path: Written<Template>,
    /// How much may lie there.
    pub max: Written<Size>,
    /// What is done when it is full; `block` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_full: Option<WhenFull>,
}

/// What is done with the next segment when the spool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// The server keeps it and asks again: nothing is lost, and its disk may fill up.
    Block,
    /// It is given up for the storages that are away, and that is recorded: the server goes on, and moments after it need
    /// another base backup.
    Gap,
}
