//! The WAL archive of a database in a repository. No lock is taken: a file's key holds its content's digest, so that who
//! writes the same twice writes one object, and who writes another content hides nothing.

use super::wal_layout::{WalKey, given_up_key, parse_given_up, wal_file_prefix, wal_folder_prefix, wal_prefix};
use super::{Repository, RepositoryError, small};
use crate::base::{SystemId, WalFile};
use crate::catalog::seal;
use crate::catalog::wal::{ClusterWal, GivenUp, History, WalDigest, WalObject};
use crate::storage::{Body, Condition, DeleteOutcome, ObjectMeta, StorageError};
use bytes::Bytes;
use tokio::io::AsyncReadExt;

/// Whose WAL, in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalPlace {
    /// The database entry.
    pub database: String,
    /// The cluster.
    pub system: SystemId,
}

/// How a file came into a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutWal {
    /// It was written now, durably.
    Written,
    /// The same content was there.
    WasThere,
}

impl Repository {
    /// Every stored content of a file.
    pub async fn wal_contents(&self, place: &WalPlace, file: WalFile) -> Result<Vec<WalObject>, RepositoryError> {
        self.wal_listing(&wal_file_prefix(&place.database, place.system, file)).await
    }

    /// What is stored in the folder that a file belongs into: its neighbours, 4 GiB of WAL at most.
    pub async fn wal_neighbours(&self, place: &WalPlace, file: WalFile) -> Result<Vec<WalObject>, RepositoryError> {
        self.wal_listing(&wal_folder_prefix(&place.database, place.system, file)).await
    }

    /// All WAL of a database, of every cluster that it ever was.
    pub async fn wal_of(&self, database: &str) -> Result<Vec<WalObject>, RepositoryError> {
        self.wal_listing(&wal_prefix(database)).await
    }

    /// The same by cluster, with the histories of timelines and the records of what was given up read. One that cannot be
    /// read, or is not what its name says, is not known; `wal_of` still names a history.
    pub async fn wal_clusters(&self, database: &str) -> Result<Vec<ClusterWal>, RepositoryError> {
        let listing = self.store.list(&wal_prefix(database)).await?;
        let mut clusters = ClusterWal::of(listing.iter().filter_map(object));
        for cluster in &mut clusters {
            let of_cluster = |key: &str| parse_given_up(key).is_some_and(|(_, system, _)| system == cluster.system);
            for meta in listing.iter().filter(|meta| of_cluster(&meta.key)) {
                if let Some(record) = self.given_up(&meta.key).await? {
                    cluster.given_up.push(record);
                }
            }
            let files: Vec<WalObject> =
                cluster.history_files().filter(|file| file.layers.is_empty()).cloned().collect();
            for file in files {
                let WalFile::History(timeline) = file.file else { continue };
                let key = WalKey::of(database, &file).key();
                let Some(content) = small::read(self.store.as_ref(), &key).await? else { continue };
                let text = String::from_utf8_lossy(&content);
                if WalDigest::of(&content) == file.digest
                    && let Ok(history) = History::read(timeline, &text)
                {
                    cluster.learn(history);
                }
            }
        }
        Ok(clusters)
    }

    async fn wal_listing(&self, prefix: &str) -> Result<Vec<WalObject>, RepositoryError> {
        Ok(self.store.list(prefix).await?.iter().filter_map(object).collect())
    }

    /// A record of what was given up; `None` when it is gone, damaged, or speaks of something else.
    pub async fn given_up(&self, key: &str) -> Result<Option<GivenUp>, RepositoryError> {
        let Some(bytes) = small::read(self.store.as_ref(), key).await? else { return Ok(None) };
        let record = small::judge::<GivenUp>(&bytes, |record| record.format).ok();
        Ok(record.filter(|record| given_up(record).as_deref() == Some(key)))
    }

    /// Records what was given up, instead of what was recorded from the same segment on. May be repeated.
    pub async fn record_given_up(&self, record: &GivenUp) -> Result<(), RepositoryError> {
        if let Some(key) = given_up(record) {
            self.store.put(&key, seal(record).into(), Condition::Always).await?;
        }
        Ok(())
    }

    /// Stores a file, its content as its key's layers leave it. May be repeated.
    pub async fn put_wal(&self, key: &WalKey, stored: Bytes) -> Result<PutWal, RepositoryError> {
        match self.store.put(&key.key(), stored, Condition::IfAbsent).await {
            Ok(_) => Ok(PutWal::Written),
            Err(StorageError::AlreadyExists { .. }) => Ok(PutWal::WasThere),
            Err(error) => Err(error.into()),
        }
    }

    /// A stored file, as stored.
    pub async fn open_wal(&self, database: &str, object: &WalObject) -> Result<Body, RepositoryError> {
        Ok(self.store.get(&WalKey::of(database, object).key(), None).await?)
    }

    /// The whole of a stored file, as stored; `None` when it is not there.
    pub async fn wal_as_stored(&self, key: &WalKey) -> Result<Option<Bytes>, RepositoryError> {
        let key = key.key();
        let mut body = match self.store.get(&key, None).await {
            Ok(body) => body,
            Err(StorageError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut stored = Vec::new();
        body.read_to_end(&mut stored).await.map_err(|error| StorageError::Failed {
            location: self.store.location(),
            operation: "read",
            key,
            problem: error.to_string(),
            transient: false,
        })?;
        Ok(Some(stored.into()))
    }

    /// Removes stored files for good, one outcome a file, in the order given. A locked one stays. May be repeated.
    pub async fn remove_wal(
        &self,
        database: &str,
        objects: &[WalObject],
    ) -> Result<Vec<DeleteOutcome>, RepositoryError> {
        let meta = |object: &WalObject| ObjectMeta {
            key: WalKey::of(database, object).key(),
            size: object.stored_bytes,
            etag: object.etag.clone(),
            modified: object.modified,
            class: object.class,
        };
        let metas: Vec<ObjectMeta> = objects.iter().map(meta).collect();
        Ok(self.store.purge(&metas).await?)
    }
}

fn object(meta: &ObjectMeta) -> Option<WalObject> {
    Some(WalKey::parse(&meta.key)?.object(meta))
}

/// The key of a record; `None` when it names no cluster.
fn given_up(record: &GivenUp) -> Option<String> {
    Some(given_up_key(&record.database, record.system_identifier.parse().ok()?, record.first))
}
