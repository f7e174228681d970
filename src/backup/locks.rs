//! The storages of a backup, ready to be written: each a repository, and locked.

use super::error::{CopyProblem, FailedCopy};
use crate::catalog::Owner;
use crate::repository::{LEASE_TTL, Lease, Repository, RepositoryError};
use indexmap::IndexMap;

/// Storages that can be written, with their locks, and those that cannot.
#[derive(Debug)]
pub struct LockedStorages {
    /// The locks, by name of the storage.
    pub leases: IndexMap<String, Lease>,
    /// Storages that cannot be used, and why.
    pub failed: Vec<FailedCopy>,
}

impl LockedStorages {
    /// Checks that each storage is a repository and takes the lock on the database there. A lock that another run
    /// holds is an error, and nothing stays locked; a storage that fails otherwise is noted.
    pub async fn take(
        storages: &[&str],
        repositories: &IndexMap<String, Repository>,
        database: &str,
        owner: &Owner,
    ) -> Result<LockedStorages, RepositoryError> {
        let mut locked = LockedStorages { leases: IndexMap::new(), failed: Vec::new() };
        // Always in the same order, so that two runs cannot each hold what the other waits for.
        let mut storages = storages.to_vec();
        storages.sort_unstable();
        for storage in storages {
            match lock(repositories.get(storage), database, owner).await {
                Ok(lease) => {
                    locked.leases.insert(storage.to_owned(), lease);
                }
                Err(CopyProblem::Repository(held @ RepositoryError::Locked { .. })) => {
                    locked.release().await;
                    return Err(held);
                }
                Err(why) => locked.failed.push(FailedCopy { storage: storage.to_owned(), why }),
            }
        }
        Ok(locked)
    }

    /// Gives the locks back. One that cannot be given back expires.
    pub async fn release(self) {
        for lease in self.leases.into_values() {
            let _ = lease.release().await;
        }
    }
}

async fn lock(repository: Option<&Repository>, database: &str, owner: &Owner) -> Result<Lease, CopyProblem> {
    let repository = repository.ok_or(CopyProblem::NotOpen)?;
    // Without the marker a folder may be the empty place of a disk that is not mounted.
    if repository.marker().await?.is_none() {
        return Err(CopyProblem::NoRepository { location: repository.store.location() });
    }
    Ok(repository.lock(database, owner.clone(), LEASE_TTL).await?)
}
