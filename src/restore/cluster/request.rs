//! What is asked of a restore of a cluster, and what comes of it.

use crate::base::BackupId;
use crate::catalog::wal::Way;
use crate::catalog::{Base, ClusterFile, RecoveryTarget};
use crate::policy::Desired;
use std::path::PathBuf;

/// What is asked for.
pub struct ClusterRequest<'a> {
    /// What the policy means.
    pub desired: &'a Desired,
    /// The database entry.
    pub name: &'a str,
    /// The base backup to begin with.
    pub base: Base<'a>,
    /// The folder that becomes the data directory: absent, empty, or with `keeps` one that a restore may use again.
    pub folder: PathBuf,
    /// Where tablespaces go that do not go where they were.
    pub tablespaces: Vec<TablespaceTarget>,
    /// Files of the folder that are as in the backup stay, others are replaced or removed.
    pub keeps: bool,
    /// Only the files of this database and those that every cluster needs: files of other databases have their length and
    /// no content. `None`: everything.
    pub only: Option<u32>,
    /// True for what is read at once and thrown away. Otherwise large files go past the page cache, which is left to whoever uses
    /// it: where a cluster is restored, others may be at work.
    pub stays_cached: bool,
    /// Packs read at once, 1 or more.
    pub jobs: usize,
    /// How far recovery goes.
    pub target: RecoveryTarget,
    /// How the archive leads to the target; `None`: recovery goes no further than the backup.
    pub way: Option<Way>,
    /// Whether it goes on archiving as the cluster did that it was made from; else that is switched off in its settings.
    pub archives: bool,
    /// The command by which PostgreSQL fetches WAL; `None` when there is no archive.
    pub restore_command: Option<String>,
}

/// Object ids of the databases that every cluster is made with: a server does not start without them.
const OF_EVERY_CLUSTER: [u32; 3] = [1, 4, 5];

impl ClusterRequest<'_> {
    /// True for a file of a database that is not asked for.
    pub(super) fn leaves_empty(&self, file: &ClusterFile) -> bool {
        let Some(only) = self.only else { return false };
        database_of(&file.path).is_some_and(|oid| oid != only && !OF_EVERY_CLUSTER.contains(&oid))
    }
}

/// The database that a file belongs to: `base/<oid>/…`, or `pg_tblspc/<oid>/PG_…/<oid>/…` in a tablespace.
fn database_of(path: &str) -> Option<u32> {
    let mut parts = path.split('/');
    match parts.next()? {
        "base" => parts.next()?.parse().ok(),
        "pg_tblspc" => parts.nth(2)?.parse().ok(),
        _ => None,
    }
}

/// Where a tablespace goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablespaceTarget {
    /// Its object id, or the folder that it was in.
    pub tablespace: String,
    /// The folder that it gets: absent or empty.
    pub folder: PathBuf,
}

impl std::str::FromStr for TablespaceTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((tablespace, folder)) if !tablespace.is_empty() && folder.starts_with('/') => {
                Ok(TablespaceTarget { tablespace: tablespace.to_owned(), folder: PathBuf::from(folder) })
            }
            _ => Err("it reads `OID=/new/folder` or `/old/folder=/new/folder`".to_owned()),
        }
    }
}

/// A data directory that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredCluster {
    /// The base backup.
    pub id: BackupId,
    /// The storage that it was read from.
    pub storage: String,
    /// The data directory.
    pub folder: PathBuf,
    /// Version of the server that it needs, such as `15.18`.
    pub server_version: String,
    /// Files in it.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Of the files, those that were there already.
    pub kept_files: u64,
    /// Files that were there and are not in the backup; they were removed.
    pub removed_files: u64,
    /// Pages that were damaged on the server already when they were backed up.
    pub bad_pages: usize,
}
