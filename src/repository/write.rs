//! Writing a backup: files, digests beside them, and last the manifest.

use super::index::Change;
use super::layout::{manifest_key, object_key, sidecar_key, verified_key};
use super::{Repository, RepositoryError};
use crate::base::{BackupId, Sha256};
use crate::catalog::{Backup, Manifest, StoredObject, VerifyRecord, seal};
use crate::storage::{Condition, Placement, StorageError, Upload};
use bytes::Bytes;

impl Repository {
    /// Begins one file of a backup.
    pub async fn upload(
        &self,
        tier: &str,
        database: &str,
        id: &BackupId,
        name: &str,
        placement: &Placement,
    ) -> Result<Box<dyn Upload>, RepositoryError> {
        Ok(self.store.upload(&object_key(tier, database, id, name), placement).await?)
    }

    /// Begins one file of a copy, whose content is known; goes on from where an earlier attempt stopped, if it can. The
    /// database's lock must be held.
    pub async fn upload_known(
        &self,
        tier: &str,
        database: &str,
        id: &BackupId,
        object: &StoredObject,
        placement: &Placement,
    ) -> Result<Box<dyn Upload>, RepositoryError> {
        let placement = Placement { expected: Some(object.stored_bytes), ..*placement };
        let key = object_key(tier, database, id, &object.name);
        Ok(self.store.upload_known(&key, &placement, &object.stored_sha256).await?)
    }

    /// Writes the digest of a file beside it, as `sha256sum -c` reads it. May be repeated.
    pub async fn write_sidecar(
        &self,
        tier: &str,
        database: &str,
        id: &BackupId,
        name: &str,
        digest: &Sha256,
    ) -> Result<(), RepositoryError> {
        let key = sidecar_key(tier, database, id, name);
        let bytes = Bytes::from(sidecar(name, digest));
        // A bucket may refuse whatever does not say that it overwrites nothing.
        match self.store.put(&key, bytes.clone(), Condition::IfAbsent).await {
            Err(StorageError::AlreadyExists { .. }) => self.store.put(&key, bytes, Condition::Always).await?,
            written => written?,
        };
        Ok(())
    }

    /// Writes the manifest: from now on the backup exists. Everything else of it must be written before.
    pub async fn write_manifest(&self, manifest: &Manifest) -> Result<(), RepositoryError> {
        let key = manifest_key(&manifest.tier, &manifest.database, &manifest.id);
        let meta = self.store.put(&key, seal(manifest).into(), Condition::IfAbsent).await?;
        let change = Change::Add { backup: Box::new(Backup::of(manifest)), manifest_etag: meta.etag };
        self.change_index(&manifest.database, change).await;
        Ok(())
    }

    /// Writes the outcome of a verification, in place of an earlier one. May be repeated.
    pub async fn write_verified(
        &self,
        tier: &str,
        database: &str,
        record: &VerifyRecord,
    ) -> Result<(), RepositoryError> {
        let key = verified_key(tier, database, &record.id);
        let meta = self.store.put(&key, seal(record).into(), Condition::Always).await?;
        let change =
            Change::Verify { tier: tier.to_owned(), record: Box::new(record.clone()), verified_etag: meta.etag };
        self.change_index(database, change).await;
        Ok(())
    }
}

/// The text of a digest file.
pub(crate) fn sidecar(name: &str, digest: &Sha256) -> String {
    format!("{digest}  {name}\n")
}
