//! The restore of a whole cluster: what will be done, and what came of it.

use crate::base::{BackupId, Size};
use crate::catalog::RecoveryTarget;
use jiff::Timestamp;

/// What a restore of a cluster will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRestoration {
    /// The base backup.
    pub id: BackupId,
    /// Its tier.
    pub tier: String,
    /// The storage that it is read from.
    pub storage: String,
    /// When it was begun.
    pub taken_at: Timestamp,
    /// System identifier of the cluster.
    pub system_identifier: String,
    /// Version of the server, such as `15.18`.
    pub server_version: String,
    /// Files.
    pub files: u64,
    /// Bytes in them.
    pub bytes: Size,
    /// Pages that were damaged on the server already.
    pub bad_pages: usize,
    /// The folder that becomes the data directory.
    pub folder: String,
    /// Where recovery ends.
    pub target: RecoveryTarget,
    /// Whether what is in the folder is used again, and what differs replaced or removed.
    pub keeps: bool,
    /// Whether the server is started.
    pub starts: bool,
    /// Whether it archives its WAL as the server did that it was made from.
    pub archives: bool,
}

/// A restored cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRestored {
    /// What was to be done.
    pub plan: ClusterRestoration,
    /// Files that were there already as in the backup.
    pub kept_files: u64,
    /// Files that were there and are not in the backup; they were removed.
    pub removed_files: u64,
    /// How far it recovered, if it was started.
    pub recovered: Option<ClusterRecovered>,
    /// Whole seconds from the first word to the last.
    pub seconds: u64,
}

/// A server that has recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRecovered {
    /// When the last transaction that was replayed was committed, as the server says it; `None`: none was.
    pub last_transaction: Option<String>,
    /// The timeline that it is on now.
    pub timeline: u32,
    /// Folder of its socket.
    pub socket: String,
    /// Its port.
    pub port: u16,
    /// Where its messages go until it is started again.
    pub log: String,
}
