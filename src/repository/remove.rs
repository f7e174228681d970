//! Removing backups and leftovers: the manifest first, so that no backup is ever seen in part.

use super::index::Change;
use super::layout::{data_prefix, manifest_key, verified_key};
use super::{Repository, RepositoryError};
use crate::base::BackupId;
use crate::catalog::{Leftover, LeftoverKind};

impl Repository {
    /// Removes a backup and says how many bytes that freed. May be repeated. The database's lock must be held.
    pub async fn remove_backup(&self, tier: &str, database: &str, id: &BackupId) -> Result<u64, RepositoryError> {
        let data = self.store.list(&data_prefix(tier, database, id.as_str())).await?;
        let mut freed = data.iter().map(|meta| meta.size).sum();
        for key in [manifest_key(tier, database, id), verified_key(tier, database, id)] {
            freed += self.store.head(&key).await?.map_or(0, |meta| meta.size);
            self.delete_all(&[key]).await?;
        }
        let change = Change::Remove { tier: tier.to_owned(), id: id.clone() };
        self.change_index(database, change).await;
        self.delete_all(&data.into_iter().map(|meta| meta.key).collect::<Vec<_>>()).await?;
        Ok(freed)
    }

    /// Removes a leftover and says how many bytes that freed. Refuses when a manifest stands by now. May be repeated.
    /// The database's lock must be held.
    pub async fn remove_leftover(&self, leftover: &Leftover) -> Result<u64, RepositoryError> {
        if leftover.kind == LeftoverKind::UnfinishedUpload {
            return self.abort_uploads(leftover).await;
        }
        if let Ok(id) = leftover.id.parse::<BackupId>() {
            let key = manifest_key(&leftover.tier, &leftover.database, &id);
            if self.store.head(&key).await?.is_some() {
                let key = leftover.keys.first().cloned().unwrap_or(key);
                return Err(RepositoryError::NotLeftover { location: self.store.location(), key });
            }
        }
        self.delete_all(&leftover.keys).await?;
        Ok(leftover.bytes)
    }

    async fn abort_uploads(&self, leftover: &Leftover) -> Result<u64, RepositoryError> {
        let mut freed = 0;
        for key in &leftover.keys {
            for upload in self.store.unfinished(key).await? {
                if upload.key == *key {
                    self.store.abort_unfinished(&upload).await?;
                    freed += upload.size;
                }
            }
        }
        Ok(freed)
    }

    async fn delete_all(&self, keys: &[String]) -> Result<(), RepositoryError> {
        for (_, outcome) in self.store.delete(keys).await? {
            outcome?;
        }
        Ok(())
    }
}
