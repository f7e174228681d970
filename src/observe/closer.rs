//! A closer look at single copies: what listings do not say of them. Only where the answer decides something, and only
//! at stores that have cold classes and locks.

use super::{Ground, Places};
use crate::catalog::{Backup, Leftover};
use crate::plan::{CopyPlace, Live, LiveStorage, Questions, questions};
use crate::policy::Desired;
use crate::repository::Repository;
use crate::storage::{Availability, Protection};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

/// Questions under way at once.
const ASKED: usize = 32;

/// Asks for what a plan made now would need to know, and notes the answers. What cannot be asked stays as it was
/// found: cold, and locked as at upload; whoever deletes asks again.
pub async fn look_closer(desired: &Desired, places: &Places, live: &mut Live, now: Timestamp) {
    let folders_only = places.0.values().all(|place| place.as_ref().is_ok_and(|place| is_folder(&place.ground)));
    if folders_only {
        return;
    }
    let Questions { locked, thawed, leftovers } = questions(desired, live, now);
    let locked = stream::iter(locked.into_iter().filter_map(|at| Some((repository(places, &at.storage)?, at))))
        .map(|(repository, at)| async {
            let backup = backup(live, &at)?;
            Some((repository.protection(backup).await.ok()?, at))
        })
        .buffer_unordered(ASKED)
        .collect::<Vec<Option<(Protection, CopyPlace)>>>()
        .await;
    let thawed = stream::iter(thawed.into_iter().filter_map(|at| Some((repository(places, &at.storage)?, at))))
        .map(|(repository, at)| async {
            let backup = backup(live, &at)?;
            Some((repository.readable(backup).await.ok()?, at))
        })
        .buffer_unordered(ASKED)
        .collect::<Vec<Option<(Availability, CopyPlace)>>>()
        .await;
    let leftovers = stream::iter(leftovers.into_iter().filter_map(|at| Some((repository(places, &at.0)?, at))))
        .map(|(repository, at)| async {
            let keys = &leftover(live, &at)?.keys;
            Some((repository.protection_of(keys).await.ok()?, at))
        })
        .buffer_unordered(ASKED)
        .collect::<Vec<Option<(Protection, (String, String))>>>()
        .await;
    for (protection, at) in locked.into_iter().flatten() {
        change_backup(live, &at, |backup| backup.protection = Some(protection));
    }
    for (availability, at) in thawed.into_iter().flatten() {
        change_backup(live, &at, |backup| backup.availability = availability);
    }
    for (protection, (storage, key)) in leftovers.into_iter().flatten() {
        if let Some(LiveStorage::Read(read)) = live.storages.get_mut(&storage) {
            let found = read.contents.leftovers.iter_mut().find(|leftover| leftover.keys.first() == Some(&key));
            found.into_iter().for_each(|leftover| leftover.protection = protection);
        }
    }
}

fn is_folder(ground: &Ground) -> bool {
    matches!(ground, Ground::Folder { .. })
}

/// The repository of a storage where asking makes sense.
fn repository<'a>(places: &'a Places, storage: &str) -> Option<&'a Repository> {
    let place = places.place(storage).ok()?;
    (!is_folder(&place.ground)).then_some(&place.repository)
}

fn backup<'a>(live: &'a Live, at: &CopyPlace) -> Option<&'a Backup> {
    live.read(&at.storage)?.contents.backups.iter().find(|backup| is_at(backup, at))
}

fn is_at(backup: &Backup, at: &CopyPlace) -> bool {
    backup.id.as_str() == at.id && backup.database == at.database && backup.tier == at.tier
}

fn change_backup(live: &mut Live, at: &CopyPlace, change: impl FnOnce(&mut Backup)) {
    let Some(LiveStorage::Read(read)) = live.storages.get_mut(&at.storage) else { return };
    if let Some(backup) = read.contents.backups.iter_mut().find(|backup| is_at(backup, at)) {
        change(backup);
    }
}

fn leftover<'a>(live: &'a Live, (storage, key): &(String, String)) -> Option<&'a Leftover> {
    live.read(storage)?.contents.leftovers.iter().find(|leftover| leftover.keys.first() == Some(key))
}
