//! Backups that retention lets go, storage by storage, with the reason of each verdict. Locked ones wait for their date.

use super::backups::Slot;
use super::{Action, Deed, Deferral, Note, Phase, Symbol, backups, copies, proven};
use crate::base::BackupId;
use crate::catalog::retention::{self, Held};
use crate::policy::{Desired, PruneBy, StorageKind};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// True where S3 deletes by rule, and this program never does.
pub(super) fn is_by_lifecycle(desired: &Desired, storage: &str) -> bool {
    desired.storages.get(storage).is_some_and(|storage| match &storage.kind {
        StorageKind::S3(spec) => spec.prune == PruneBy::Lifecycle,
        StorageKind::Filesystem(_) => false,
    })
}

/// Address of the deletion of a copy.
pub(super) fn address(storage: &str, database: &str, tier: &str, id: &BackupId) -> String {
    format!("prune/{storage}/{database}/{tier}/{id}")
}

/// The steps that delete what need not be kept, counting what this plan adds before: a backup that is due, and copies
/// that are brought. What is locked goes to `deferred` instead.
pub(super) fn actions(
    desired: &Desired,
    slot: &Slot<'_>,
    planned: &BTreeSet<String>,
    now: Timestamp,
    deferred: &mut Vec<Deferral>,
    notes: &mut Vec<Note>,
) -> (Vec<Action>, u64) {
    let (database, tier) = (slot.subject.name.as_str(), slot.tier);
    let backup_address = backups::address(database, tier);
    let takes_backup = planned.contains(&backup_address);
    let mut actions = Vec::new();
    let (mut n_kept, mut n_waiting) = (0, 0);
    for copy in slot.spec.copies.iter().filter(|copy| slot.writable.contains(&copy.to.as_str())) {
        let there = slot.copies.get(copy.to.as_str()).map(Vec::as_slice).unwrap_or_default();
        if is_by_lifecycle(desired, &copy.to) {
            n_kept += there.len() as u64;
            continue;
        }
        let present: BTreeSet<&BackupId> = there.iter().map(|backup| &backup.id).collect();
        let mut needed = Vec::new();
        let mut held: Vec<Held> = there.iter().map(|b| Held { id: b.id.clone(), is_good: b.is_good() }).collect();
        for backup in slot.copies.values().flatten() {
            let address = copies::address(&copy.to, database, tier, backup.id.as_str());
            if planned.contains(&address) {
                held.push(Held { id: backup.id.clone(), is_good: true });
                needed.push(address);
            }
        }
        if takes_backup {
            held.push(Held { id: BackupId::new(now, u32::MAX), is_good: true });
            needed.push(backup_address.clone());
        }
        needed.sort();
        needed.dedup();
        for verdict in retention::decide(&held, copy.keep, slot.subject.spec.safety.keep_at_least, now) {
            let Some(backup) = there.iter().find(|backup| backup.id == verdict.id && present.contains(&verdict.id))
            else {
                continue;
            };
            if verdict.stays {
                n_kept += 1;
                continue;
            }
            // Where somebody has to look at the drills, the deletion is shown and a guard stops it.
            if slot.proven.as_ref().is_some_and(|proven| proven.trouble.is_none() && !proven.frees(&verdict.id)) {
                n_kept += 1;
                n_waiting += 1;
                continue;
            }
            let reasons: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
            let (address, reason) = (address(&copy.to, database, tier, &verdict.id), reasons.join("; "));
            if let Some(locked) = Deferral::of_backup(backup, &copy.to, &address, &reason, now) {
                deferred.push(locked);
                continue;
            }
            actions.push(Action {
                address,
                symbol: Symbol::Delete,
                phase: Phase::Prune,
                reason,
                changes: Vec::new(),
                depends_on: needed.clone(),
                bytes: Some(backup.stored_bytes()),
                irreversible: None,
                loosens: false,
                deed: Deed::PruneBackup {
                    database: database.to_owned(),
                    tier: tier.to_owned(),
                    id: verdict.id.to_string(),
                    storage: copy.to.clone(),
                    manifest_etag: backup.manifest_etag.clone(),
                },
            });
        }
    }
    notes.extend(proven::waiting(slot, n_waiting));
    // Oldest first: whatever stops the work half-way leaves the newer ones.
    actions.sort_by(|a, b| a.address.cmp(&b.address));
    (actions, n_kept)
}
