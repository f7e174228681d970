//! The folder of what waits: `<folder>/<storage>/` is laid out as that storage is, and holds what it lacks. Beside it
//! `<storage>.away` says why the storage is left alone, and its age for how long already.

use crate::base::{Size, SystemId, WalFile, WalSegment, encode_component};
use crate::catalog::wal::GivenUp;
use crate::policy::WhenFull;
use crate::repository::wal_layout::{WalKey, parse_given_up, wal_prefix, wal_system_prefix};
use crate::repository::{Repository, RepositoryError, WalPlace};
use crate::storage::FilesystemStore;
use crate::wal::{Claim, WalError};
use bytes::Bytes;
use jiff::Timestamp;
use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a storage that failed is not asked again: each asking may last until a connection times out, and the server
/// waits meanwhile.
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// A folder on the server's host for WAL that a storage lacks.
#[derive(Debug, Clone)]
pub struct OutageSpool {
    folder: PathBuf,
    /// How much may lie there, of all databases and storages together.
    pub max: Size,
    /// What is done when it is full.
    pub when_full: WhenFull,
}

/// What waits for one storage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waits {
    /// Files of WAL.
    pub files: usize,
    /// Records of what was given up that it does not know yet.
    pub records: usize,
    /// Length of the files as stored.
    pub bytes: u64,
    /// Since when the first waits, seconds since 1970.
    pub since: Option<i64>,
}

