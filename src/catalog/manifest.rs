//! The manifest of a backup: a backup exists when its manifest does. Format 1, described in docs/format.md and
//! `schemas/manifest.v1.json`. Written once, never changed.

use super::Cluster;
use crate::base::{BackupId, Blake3, Lsn, Sha256};
use crate::codec::DumpFormat;
use crate::resource::{LockedUntil, StorageClass};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the repository format that this program writes, and the newest it reads.
pub const FORMAT: u32 = 1;

/// Everything that is known of one backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Version of the repository format.
    pub format: u32,
    /// The backup's id.
    #[schemars(with = "String")]
    pub id: BackupId,
    /// Name of the policy that asked for it.
    pub policy: String,
    /// The database entry of the policy: `app`, or `tenants.tenant_7` for an entry that matches many.
    pub database: String,
    /// The tier it belongs to.
    pub tier: String,
    /// How it was made.
    pub method: Method,
    /// When the read of the database began.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// When the last byte was stored.
    #[schemars(with = "String")]
    pub finished_at: Timestamp,
    /// The database it was read from.
    pub source: Source,
    /// Who took it, and where.
    pub origin: Origin,
    /// What was done to the bytes, in order: first compression, then encryption. Empty: stored as read.
    pub layers: Vec<Layer>,
    /// The files of the backup.
    pub objects: Vec<StoredObject>,
    /// Rows of every table in the dump, as counted in the bytes that were stored.
    pub tables: Vec<TableRows>,
    /// Constraints that were not validated in the source, as `schema.table.constraint`.
    pub constraints_not_valid: Vec<String>,
    /// What the dump is inside its layers; left out for the custom format.
    #[serde(default, skip_serializing_if = "DumpFormat::is_custom")]
    pub dump_format: DumpFormat,
    /// Says that another tool made the dump, which was taken over as it lay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
    /// The cluster, of a base backup; left out for a dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
}

/// How a dump of another tool was taken over. What its own bytes do not say is empty or 0 in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Adopted {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Whether its rows could be counted; if not, `tables` is empty.
    pub counts_rows: bool,
}

impl Manifest {
    /// Whether `tables` says how many rows the dump holds.
    pub fn counts_rows(&self) -> bool {
        self.cluster.is_none() && self.adopted.as_ref().is_none_or(|adopted| adopted.counts_rows)
    }
}

/// How a backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `pg_dump` in custom format, and globals.
    Logical,
    /// A base backup of the whole cluster.
    Physical,
}

/// The database a backup was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Name of the database on its server.
    pub database: String,
    /// Host or socket directory, without user or password.
    pub host: String,
    /// Version of the server, such as `15.18`.
    pub server_version: String,
    /// Version of the server as a number, such as 150018.
    pub server_version_num: u32,
    /// System identifier of the cluster, when the connecting role may read it.
    pub system_identifier: Option<String>,
    /// WAL position when the read began (of the replica, when read from one).
    #[schemars(with = "Option<String>")]
    pub start_lsn: Option<Lsn>,
    /// Character encoding of the database, such as `UTF8`.
    pub encoding: String,
    /// Size of the database on its server in bytes.
    pub database_bytes: u64,
    /// Number of tables, partitions included.
    pub table_count: u64,
    /// Extensions installed in the database.
    pub extensions: Vec<Extension>,
    /// True when the server was a standby.
    pub in_recovery: bool,
}

/// An extension of the source database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Who took a backup, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// `backstay` and its version.
    pub tool: String,
    /// Version line of the dump program.
    pub dump_program: String,
    /// Name of the machine.
    pub host: String,
    /// Name of the operating-system user.
    pub user: String,
    /// Id of the run.
    pub run: String,
}

/// One transformation of the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Layer {
    /// Concatenated independent Zstandard frames (RFC 8878): `zstd -d` reads them.
    Zstd {
        /// Compression level.
        level: i32,
    },
    /// Concatenated gzip members (RFC 1952): `gzip -d` reads them.
    Gzip {
        /// Compression level.
        level: i32,
    },
    /// An age file (age-encryption.org/v1): `age -d` reads it.
    Age {
        /// Public keys it was encrypted to; empty when a passphrase was used. An adopted dump does not tell: `unknown`.
        recipients: Vec<String>,
    },
    /// A symmetric OpenPGP message with AES-256: `gpg --decrypt` reads it.
    Gpg,
}

impl Layer {
    /// The ending that this layer adds to a file's name.
    pub fn suffix(&self) -> &'static str {
        match self {
            Layer::Zstd { .. } => ".zst",
            Layer::Gzip { .. } => ".gz",
            Layer::Age { .. } => ".age",
            Layer::Gpg => ".gpg",
        }
    }

    /// True for a layer that needs a key to undo.
    pub fn is_encryption(&self) -> bool {
        matches!(self, Layer::Age { .. } | Layer::Gpg)
    }
}

/// What a file of a backup is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectRole {
    /// The dump of one database.
    Dump,
    /// Roles and tablespaces of the cluster, as SQL.
    Globals,
    /// Files of a cluster, as a tar archive.
    Pack,
    /// Where in the packs every file is.
    FileMap,
    /// Digests of the blocks of files, by which the next backup finds what did not change.
    BlockDigests,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredObject {
    /// File name inside the backup's folder, such as `dump.zst.age`.
    pub name: String,
    /// What it is for.
    pub role: ObjectRole,
    /// Its length as stored.
    pub stored_bytes: u64,
    /// SHA-256 of the stored bytes.
    #[schemars(with = "String")]
    pub stored_sha256: Sha256,
    /// Length before compression and encryption.
    pub plain_bytes: u64,
    /// BLAKE3 before compression and encryption.
    #[schemars(with = "String")]
    pub plain_blake3: Blake3,
    /// Number of compression frames, so that a cut at a frame's border shows; 0 without compression.
    pub frames: u64,
    /// Storage class at upload; left out for `STANDARD`. A lifecycle rule may have moved the file since.
    #[serde(default, skip_serializing_if = "StorageClass::is_standard")]
    pub class: StorageClass,
    /// Until when object lock keeps it, where it was locked at upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockedUntil>,
    /// Its key, when it does not lie in the backup's folder: a dump that was adopted where it lay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Keys of small files about it that go when it goes, such as its `.sha256`; only beside one with a `key`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct TableRows {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Rows in the dump.
    pub rows: u64,
}
