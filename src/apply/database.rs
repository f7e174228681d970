//! The steps of one database, under its lock in every storage that they touch.

use super::copy::{CopyError, Transfer};
use super::said::{deferred, said};
use super::wal::prune_wal;
use super::wal_copy::copy_wal;
use super::{Hands, backup};
use crate::backup::tell_lacking;
use crate::base::{BackupId, InvalidBackupId, Size};
use crate::catalog::Leftover;
use crate::event::StepEnd;
use crate::plan::{Action, Deed, Plan};
use crate::repository::{LEASE_TTL, Lease, Repository, RepositoryError, layout, this_process};
use crate::storage::Protection;
use indexmap::IndexMap;
use std::collections::BTreeSet;

/// The locks of a database that this run holds.
#[derive(Default)]
pub(super) struct Locks {
    /// By name of the storage.
    pub leases: IndexMap<String, Lease>,
    /// Storages where the lock could not be taken though nobody holds it, and why. Nothing is changed there.
    pub failed: IndexMap<String, String>,
}

/// Takes the lock of a database in every storage that the actions touch. All or none: what was taken is given back
/// when one is held by another run.
pub(super) async fn lock(database: &str, actions: &[&Action], hands: &Hands<'_>) -> Result<Locks, RepositoryError> {
    // Always in the same order, so that two runs cannot each hold what the other waits for.
    let mut storages: BTreeSet<&str> = actions.iter().flat_map(|action| action.deed.storages()).collect();
    storages.extend(actions.iter().filter_map(|action| match &action.deed {
        Deed::CopyBackup { from, .. } | Deed::CopyWal { from, .. } => Some(from.as_str()),
        _ => None,
    }));
    let owner = this_process(&hands.run, hands.verb);
    let mut locks = Locks::default();
    for storage in storages {
        let Ok(place) = hands.places.place(storage) else { continue };
        match place.repository.lock(database, owner.clone(), LEASE_TTL).await {
            Ok(lease) => {
                locks.leases.insert(storage.to_owned(), lease);
            }
            Err(error @ RepositoryError::Locked { .. }) => {
                release(locks).await;
                return Err(error);
            }
            Err(error) => {
                locks.failed.insert(storage.to_owned(), said(&error));
            }
        }
    }
    Ok(locks)
}

/// Gives locks back. One that cannot be given back expires.
pub(super) async fn release(locks: Locks) {
    for lease in locks.leases.into_values() {
        drop(lease.release().await);
    }
}

/// Carries out one step of a database.
pub(super) async fn settle(action: &Action, plan: &Plan, locks: &Locks, hands: &Hands<'_>) -> StepEnd {
    if let Some(error) = locks.leases.values().find_map(|lease| lease.check().err()) {
        return StepEnd::Failed(said(&error));
    }
    // A backup can do without one of its storages; every other deed is about one.
    let is_backup = matches!(action.deed, Deed::TakeBackup { .. });
    if let Some(why) =
        action.deed.storages().into_iter().find_map(|storage| locks.failed.get(storage)).filter(|_| !is_backup)
    {
        return StepEnd::Failed(why.clone());
    }
    let settled = match &action.deed {
        Deed::TakeBackup { database, tier, storages, earlier } => {
            take((database, tier, earlier.as_deref()), storages, plan, locks, hands).await
        }
        Deed::CopyBackup { database, tier, id, from, to, replace } => {
            copy(database, tier, id, (from, to), *replace, hands).await
        }
        Deed::PruneBackup { database, tier, id, storage, manifest_etag } => {
            prune((database, tier, id), storage, manifest_etag, hands).await
        }
        Deed::CopyWal { from, to, database, system_id, before } => {
            match (repository(from, hands), repository(to, hands)) {
                (Ok(from), Ok(to)) => copy_wal((from, to), database, system_id, *before, hands).await,
                (Err(problem), _) | (_, Err(problem)) => Err(problem),
            }
        }
        Deed::PruneWal { storage, database, system_id, before } => match repository(storage, hands) {
            Ok(repository) => prune_wal(repository, database, system_id, *before, hands).await,
            Err(problem) => Err(problem),
        },
        Deed::ClearLeftover { storage, database, tier, id, kind, keys } => {
            let leftover = Leftover {
                database: database.clone(),
                tier: tier.clone(),
                id: id.clone(),
                kind: *kind,
                keys: keys.clone(),
                bytes: action.bytes.unwrap_or(0),
                modified: 0,
                in_use: false,
                protection: Protection::Free,
            };
            clear(storage, &leftover, hands).await
        }
        Deed::CreateFolder { .. }
        | Deed::ChangeFolder { .. }
        | Deed::CreateMarker { .. }
        | Deed::Provision { .. }
        | Deed::Forget { .. }
        | Deed::RemovePolicy { .. }
        | Deed::ForgetBucket { .. }
        | Deed::SetServer { .. }
        | Deed::RemoveAlarm { .. }
        | Deed::InstallFile { .. }
        | Deed::RemoveFile { .. } => Ok(StepEnd::AlreadyDone),
    };
    settled.unwrap_or_else(StepEnd::Failed)
}

