//! A moment that can be restored, with what listing it takes.

use crate::base::{BackupId, Period};
use crate::catalog::{Backup, is_ahead};
use crate::plan::Slot;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// One backup that has a good copy somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Its id.
    pub id: BackupId,
    /// When the read of the database began: what it shows is of this moment.
    pub started_at: Timestamp,
    /// How long it took to be made.
    pub duration: Period,
    /// Bytes of one copy as stored.
    pub stored_bytes: u64,
    /// Bytes before compression and encryption.
    pub plain_bytes: u64,
    /// Version of the server it was read from.
    pub server_version: String,
    /// Storages that hold a good copy, in the policy's order.
    pub storages: Vec<String>,
    /// Storages whose copy is known to be damaged.
    pub damaged: Vec<String>,
    /// A copy of it was verified and found good.
    pub is_verified: bool,
    /// How long the copy that is quickest to read takes to thaw; zero where one needs none.
    pub thaw: Period,
    /// A key is needed to read it.
    pub is_encrypted: bool,
    /// It refers to earlier ones for what did not change.
    pub is_incremental: bool,
}

/// The restore points of a tier, oldest first; what is dated in the future is left out.
pub(super) fn points(slot: &Slot<'_>, now: Timestamp) -> Vec<Point> {
    let mut copies: BTreeMap<(Timestamp, &BackupId), Vec<(&str, &Backup)>> = BTreeMap::new();
    for copy in &slot.spec.copies {
        for backup in slot.copies.get(copy.to.as_str()).into_iter().flatten() {
            copies.entry((backup.started_at, &backup.id)).or_default().push((&copy.to, backup));
        }
    }
    // A storage that the tier no longer names still holds what it holds.
    for (storage, backups) in &slot.copies {
        if slot.spec.copies.iter().all(|copy| copy.to != *storage) {
            for backup in backups {
                copies.entry((backup.started_at, &backup.id)).or_default().push((storage, backup));
            }
        }
    }
    let present = copies.into_values().filter(|copies| copies.iter().any(|(_, backup)| !is_ahead(&backup.id, now)));
    present.filter_map(|copies| point(&copies)).collect()
}

fn point(copies: &[(&str, &Backup)]) -> Option<Point> {
    let good = || copies.iter().filter(|(_, backup)| backup.is_good());
    let (_, best) = good().min_by_key(|(_, backup)| backup.availability.distance())?;
    let is_verified = |(_, backup): &(&str, &Backup)| backup.verified.as_ref().is_some_and(|record| record.is_good());
    Some(Point {
        id: best.id.clone(),
        started_at: best.started_at,
        duration: Period::between(best.started_at, best.finished_at),
        stored_bytes: best.stored_bytes(),
        plain_bytes: best.plain_bytes(),
        server_version: best.server_version.clone(),
        storages: good().map(|(storage, _)| (*storage).to_owned()).collect(),
        damaged: copies.iter().filter(|(_, b)| !b.is_good()).map(|(storage, _)| (*storage).to_owned()).collect(),
        is_verified: good().any(is_verified),
        thaw: best.availability.distance().1,
        is_encrypted: best.is_encrypted(),
        is_incremental: best.cluster.as_ref().is_some_and(|cluster| cluster.incremental.is_some()),
    })
}
