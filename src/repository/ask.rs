//! What the store says of single files of a backup and no listing does: whether they can be read now, whether they are
//! locked. One request a file, so only asked where it matters.

use super::layout::stored_key;
use super::{Repository, RepositoryError};
use crate::catalog::Backup;
use crate::storage::{Availability, Protection, ThawSpeed};

impl Repository {
    /// Whether a file of a backup can be read now.
    pub async fn availability(&self, backup: &Backup, name: &str) -> Result<Availability, RepositoryError> {
        Ok(self.store.availability(&key_of(backup, name)).await?)
    }

    /// Whether all files of a backup can be read now; the one that is furthest from it decides. Files that were found
    /// in a class that answers at once are not asked for.
    pub async fn readable(&self, backup: &Backup) -> Result<Availability, RepositoryError> {
        let mut all = Availability::Ready;
        for object in backup.objects.iter().filter(|object| object.class.is_cold()) {
            all = all.and(self.availability(backup, &object.name).await?);
        }
        Ok(all)
    }

    /// Asks for a copy of a cold file that can be read for `days`. May be repeated; returns at once.
    pub async fn thaw(&self, backup: &Backup, name: &str, days: u32, speed: ThawSpeed) -> Result<(), RepositoryError> {
        Ok(self.store.thaw(&key_of(backup, name), days, speed).await?)
    }

    /// What keeps a backup from being deleted: what keeps any file of it.
    pub async fn protection(&self, backup: &Backup) -> Result<Protection, RepositoryError> {
        let keys = backup.objects.iter().map(|object| key_of(backup, &object.name));
        self.protection_of(&keys.collect::<Vec<_>>()).await
    }

    /// What keeps any of these objects from being deleted.
    pub async fn protection_of(&self, keys: &[String]) -> Result<Protection, RepositoryError> {
        let mut most = Protection::Free;
        for key in keys {
            most = most.max(self.store.protection(key).await?);
        }
        Ok(most)
    }
}

/// Where a file of a backup lies.
fn key_of(backup: &Backup, name: &str) -> String {
    let own = backup.objects.iter().find(|object| object.name == name).and_then(|object| object.key.as_deref());
    stored_key(&backup.tier, &backup.database, &backup.id, name, own)
}
