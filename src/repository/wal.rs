//! The WAL archive of a database in a repository. No lock is taken: a file's key holds its content's digest, so that who
//! writes the same twice writes one object, and who writes another content hides nothing.

use super::wal_layout::{WalKey, wal_file_prefix, wal_folder_prefix, wal_prefix};
use super::{Repository, RepositoryError, small};
use crate::base::{SystemId, WalFile};
use crate::catalog::wal::{ClusterWal, History, WalDigest, WalObject};
use crate::storage::{Body, Condition, DeleteOutcome, ObjectMeta, StorageError};
use bytes::Bytes;

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

    /// The same by cluster, with the histories of timelines read. One that cannot be read, or is not what its name says, is
    /// not known; `wal_of` still names it.
    pub async fn wal_clusters(&self, database: &str) -> Result<Vec<ClusterWal>, RepositoryError> {
        let mut clusters = ClusterWal::of(self.wal_of(database).await?);
        for cluster in &mut clusters {
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
        let listing = self.store.list(prefix).await?;
        Ok(listing.iter().filter_map(|meta| Some(WalKey::parse(&meta.key)?.object(meta))).collect())
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
