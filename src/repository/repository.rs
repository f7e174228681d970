//! A repository: a store, and the name that the policy gives it.

use super::RepositoryError;
use super::layout::{manifest_key, stored_key};
use super::small::{self, Unreadable};
use crate::base::{BackupId, Sha256};
use crate::catalog::{Manifest, StoredObject};
use crate::storage::{Body, ObjectStore, StorageError};
use std::ops::Range;
use std::sync::Arc;

/// A place that holds backups. Clones speak of the same place.
#[derive(Clone)]
pub struct Repository {
    /// Name of the storage in the policy.
    pub name: String,
    /// The store it lies in.
    pub store: Arc<dyn ObjectStore>,
}

impl Repository {
    /// The repository in `store`.
    pub fn new(name: impl Into<String>, store: Arc<dyn ObjectStore>) -> Repository {
        Repository { name: name.into(), store }
    }

    /// A backup's manifest, its seal checked. `NotFound` when there is no such backup.
    pub async fn manifest(&self, tier: &str, database: &str, id: &BackupId) -> Result<Manifest, RepositoryError> {
        let key = manifest_key(tier, database, id);
        let bytes = small::read(self.store.as_ref(), &key).await?;
        let bytes = bytes.ok_or(StorageError::NotFound { location: self.store.location(), key: key.clone() })?;
        judge_manifest(&bytes, tier, database, id).map_err(|e| self.broken(&key, e.to_string()))
    }

    /// SHA-256 of a backup's manifest as stored. `NotFound` when there is no such backup.
    pub async fn manifest_digest(&self, tier: &str, database: &str, id: &BackupId) -> Result<Sha256, RepositoryError> {
        let key = manifest_key(tier, database, id);
        let bytes = small::read(self.store.as_ref(), &key).await?;
        let bytes = bytes.ok_or(StorageError::NotFound { location: self.store.location(), key })?;
        Ok(Sha256::of(&bytes))
    }

    /// One file of a backup, as stored.
    pub async fn open(
        &self,
        tier: &str,
        database: &str,
        id: &BackupId,
        object: &StoredObject,
    ) -> Result<Body, RepositoryError> {
        Ok(self.store.get(&stored_key(tier, database, id, &object.name, object.key.as_deref()), None).await?)
    }

    /// A stretch of a file of a backup, as stored; `key` is the file's.
    pub async fn open_stretch(&self, key: &str, stretch: Range<u64>) -> Result<Body, RepositoryError> {
        Ok(self.store.get(key, Some(stretch)).await?)
    }

    pub(super) fn broken(&self, key: &str, problem: String) -> RepositoryError {
        RepositoryError::Broken { location: self.store.location(), key: key.to_owned(), problem }
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repository({} at {})", self.name, self.store.location())
    }
}

/// The manifest in `bytes`, which must speak of the backup that its key names.
pub(super) fn judge_manifest(bytes: &[u8], tier: &str, database: &str, id: &BackupId) -> Result<Manifest, Unreadable> {
    let manifest: Manifest = small::judge(bytes, |manifest: &Manifest| manifest.format)?;
    if (manifest.tier.as_str(), manifest.database.as_str(), &manifest.id) != (tier, database, id) {
        return Err(Unreadable::Elsewhere(format!(
            "backup {} of `{}` in tier `{}`",
            manifest.id, manifest.database, manifest.tier
        )));
    }
    Ok(manifest)
}
