//! Which stored objects belong to no backup. Pure.

use super::layout::{Key, Place, data_prefix, parse};
use super::listing::Files;
use crate::catalog::{Backup, BrokenFile, Leftover, LeftoverKind, LockRecord};
use crate::storage::{ObjectMeta, Protection};
use std::collections::{BTreeMap, HashSet};

/// Files in folders of backups that have no manifest, not even a damaged one. Folders of others are not ours.
pub(super) fn of_data(backups: &[Backup], broken: &[BrokenFile], files: &Files) -> Vec<Leftover> {
    let mut owned: HashSet<String> =
        backups.iter().map(|backup| data_prefix(&backup.tier, &backup.database, backup.id.as_str())).collect();
    // Whatever became of its manifest, bytes that another backup needs are nobody's garbage.
    for backup in backups {
        let referred = backup.references().iter().map(|reference| reference.backup.as_str());
        owned.extend(referred.map(|id| data_prefix(&backup.tier, &backup.database, id)));
    }
    for file in broken {
        if let Some(Key::Manifest(place)) = parse(&file.key) {
            owned.insert(data_prefix(&place.tier, &place.database, place.id.as_str()));
        }
    }
    let mut leftovers: Vec<_> = files
        .folders()
        .filter(|(folder, _)| !owned.contains(*folder))
        .filter_map(|(_, files)| {
            let Key::Object { tier, database, id, .. } = parse(&files.first()?.key)? else { return None };
            let is_ours = id.parse::<crate::base::BackupId>().is_ok();
            is_ours.then(|| leftover(database, tier, id, LeftoverKind::Data, files))
        })
        .collect();
    leftovers.sort();
    leftovers
}

/// Records of verification that stand alone.
pub(super) fn of_records(records: Vec<(Place, ObjectMeta)>) -> impl Iterator<Item = Leftover> {
    records.into_iter().map(|(place, meta)| {
        let id = place.id.to_string();
        leftover(place.database, place.tier, id, LeftoverKind::RecordWithoutManifest, &[meta])
    })
}

/// Unfinished uploads, one leftover for each backup or small file they were for.
pub(super) fn of_uploads(unfinished: Vec<ObjectMeta>) -> Vec<Leftover> {
    let mut grouped: BTreeMap<(String, String, String), Vec<ObjectMeta>> = BTreeMap::new();
    for meta in unfinished {
        let place = match parse(&meta.key) {
            Some(Key::Object { tier, database, id, .. }) => (database, tier, id),
            Some(Key::Manifest(place) | Key::Verified(place) | Key::Removal(place)) => {
                (place.database, place.tier, place.id.to_string())
            }
            Some(Key::Drills { tier, database }) => (database, tier, String::new()),
            Some(Key::Lock(database) | Key::Index(database)) => (database, String::new(), String::new()),
            Some(Key::Wal(key)) => (key.database, String::new(), String::new()),
            Some(Key::Marker | Key::Journal(_) | Key::Alerts(_)) | None => Default::default(),
        };
        grouped.entry(place).or_default().push(meta);
    }
    grouped
        .into_iter()
        .map(|((database, tier, id), metas)| leftover(database, tier, id, LeftoverKind::UnfinishedUpload, &metas))
        .collect()
}

fn leftover(database: String, tier: String, id: String, kind: LeftoverKind, files: &[ObjectMeta]) -> Leftover {
    let mut keys: Vec<_> = files.iter().map(|meta| meta.key.clone()).collect();
    keys.sort();
    keys.dedup();
    Leftover {
        database,
        tier,
        id,
        kind,
        keys,
        bytes: files.iter().map(|meta| meta.size).sum(),
        modified: files.iter().map(|meta| meta.modified).max().unwrap_or(0),
        in_use: false,
        protection: Protection::Free,
    }
}

/// Marks what a live run may be working on.
pub(super) fn mark_in_use(leftovers: &mut [Leftover], locks: &[LockRecord]) {
    for leftover in leftovers {
        let concerns = |lock: &LockRecord| leftover.database.is_empty() || lock.database == leftover.database;
        leftover.in_use = locks.iter().any(|lock| lock.is_live() && concerns(lock));
    }
}

/// The backup a leftover was for.
pub(super) fn place(leftover: &Leftover) -> Option<Place> {
    let id = leftover.id.parse().ok()?;
    let is_part = leftover.kind != LeftoverKind::UnfinishedUpload;
    is_part.then(|| Place { database: leftover.database.clone(), tier: leftover.tier.clone(), id })
}
