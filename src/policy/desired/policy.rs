//! What a policy means, every default filled in: the only thing that planning and all deeds know of a policy.

use super::{AccessSpec, AlertsSpec, MetricsSpec, RunSpec, S3Spec};
use crate::base::{Period, Sha256, Share, Size, Template};
use crate::catalog::{Keep, Method, VerifyLevel};
use crate::policy::model::{BaseFrom, Expectation, PruneAfter, WalMode, WhenFull};
use crate::resource::{Retain, StorageClass};
use crate::schedule::Schedule;
use indexmap::IndexMap;
use jiff::tz::TimeZone;

/// A whole policy. Maps keep the order of the policy text.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The policy's name.
    pub name: String,
    /// The policy file as typed, for commands shown to the user.
    pub file: String,
    /// Digest of everything below that decides anything: equal meaning, equal digest.
    pub hash: Sha256,
    /// In which schedules are read.
    pub timezone: TimeZone,
    /// Places that hold backups.
    pub storages: IndexMap<String, StorageSpec>,
    /// Kinds of backup.
    pub tiers: IndexMap<String, TierSpec>,
    /// Databases, each with everything that holds for it.
    pub databases: IndexMap<String, DatabaseSpec>,
    /// Ways to encrypt.
    pub encryption: IndexMap<String, EncryptionSpec>,
    /// Users and roles of IAM.
    pub access: IndexMap<String, AccessSpec>,
    /// Who starts the scheduled work.
    pub run: RunSpec,
    /// Where metrics go.
    pub metrics: MetricsSpec,
    /// The host whose databases alone are meant; `None`: all are.
    pub only_host: Option<String>,
    /// Entries of databases that are left to other hosts, by name.
    pub elsewhere: Vec<String>,
    /// Who is told about what. Decides nothing of a plan, so it is no part of the digest.
    pub alerts: AlertsSpec,
    /// Parts of the policy that this version of the program understands but does not act on.
    pub unmanaged: Vec<Unmanaged>,
    /// Every value with where it came from, for `plan --explain`.
    pub explained: Vec<ExplainedValue>,
}

/// A part of the policy that this version does not act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmanaged {
    /// Route in the policy, such as `storage.offsite` or `alerts`.
    pub path: String,
    /// What does not happen, as a phrase: `no backup is written to it`.
    pub consequence: String,
}

/// One value and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedValue {
    /// Route in the policy, such as `tiers.daily.compression.level`.
    pub path: String,
    /// The value as the policy would write it; references unresolved.
    pub value: String,
    /// `file:line`, or `default`, or `defaults` with its `file:line`.
    pub origin: String,
}

/// A place that holds backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageSpec {
    /// What kind of place, and where.
    pub kind: StorageKind,
    /// Refuse to start a backup when less than this share would stay free.
    pub min_free: Option<Share>,
}

/// Kinds of place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageKind {
    /// A folder.
    Filesystem(FilesystemSpec),
    /// A bucket.
    S3(Box<S3Spec>),
}

/// A folder that holds backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesystemSpec {
    /// Where. May hold references.
    pub path: Template,
    /// Where something must be mounted before it is touched.
    pub mounted_at: Option<Template>,
    /// Whether `apply` may create it.
    pub create: bool,
    /// Mode of directories; files get the same without the x bits.
    pub mode: u32,
    /// Owner of the folder, if the policy sets one.
    pub owner: Option<String>,
    /// Group of the folder, if the policy sets one.
    pub group: Option<String>,
}

/// A kind of backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierSpec {
    /// When it is due.
    pub schedule: Schedule,
    /// How it is made.
    pub method: Method,
    /// How the files of a cluster are read.
    pub from: BaseFrom,
    /// Time between full backups where those in between are incremental; `None`: all are full.
    pub full_every: Option<Period>,
    /// Where to and for how long; at least one.
    pub copies: Vec<CopySpec>,
    /// How it is compressed.
    pub compression: Compression,
    /// What must have happened before an expired backup is deleted.
    pub prune_after: Option<PruneAfter>,
}

/// One copy of every backup of a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySpec {
    /// Name of the storage.
    pub to: String,
    /// How long it is kept.
    pub keep: Keep,
    /// Storage class at upload.
    pub class: StorageClass,
    /// Moves to colder classes, by age, in order.
    pub transitions: Vec<(Period, StorageClass)>,
    /// Object-lock retention of each object; the bucket's default unless set.
    pub lock: Option<Retain>,
}

/// How a tier's backups are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard at a level.
    Zstd(i32),
    /// gzip at a level.
    Gzip(i32),
    /// Not at all.
    None,
}

