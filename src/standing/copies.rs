//! The copies of a tier at one storage: what is there, what should be and is not.

use crate::base::{BackupId, total};
use crate::catalog::Backup;
use crate::plan::{Live, Slot, wanted_ids};
use crate::policy::{CopySpec, Desired};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What one storage holds of one tier of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiesStanding {
    /// Name of the storage.
    pub storage: String,
    /// It could be read; when not, everything below is unknown and empty.
    pub is_readable: bool,
    /// Good copies.
    pub n_good: u64,
    /// Backups of which it should have a copy and has none, while another storage has a good one; oldest first.
    pub missing: Vec<BackupId>,
    /// Backups whose copy here is known to be damaged, oldest first.
    pub damaged: Vec<BackupId>,
    /// The newest good copy.
    pub newest: Option<BackupId>,
    /// Bytes of all copies, damaged ones included.
    pub stored_bytes: u64,
}

/// The copies of a tier, one entry a storage that the policy names for it.
pub(super) fn copies(desired: &Desired, live: &Live, slot: &Slot<'_>, now: Timestamp) -> Vec<CopiesStanding> {
    let good: BTreeSet<&BackupId> =
        slot.copies.values().flatten().filter(|backup| backup.is_good()).map(|backup| &backup.id).collect();
    slot.spec.copies.iter().map(|copy| at_storage(desired, live, slot, copy, &good, now)).collect()
}

fn at_storage(
    desired: &Desired,
    live: &Live,
    slot: &Slot<'_>,
    copy: &CopySpec,
    good: &BTreeSet<&BackupId>,
    now: Timestamp,
) -> CopiesStanding {
    let is_readable = live.read(&copy.to).is_some();
    let there: Vec<&Backup> = slot.copies.get(copy.to.as_str()).cloned().unwrap_or_default();
    let present: BTreeSet<&BackupId> = there.iter().map(|backup| &backup.id).collect();
    let is_missing = |id: &BackupId| is_readable && good.contains(id) && !present.contains(id);
    let mut damaged: Vec<BackupId> = there.iter().filter(|b| !b.is_good()).map(|backup| backup.id.clone()).collect();
    damaged.sort();
    CopiesStanding {
        storage: copy.to.clone(),
        is_readable,
        n_good: there.iter().filter(|backup| backup.is_good()).count() as u64,
        missing: wanted_ids(desired, slot, copy, now).into_iter().filter(is_missing).collect(),
        damaged,
        newest: there.iter().filter(|backup| backup.is_good()).map(|backup| backup.id.clone()).max(),
        stored_bytes: total(there.iter().map(|backup| backup.stored_bytes())),
    }
}
