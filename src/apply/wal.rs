//! Deleting WAL. Looks again at every base backup before the first file goes: what a plan saw may have changed.

use super::Hands;
use super::said::{deferred, said};
use crate::base::{Lsn, Size};
use crate::catalog::wal::{ClusterWal, WalNeeds};
use crate::event::StepEnd;
use crate::plan::expendable;
use crate::repository::{Repository, RepositoryError};
use crate::storage::StorageError;

/// Files that are deleted in one call.
const BATCH: usize = 500;

/// Deletes what a step names in one storage, unless a base backup in any storage needs it by now.
pub(super) async fn prune_wal(
    repository: &Repository,
    database: &str,
    system_id: &str,
    before: Option<Lsn>,
    hands: &Hands<'_>,
) -> Result<StepEnd, String> {
    let clusters = ClusterWal::of(repository.wal_of(database).await.map_err(|error| said(&error))?);
    let Some(cluster) = clusters.into_iter().find(|cluster| cluster.system.to_string() == system_id) else {
        return Ok(StepEnd::AlreadyDone);
    };
    let mut backups = Vec::new();
    for (name, place) in &hands.places.0 {
        let place = place.as_ref().map_err(|_| format!("storage `{name}` cannot be opened"))?;
        let contents = place.repository.read().await.map_err(|error| said(&error))?;
        backups.extend(contents.backups.into_iter().filter(|backup| backup.database == database));
    }
    let needs = WalNeeds::of(&backups).map_err(|problem| problem.to_string())?;
    let wanted = expendable(before);
    if !needs.expendable(&cluster).is_some_and(|now| now.includes(wanted)) {
        return Err("a base backup needs some of it by now; make a new plan".to_owned());
    }
    let gone = wanted.of(&cluster);
    let (mut freed, mut locked) = (0, None);
    for batch in gone.chunks(BATCH) {
        if hands.cancel.is_cancelled() {
            return Ok(StepEnd::Partly(format!("{} freed; interrupted", Size(freed))));
        }
        let outcomes = repository.remove_wal(database, batch).await.map_err(|error| said(&error))?;
        for (object, (_, outcome)) in batch.iter().zip(outcomes) {
            match outcome {
                Ok(()) => freed += object.stored_bytes,
                Err(error @ StorageError::Locked { .. }) => locked = Some(RepositoryError::from(error)),
                Err(error) => return Err(said(&error)),
            }
        }
    }
    match locked.as_ref().and_then(deferred) {
        Some(end) => Ok(end),
        None if gone.is_empty() => Ok(StepEnd::AlreadyDone),
        None => Ok(StepEnd::Done(format!("{} freed", Size(freed)))),
    }
}