/// A database entry: one database, or all of a server that match.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseSpec {
    /// How to reach it.
    pub connection: ConnectionSpec,
    /// Commands to run client programs behind, tried in order; empty: run them here.
    pub exec: Vec<Vec<Template>>,
    /// All databases that match instead of one.
    pub matching: Option<MatchSpec>,
    /// Host that does its work; any, unless set.
    pub host: Option<String>,
    /// Names of its tiers.
    pub tiers: Vec<String>,
    /// Name of its encryption; `None`: not encrypted.
    pub encryption: Option<String>,
    /// What is dumped.
    pub dump: DumpSpec,
    /// Where its WAL is archived; `None`: nowhere.
    pub wal: Option<WalSpec>,
    /// When it is verified.
    pub verify: Option<VerifySpec>,
    /// Restore drills.
    pub drill: Option<DrillSpec>,
    /// What must be reachable.
    pub objectives: ObjectivesSpec,
    /// Commands around deeds.
    pub hooks: HookSpec,
    /// Floors under deletion.
    pub safety: SafetySpec,
}

/// How to reach a database. All parts may hold references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionSpec {
    /// A `postgresql://` URL.
    Url(Template),
    /// Parts by libpq's names: `host port user password database sslmode sslrootcert passfile service`.
    Parts(IndexMap<String, Template>),
}

/// Databases by pattern; `*` and `?` as in shells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchSpec {
    /// Patterns of databases to include.
    pub include: Vec<String>,
    /// Patterns of databases to leave out.
    pub exclude: Vec<String>,
}

/// What is dumped of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpSpec {
    /// `pg_dump --exclude-table` patterns.
    pub exclude_tables: Vec<String>,
    /// `pg_dump --exclude-table-data` patterns.
    pub exclude_table_data: Vec<String>,
    /// `pg_dump --schema` patterns; empty: all.
    pub schemas: Vec<String>,
    /// `pg_dump --exclude-schema` patterns.
    pub exclude_schemas: Vec<String>,
    /// Whether roles and tablespaces of the cluster are kept with the backup.
    pub globals: bool,
}

/// Where the write-ahead log of a database's server is archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalSpec {
    /// Who carries the segments.
    pub mode: WalMode,
    /// Names of the storages that each of them goes to.
    pub to: Vec<String>,
    /// Longest time a change waits in an unfinished segment, if the policy says.
    pub archive_timeout: Option<Period>,
    /// Whether the server's settings for it are the policy's to set.
    pub manages: bool,
    /// Slot that keeps it on the server until every storage has it, where it is streamed.
    pub slot: Option<String>,
    /// Whether the server is told at once what is safe, where it is streamed.
    pub is_synchronous: bool,
    /// Where it waits while a storage is away.
    pub spool: Option<WalSpoolSpec>,
}

/// A folder where WAL waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalSpoolSpec {
    /// The folder.
    pub path: Template,
    /// How much may lie there.
    pub max: Size,
    /// What is done when it is full.
    pub when_full: WhenFull,
}

/// When and how thoroughly backups are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifySpec {
    /// When.
    pub schedule: Schedule,
    /// How thoroughly.
    pub level: VerifyLevel,
}

/// Restore drills.
#[derive(Debug, Clone, PartialEq)]
pub struct DrillSpec {
    /// When.
    pub schedule: Schedule,
    /// Tier whose newest backup is restored; the newest of all when there is none.
    pub tier: Option<String>,
    /// Assertions on the restored database, in the order in which they are asked.
    pub checks: Vec<CheckSpec>,
    /// Longest time a drill may take.
    pub max_duration: Option<Period>,
}

/// One assertion on a restored database.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckSpec {
    /// A query whose first value is judged.
    pub sql: String,
    /// What the value must be.
    pub expect: Expectation,
    /// The same as the policy says it.
    pub said: String,
}

/// What must be reachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ObjectivesSpec {
    /// Most data that may be lost, as time.
    pub rpo: Option<Period>,
    /// Longest time to get it back.
    pub rto: Option<Period>,
}

/// Commands around deeds, each a list of argv.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookSpec {
    /// Before a backup; failing stops it.
    pub before_backup: Vec<Vec<Template>>,
    /// After a backup, good or not.
    pub after_backup: Vec<Vec<Template>>,
    /// Before a restore; failing stops it.
    pub before_restore: Vec<Vec<Template>>,
    /// After a restore, good or not.
    pub after_restore: Vec<Vec<Template>>,
    /// After a backup or restore that failed.
    pub on_failure: Vec<Vec<Template>>,
}

/// Floors under deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SafetySpec {
    /// The newest so many good copies of a tier stay, whatever their age.
    pub keep_at_least: u32,
    /// More than this share at once needs a word from the user.
    pub max_prune: Share,
}

/// A way to encrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncryptionSpec {
    /// age, to public keys.
    AgeRecipients {
        /// `age1…` public keys.
        recipients: Vec<Template>,
        /// The private key, where restores run.
        identity: Option<Template>,
    },
    /// age, by passphrase.
    AgePassphrase {
        /// The passphrase.
        passphrase: Template,
    },
    /// OpenPGP, symmetric.
    Gpg {
        /// The passphrase.
        passphrase: Template,
    },
}
