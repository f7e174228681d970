//! `tiers.<name>`: kinds of backup.

use super::manage::ObjectLock;
use super::written::{Name, Written};
use crate::base::Period;
use crate::catalog::Method;
use crate::resource::StorageClass;
use crate::schedule::Schedule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of backup: when, how, where to, for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// When a backup is due; `manual` for on demand.
    pub schedule: Written<Schedule>,
    /// How a backup is made; `logical` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// How the files of a cluster are read, for `method: physical`; `replication` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<BaseFrom>,
    /// Only changed blocks between full backups; for `method: physical`. Every backup is full unless set, and where one may
    /// not refer to another: in a cold class, under a lock, or where S3 deletes by age. See docs/base-backups.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incremental: Option<Incremental>,
    /// Where each backup goes and how long it stays there; all are written from one read of the database.
    #[schemars(length(min = 1))]
    pub copies: Vec<Copy>,
    /// What must have happened before an expired backup of the tier is deleted; nothing unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune_after: Option<PruneAfter>,
    /// How backups are compressed; zstd at level 3 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<CompressionChoice>,
}

/// How the files of a cluster are read.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BaseFrom {
    /// From the server, by the replication protocol, on any host.
    #[default]
    Replication,
    /// From the data directory, on the server's own host, as a user who may read it: quicker, and spares the server.
    Local,
}

/// What must have happened before an expired backup is deleted.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PruneAfter {
    /// A newer backup of the tier, which is still there, passed a drill.
    Drill,
}

/// Incremental physical backups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incremental {
    /// Time between full backups. What a backup that is kept refers to is kept with it, so `keep` holds for up to so much
    /// longer.
    pub full_every: Written<Period>,
}

/// One copy of every backup of a tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// Name of the storage.
    pub to: Written<Name>,
    /// How long the copy is kept.
    pub keep: KeepChoice,
    /// Storage class at upload; `STANDARD` unless set. What lies in `GLACIER` or `DEEP_ARCHIVE` is restored after a thaw of
    /// hours. S3 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
    /// Moves to colder classes, in order of the waterfall. S3 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transitions: Option<Vec<Transition>>,
    /// Object-lock retention of each object; the bucket's default unless set. What is past `keep` and locked is deleted once
    /// the lock has ended. S3 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<ObjectLock>,
}

/// How long a copy is kept: a duration, `{ last: 7 }`, or `{ for: 30d, at_least: 3 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum KeepChoice {
    /// By age; the safety floors hold.
    For(Written<Period>),
    /// By count, or by age with a floor of its own.
    Detailed(KeepDetail),
}

/// `{ last: 7 }`, or `{ for: 30d, at_least: 3 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepDetail {
    /// Keep the newest so many, whatever their age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000000))]
    pub last: Option<u32>,
    /// Keep for this long.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub for_: Option<Written<Period>>,
    /// Keep at least the newest so many, whatever their age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000000))]
    pub at_least: Option<u32>,
}

/// A move to a colder class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// Age at which the copy moves, in whole days.
    pub after: Written<Period>,
    /// The class it moves to.
    pub to: StorageClass,
}

/// How backups are compressed: `zstd`, `gzip`, `none`, or `{ type: zstd, level: 3 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CompressionChoice {
    /// The kind, at its default level.
    Plain(CompressionKind),
    /// The kind and its level.
    Detailed(CompressionDetail),
}

/// Kinds of compression.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompressionKind {
    /// Zstandard.
    Zstd,
    /// gzip.
    Gzip,
    /// Not compressed.
    None,
}

/// A kind of compression and its level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompressionDetail {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: CompressionKind,
    /// zstd 1 to 22, 3 unless set; gzip 1 to 9, 6 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 22))]
    pub level: Option<i32>,
}
