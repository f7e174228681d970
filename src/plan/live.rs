//! What was found in the world, as planning sees it. Filled by `observe`, read-only.

use super::{FoundFile, LiveServer};
use crate::base::{BackupId, Lsn, Period, SystemId, WalFile};
use crate::catalog::Contents;
use crate::catalog::wal::ClusterWal;
use crate::resource::{Alarm, BucketPlace, Caller, Found, LeftBucket, LeftPolicy, Orphan};
use crate::schedule::Program;
use indexmap::IndexMap;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The world at one instant.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Every storage of the policy that this version acts on, by name.
    pub storages: IndexMap<String, LiveStorage>,
    /// For entries with `match`: the databases found on their server, or why they could not be listed.
    pub matched: BTreeMap<String, Result<Vec<String>, String>>,
    /// Resources outside, by address such as `storage/offsite/lifecycle` or `access/writer/user`; those that the
    /// policy has nothing to say about are left out.
    pub resources: BTreeMap<String, Found>,
    /// What stands behind references in texts that resources are made of, by route in the policy, such as
    /// `storage.offsite.manage.access_logs.bucket`; or why a reference has no value.
    pub texts: BTreeMap<String, Result<String, String>>,
    /// Users and roles that the policy made and no longer asks for, by the storage in whose account they were looked for;
    /// or why they could not be.
    pub orphans: BTreeMap<String, Result<Vec<Orphan>, String>>,
    /// Buckets that the policy made its own and names no longer, by the storage in whose account and region they were looked
    /// for; or why they could not be.
    pub left_buckets: BTreeMap<String, Result<Vec<LeftBucket>, String>>,
    /// Policies of IAM that the policy made and no longer wants, by the storage in whose account they were looked for; or why
    /// they could not be.
    pub left_policies: BTreeMap<String, Result<Vec<LeftPolicy>, String>>,
    /// Servers whose settings the policy owns, by database entry.
    pub servers: BTreeMap<String, LiveServer>,
    /// How this program is started by others; `None` where nobody said.
    pub program: Option<Program>,
    /// Alarms of CloudWatch with names of the policy's, by name, or why they could not be read; `None`: the policy has nothing
    /// there.
    pub alarms: Option<Result<BTreeMap<String, Alarm>, String>>,
    /// Archived WAL by storage and database, or why it could not be read; only where somebody looked.
    pub wal: BTreeMap<(String, String), Result<Vec<ClusterWal>, String>>,
    /// Databases whose WAL may wait in a spool before a storage gets it; only where somebody looked.
    pub spooled: BTreeSet<String>,
    /// What servers say of archiving their WAL, by database, or why they could not be asked; only where somebody asked.
    pub archivers: BTreeMap<String, Result<Archiver, String>>,
    /// The files that start scheduled work; `None` where nobody looked.
    pub timetable: Option<Timetable>,
    /// Backups that were interrupted on this machine and can go on here; only where somebody looked.
    pub unfinished: BTreeSet<BackupId>,
    /// Who we are to AWS, by `storage/<name>` and `access/<name>`; only where it could be asked.
    pub callers: BTreeMap<String, Caller>,
}

/// What a server says of archiving its WAL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archiver {
    /// The cluster, when the role may read which it is.
    pub system: Option<SystemId>,
    /// How far WAL is written, or replayed on a standby.
    pub written: Lsn,
    /// How far a receiver of ours has it and how long it takes there, if one is connected.
    pub received: Option<(Lsn, Period)>,
    /// Since when the oldest finished segment waits to be archived, if one does; `None`: it archives
    /// nothing, or the role may not see it.
    pub ready: Option<Option<Timestamp>>,
    /// The file that it archived last.
    pub last_archived: Option<WalFile>,
    /// The file that it could not archive, and when it last tried, when nothing was archived since.
    pub failing: Option<(String, Timestamp)>,
    /// `archive_timeout`; `None`: none.
    pub archive_timeout: Option<Period>,
}

/// The files that start scheduled work, as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable {
    /// How the program is started.
    pub program: Program,
    /// By path: what stands where something is wanted, and what else was written for this policy.
    pub files: BTreeMap<String, FoundFile>,
}

/// What was found of one storage.
#[derive(Debug, Clone)]
pub enum LiveStorage {
    /// It could not be read; the reason.
    Unreadable(String),
    /// It was read.
    Read(Box<ReadStorage>),
}

/// A storage that was read.
#[derive(Debug, Clone, Default)]
pub struct ReadStorage {
    /// Where it is, for people.
    pub location: String,
    /// Its folder; `None` when it does not exist yet.
    pub folder: Option<FolderState>,
    /// For S3: where its bucket is, references resolved.
    pub bucket: Option<BucketPlace>,
    /// Id of the repository in it; `None` when there is no marker yet.
    pub marker: Option<String>,
    /// Free and total bytes, where there is a limit that is known.
    pub space: Option<(u64, u64)>,
    /// What the repository holds.
    pub contents: Contents,
}

/// A folder as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderState {
    /// Mode bits of the folder and, when they differ from it, of folders directly inside.
    pub mode: u32,
    /// Folders directly inside whose mode differs from the wanted one.
    pub n_other_modes: usize,
    /// Name of the owner, or its number.
    pub owner: String,
    /// Name of the group, or its number.
    pub group: String,
}

impl Live {
    /// The storages that could be read.
    pub fn readable(&self) -> impl Iterator<Item = (&str, &ReadStorage)> {
        self.storages.iter().filter_map(|(name, storage)| match storage {
            LiveStorage::Read(read) => Some((name.as_str(), &**read)),
            LiveStorage::Unreadable(_) => None,
        })
    }

    /// Who we are to AWS where a storage lies, if it could be asked.
    pub fn storage_caller(&self, storage: &str) -> Option<&Caller> {
        self.callers.get(&format!("storage/{storage}"))
    }

    /// Who we are to AWS where an entry of `access` stands, if it could be asked.
    pub fn access_caller(&self, access: &str) -> Option<&Caller> {
        self.callers.get(&format!("access/{access}"))
    }

    /// One storage, if it could be read.
    pub fn read(&self, name: &str) -> Option<&ReadStorage> {
        match self.storages.get(name) {
            Some(LiveStorage::Read(read)) => Some(read),
            _ => None,
        }
    }
}
