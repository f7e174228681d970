//! `databases.<name>`: what is backed up.

use super::connection::Connection;
use super::defaults::Safety;
use super::drill::Drill;
use super::wal::Wal;
use super::written::{Name, Written};
use crate::base::{Period, Template};
use crate::catalog::VerifyLevel;
use crate::schedule::Schedule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One database, or all databases of a server that match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// How to reach it: a URL, or parts by libpq's names.
    pub connection: Connection,
    /// Command that the PostgreSQL client programs run behind; a list of lists is tried in order until one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Exec>,
    /// Every database of the server that matches, each with backups of its own, named `<entry>.<database>`.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matching: Option<Match>,
    /// Host that does the work of this database: what `--only-host` chooses, and where units and cron files start it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub host: Option<String>,
    /// Names of the tiers that apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub tiers: Option<Vec<Written<Name>>>,
    /// Name of an encryption, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Written<Name>>,
    /// What is dumped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<Dump>,
    /// Continuous archiving of the write-ahead log, for recovery to a point in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal: Option<Wal>,
    /// When and how thoroughly stored backups are verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// A real restore into a scratch server, with assertions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Drill>,
    /// What must be reachable; checked against schedules, history and drills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objectives: Option<Objectives>,
    /// Commands around backups and restores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// Floors under deletion, instead of those of the whole policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<Safety>,
}

/// An argv, or a list of argvs tried in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Exec {
    /// One command, as program and arguments.
    One(#[schemars(length(min = 1))] Vec<Written<Template>>),
    /// Several commands; the first that answers is used.
    Fallbacks(#[schemars(length(min = 1))] Vec<Argv>),
}

/// A command: program and arguments, no shell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Argv(#[schemars(length(min = 1))] pub Vec<Written<Template>>);

/// Databases by name; `*` and `?` as in shells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Patterns of names to include.
    #[schemars(length(min = 1))]
    pub include: Vec<String>,
    /// Patterns of names to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Vec<String>>,
}

/// What is dumped; patterns as pg_dump reads them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dump {
    /// Tables to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_tables: Option<Vec<String>>,
    /// Tables of which only the definition is dumped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_table_data: Option<Vec<String>>,
    /// Schemas to dump; all unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schemas: Option<Vec<String>>,
    /// Schemas to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_schemas: Option<Vec<String>>,
    /// Whether roles and tablespaces of the server are kept with each backup; true unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub globals: Option<bool>,
    /// How many tables are read at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub jobs: Option<u32>,
}

/// When and how thoroughly stored backups are verified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// When.
    pub schedule: Written<Schedule>,
    /// How thoroughly; `checksum` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<VerifyLevel>,
}

/// What must be reachable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objectives {
    /// Most data that may be lost, as time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Written<Period>>,
    /// Longest time until the database is back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Written<Period>>,
}

/// Commands around backups and restores; each entry is a list of argvs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Before a backup; failing stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_backup: Option<Vec<Argv>>,
    /// After a backup, good or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_backup: Option<Vec<Argv>>,
    /// Before a restore; failing stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_restore: Option<Vec<Argv>>,
    /// After a restore, good or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_restore: Option<Vec<Argv>>,
    /// After a backup or restore that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Vec<Argv>>,
}