impl OutageSpool {
    /// The spool in a folder, which need not exist.
    pub fn new(folder: PathBuf, max: Size, when_full: WhenFull) -> OutageSpool {
        OutageSpool { folder, max, when_full }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What who brings WAL of a database holds all the while; `None` while another process does. Nobody waits for it.
    pub fn claim(&self, database: &str) -> Result<Option<Claim>, WalError> {
        let path = self.claimed(database);
        Claim::take(path.clone()).map_err(|problem| WalError::Unwritable { path, problem })
    }

    /// The file that is claimed.
    pub fn claimed(&self, database: &str) -> PathBuf {
        self.folder.join(format!("{}.draining", encode_component(database)))
    }

    /// True when this user made the folder, whose files another user would take from its owner.
    pub fn is_ours(&self) -> bool {
        fs::metadata(&self.folder).is_ok_and(|folder| folder.uid() == rustix::process::geteuid().as_raw())
    }

    /// Waits until no other process lays down WAL of a database or lets go of it; held until it is dropped. Never while a
    /// storage is asked.
    pub async fn lock(&self, database: &str) -> Result<File, WalError> {
        let path = self.folder.join(format!("{}.lock", encode_component(database)));
        let spool = self.clone();
        let locking = tokio::task::spawn_blocking(move || {
            let lock = spool.make().and_then(|()| {
                let lock = File::create(&path)?;
                lock.lock().map(|()| lock)
            });
            lock.map_err(|problem| WalError::Unwritable { path, problem })
        });
        locking.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// What lies there for a storage, laid out as in it.
    pub fn shelf(&self, storage: &str) -> Repository {
        let root = self.folder.join(encode_component(storage));
        Repository::new(storage, Arc::new(FilesystemStore::new(root, 0o700)))
    }

    /// Bytes of everything that waits, for whomever.
    pub async fn used(&self) -> Result<u64, RepositoryError> {
        let mut used: u64 = 0;
        let all = FilesystemStore::new(&self.folder, 0o700);
        for meta in crate::storage::ObjectStore::list(&all, "").await? {
            used = used.saturating_add(meta.size);
        }
        Ok(used)
    }

    /// What waits for a storage, of one database.
    pub async fn waits(&self, storage: &str, database: &str) -> Result<Waits, RepositoryError> {
        let listing = self.shelf(storage).store.list(&wal_prefix(database)).await?;
        let files: Vec<_> = listing.iter().filter(|meta| WalKey::parse(&meta.key).is_some()).collect();
        Ok(Waits {
            files: files.len(),
            records: listing.iter().filter(|meta| parse_given_up(&meta.key).is_some()).count(),
            bytes: files.iter().map(|meta| meta.size).sum(),
            since: files.iter().map(|meta| meta.modified).min(),
        })
    }

    /// Lays a file there, durably. True when it is there now; false when there is no room for it.
    pub async fn keep(&self, storage: &str, key: &WalKey, stored: Bytes) -> Result<bool, RepositoryError> {
        // Little and needed by many files: never for want of room.
        let is_small = !matches!(key.file, WalFile::Segment(_) | WalFile::Partial(_));
        if !is_small && self.used().await?.saturating_add(stored.len() as u64) > self.max.0 {
            // It may lie there already.
            return Ok(self.shelf(storage).store.head(&key.key()).await?.is_some());
        }
        self.shelf(storage).put_wal(key, stored).await.map(|_| true)
    }

    /// Records that a storage will not get a segment, of which `key` is; durable. Says the whole stretch that is given up.
    pub async fn give_up(
        &self,
        storage: &str,
        key: &WalKey,
        segment: WalSegment,
        now: Timestamp,
    ) -> Result<GivenUp, RepositoryError> {
        let mut record = GivenUp {
            format: crate::catalog::FORMAT,
            database: key.database.clone(),
            system_identifier: key.system.to_string(),
            storage: storage.to_owned(),
            first: segment,
            last: segment,
            segment_bytes: key.segment_size,
            began: now,
            ended: now,
            spool_bytes: self.max.0,
        };
        for (_, open) in self.records(storage, &key.database, Some(key.system)).await? {
            // The server asks again for what it was told of before a crash.
            if open.first <= segment && segment <= open.last && open.first.timeline == segment.timeline {
                return Ok(open);
            }
            if let Some(longer) = open.with(segment, now) {
                record = longer;
            }
        }
        self.shelf(storage).record_given_up(&record).await?;
        Ok(record)
    }

    /// What was given up and the storage does not know yet, with the keys.
    pub async fn records(
        &self,
        storage: &str,
        database: &str,
        system: Option<SystemId>,
    ) -> Result<Vec<(String, GivenUp)>, RepositoryError> {
        let shelf = self.shelf(storage);
        let prefix = system.map_or_else(|| wal_prefix(database), |system| wal_system_prefix(database, system));
        let mut records = Vec::new();
        for meta in shelf.store.list(&prefix).await? {
            if parse_given_up(&meta.key).is_some()
                && let Some(record) = shelf.given_up(&meta.key).await?
            {
                records.push((meta.key, record));
            }
        }
        Ok(records)
    }

    /// Tells storages what was given up for them, and keeps the records: who brings what waits lets go of them.
    pub async fn tell_records(&self, to: &[Repository], database: &str) -> Result<(), RepositoryError> {
        for to in to {
            for (_, record) in self.records(&to.name, database, None).await? {
                to.record_given_up(&record).await?;
            }
        }
        Ok(())
    }

    /// True when a file waits for any of these storages.
    pub async fn holds(&self, storages: &[&str], place: &WalPlace, file: WalFile) -> Result<bool, RepositoryError> {
        for storage in storages {
            if !self.shelf(storage).wal_contents(place, file).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Why a storage is left alone, when it failed a moment ago.
    pub fn is_away(&self, storage: &str) -> Option<String> {
        let path = self.away(storage);
        let age = fs::metadata(&path).ok()?.modified().ok()?.elapsed().ok()?;
        (age < LEFT_ALONE).then(|| fs::read_to_string(path).unwrap_or_default())
    }

    /// Remembers that a storage failed, and why. What cannot be remembered is asked again.
    pub fn note_away(&self, storage: &str, problem: &str) {
        let _ = self.make();
        let _ = fs::write(self.away(storage), problem);
    }

    /// Forgets that a storage failed.
    pub fn note_back(&self, storage: &str) {
        let _ = fs::remove_file(self.away(storage));
    }

    fn make(&self) -> std::io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)
    }

    fn away(&self, storage: &str) -> PathBuf {
        self.folder.join(format!("{}.away", encode_component(storage)))
    }
}
