//! Removing backups and leftovers: the manifest first, so that no backup is ever seen in part; nothing of one that is
//! locked; for good where the store keeps versions.

use super::adopted::own_keys;
use super::index::Change;
use super::layout::{Key, data_prefix, manifest_key, parse, verified_key};
use super::{Repository, RepositoryError};
use crate::base::BackupId;
use crate::catalog::{Leftover, LeftoverKind, Manifest};
use crate::storage::{ObjectMeta, StorageError};
use jiff::Timestamp;

impl Repository {
    /// Removes a backup and says how many bytes that freed. With `etag`, only the one whose manifest has that identity (`Changed`
    /// otherwise). When a part of it is locked nothing is removed (`Locked`). May be repeated. The database's lock must
    /// be held.
    pub async fn remove_backup(
        &self,
        tier: &str,
        database: &str,
        id: &BackupId,
        etag: Option<&str>,
    ) -> Result<u64, RepositoryError> {
        let mut data = self.store.list(&data_prefix(tier, database, id.as_str())).await?;
        let adopted = if data.is_empty() { self.adopted_manifest(tier, database, id).await? } else { None };
        for key in adopted.iter().flat_map(own_keys) {
            data.extend(self.store.head(&key).await?);
        }
        let manifest = self.store.head(&manifest_key(tier, database, id)).await?;
        if let (Some(found), Some(etag)) = (&manifest, etag)
            && !found.is(etag)
        {
            return Err(StorageError::Changed { location: self.store.location(), key: found.key.clone() }.into());
        }
        self.check_unlocked(data.iter().chain(&manifest)).await?;
        let mut freed = data.iter().map(|meta| meta.size).sum();
        let record = self.store.head(&verified_key(tier, database, id)).await?;
        let note = match &adopted {
            Some(manifest) => Some(self.note_removal(manifest).await?),
            None => None,
        };
        for meta in manifest.into_iter().chain(record) {
            freed += meta.size;
            self.purge_all(&[meta]).await?;
        }
        let change = Change::Remove { tier: tier.to_owned(), id: id.clone() };
        self.change_index(database, change).await;
        self.purge_all(&data).await?;
        self.purge_all(note.as_slice()).await?;
        Ok(freed)
    }

    /// The manifest of a backup whose files lie where they were adopted. `None` for any other, also for one whose
    /// manifest is damaged: then nothing tells what is its own.
    async fn adopted_manifest(
        &self,
        tier: &str,
        database: &str,
        id: &BackupId,
    ) -> Result<Option<Manifest>, RepositoryError> {
        match self.manifest(tier, database, id).await {
            Ok(manifest) => Ok(Some(manifest).filter(|manifest| !own_keys(manifest).is_empty())),
            Err(RepositoryError::Broken { .. } | RepositoryError::Storage(StorageError::NotFound { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a leftover and says how many bytes that freed. Refuses when a manifest stands by now, or when a part of
    /// it is locked. May be repeated. The database's lock must be held.
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
        let mut found = Vec::new();
        for key in &leftover.keys {
            found.extend(self.store.head(key).await?);
        }
        self.check_unlocked(&found).await?;
        // The note that names the others goes last.
        let is_note = |meta: &ObjectMeta| matches!(parse(&meta.key), Some(Key::Removal(_)));
        let (notes, files): (Vec<_>, Vec<_>) = found.into_iter().partition(is_note);
        self.purge_all(&files).await?;
        self.purge_all(&notes).await?;
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

    /// Asked before the first deletion: a backup whose manifest is gone while its data is locked would be nothing but
    /// paid-for bytes.
    async fn check_unlocked(&self, objects: impl IntoIterator<Item = &ObjectMeta>) -> Result<(), RepositoryError> {
        let now = Timestamp::now();
        for object in objects {
            let protection = self.store.protection(&object.key).await?;
            if protection.holds(now) {
                let (location, key) = (self.store.location(), object.key.clone());
                return Err(StorageError::Locked { location, key, until: protection.until() }.into());
            }
        }
        Ok(())
    }

    async fn purge_all(&self, objects: &[ObjectMeta]) -> Result<(), RepositoryError> {
        for (_, outcome) in self.store.purge(objects).await? {
            outcome?;
        }
        Ok(())
    }
}
