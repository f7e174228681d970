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
    /// Replication slot that keeps WAL on the server until every storage has it; made if there is none. Only with
    /// `mode: stream`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9_]{1,63}$"))]
    pub slot: Option<String>,
    /// Whether what is received is written to disk at once and told to the server, so that it can wait for that before a
    /// commit returns. Only with `mode: stream`. False unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synchronous: Option<bool>,
    /// Where files wait while a storage is away. With `mode: archive` on the server's host; without it the server keeps them
    /// in `pg_wal`. With `mode: stream` where WAL is received; without it 1 GiB may wait in the state folder.
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

/// A folder where WAL waits for a storage that is away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WalSpool {
    /// The folder, an absolute path; of the user that archives or receives, and best on another disk than `pg_wal`.
    pub path: Written<Template>,
    /// How much may lie there.
    pub max: Written<Size>,
    /// What is done when it is full; `block` unless set. With `mode: stream` nothing is given up.
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