fn repository<'a>(storage: &str, hands: &'a Hands<'_>) -> Result<&'a Repository, String> {
    hands.places.place(storage).map(|place| &place.repository).map_err(|e| said(&e))
}

fn parsed(id: &str) -> Result<BackupId, String> {
    id.parse().map_err(|e: InvalidBackupId| e.to_string())
}

/// Takes a backup, unless another run took one between planning and locking.
async fn take(
    (database, tier, earlier): (&str, &str, Option<&str>),
    storages: &[String],
    plan: &Plan,
    locks: &Locks,
    hands: &Hands<'_>,
) -> Result<StepEnd, String> {
    for storage in storages {
        if newer_exists(repository(storage, hands)?, database, tier, plan).await {
            return Ok(StepEnd::AlreadyDone);
        }
    }
    let earlier = earlier.map(parsed).transpose()?;
    backup::take(database, tier, storages, earlier.as_ref(), locks, hands).await
}

/// True when a manifest stands there that the plan did not know.
async fn newer_exists(repository: &Repository, database: &str, tier: &str, plan: &Plan) -> bool {
    let known: BTreeSet<&str> = plan
        .basis
        .storages
        .get(&repository.name)
        .and_then(|basis| basis.backups.get(database)?.get(tier))
        .into_iter()
        .flatten()
        .map(|id| id.trim_end_matches('!'))
        .collect();
    let prefix = layout::manifest_prefix(tier, database);
    // If the listing fails, taking the backup will say so better.
    let listed = repository.store.list(&prefix).await.unwrap_or_default();
    listed.iter().filter_map(|meta| layout::parse(&meta.key)).any(|key| match key {
        layout::Key::Manifest(place) => !known.contains(place.id.as_str()),
        _ => false,
    })
}

async fn copy(
    database: &str,
    tier: &str,
    id: &str,
    (from, to): (&str, &str),
    replace: bool,
    hands: &Hands<'_>,
) -> Result<StepEnd, String> {
    let id = parsed(id)?;
    let tier_spec = hands.desired.tiers.get(tier);
    let spec = tier_spec.and_then(|tier| tier.copies.iter().find(|copy| copy.to == to));
    let min_free = hands.desired.storages.get(to).and_then(|spec| spec.min_free);
    let (from, to) = (repository(from, hands)?, repository(to, hands)?);
    let transfer = Transfer { database, tier, id: &id, from, to, spec, min_free };
    let copied = transfer.run(replace, hands.observer.as_ref(), &hands.cancel).await;
    tell_lacking(to, hands.observer.as_ref());
    match copied {
        Ok(copied) => Ok(copied.map_or(StepEnd::AlreadyDone, |bytes| StepEnd::Done(format!("{} copied", Size(bytes))))),
        Err(CopyError::Repository(error)) => deferred(&error).ok_or_else(|| said(&error)),
        Err(CopyError::Space(error)) => Err(said(&error)),
        Err(error) => Err(error.to_string()),
    }
}

async fn prune(
    (database, tier, id): (&str, &str, &str),
    storage: &str,
    manifest_etag: &str,
    hands: &Hands<'_>,
) -> Result<StepEnd, String> {
    let id = parsed(id)?;
    let etag = Some(manifest_etag).filter(|etag| !etag.is_empty());
    let repository = repository(storage, hands)?;
    // Whatever the plan knew: one that was taken meanwhile, or that its scope left out, must not lose what it needs.
    repository.check_unreferred(tier, database, &id).await.map_err(|error| said(&error))?;
    let removed = repository.remove_backup(tier, database, &id, etag).await;
    tell_lacking(repository, hands.observer.as_ref());
    match removed {
        Ok(0) => Ok(StepEnd::AlreadyDone),
        Ok(freed) => Ok(StepEnd::Done(format!("{} freed", Size(freed)))),
        Err(error) => deferred(&error).ok_or_else(|| said(&error)),
    }
}

async fn clear(storage: &str, leftover: &Leftover, hands: &Hands<'_>) -> Result<StepEnd, String> {
    match repository(storage, hands)?.remove_leftover(leftover).await {
        Ok(freed) => Ok(StepEnd::Done(format!("{} freed", Size(freed)))),
        Err(error) => deferred(&error).ok_or_else(|| said(&error)),
    }
}
