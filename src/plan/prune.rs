//! Backups that retention lets go, storage by storage, with the reason of each verdict. Locked ones wait for their date.

use super::backups::Slot;
use super::proven::Proven;
use super::{Action, Deed, Deferral, Note, Phase, Symbol, backups, copies, proven};
use crate::base::BackupId;
use crate::catalog::Backup;
use crate::catalog::retention::{self, Held};
use crate::policy::{Desired, PruneBy, StorageKind};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

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
        // Of two of one id the first counts.
        let present: BTreeMap<&BackupId, &Backup> = there.iter().rev().map(|backup| (&backup.id, *backup)).collect();
        let mut needed = Vec::new();
        let mut held: Vec<Held> = there.iter().map(|backup| Held::of(backup)).collect();
        for backup in slot.copies.values().flatten() {
            let address = copies::address(&copy.to, database, tier, backup.id.as_str());
            if planned.contains(&address) {
                held.push(Held::good(backup));
                needed.push(address);
            }
        }
        if takes_backup {
            held.push(Held { id: BackupId::new(now, u32::MAX), is_good: true, references: needed_by_next(slot) });
            needed.push(backup_address.clone());
        }
        needed.sort();
        needed.dedup();
        let verdicts = retention::decide(&held, copy.keep, slot.subject.spec.safety.keep_at_least, now);
        let verdicts: Vec<_> = verdicts
            .into_iter()
            .filter_map(|verdict| {
                let backup = *present.get(&verdict.id)?;
                // Where somebody has to look at the drills, the deletion is shown and a guard stops it.
                let waits = |proven: &Proven<'_>| proven.trouble.is_none() && !proven.frees(&verdict.id);
                let fate = match slot.proven.as_ref() {
                    _ if verdict.stays => Fate::Stays,
                    Some(proven) if waits(proven) => Fate::Waits,
                    _ => {
                        let reasons: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
                        let (address, reason) =
                            (self::address(&copy.to, database, tier, &verdict.id), reasons.join("; "));
                        match Deferral::of_backup(backup, &copy.to, &address, &reason, now) {
                            Some(locked) => Fate::Locked(locked),
                            None => Fate::Goes { address, reason },
                        }
                    }
                };
                Some((backup, fate))
            })
            .collect();
        let staying = verdicts.iter().filter(|(_, fate)| !matches!(fate, Fate::Goes { .. })).map(|(backup, _)| *backup);
        let referred = referred(staying.collect(), there);
        for (backup, fate) in verdicts {
            let (address, reason) = match fate {
                Fate::Goes { address, reason } if !referred.contains(&backup.id) => (address, reason),
                Fate::Locked(locked) => {
                    deferred.push(locked);
                    continue;
                }
                fate => {
                    n_kept += 1;
                    n_waiting += u64::from(matches!(fate, Fate::Waits));
                    continue;
                }
            };
            let referring = there.iter().filter(|other| other.references().iter().any(|r| r.backup == backup.id));
            let before = referring.map(|other| self::address(&copy.to, database, tier, &other.id));
            actions.push(Action {
                address,
                symbol: Symbol::Delete,
                phase: Phase::Prune,
                reason,
                changes: Vec::new(),
                depends_on: needed.iter().cloned().chain(before).collect(),
                bytes: Some(backup.stored_bytes()),
                irreversible: None,
                loosens: false,
                deed: Deed::PruneBackup {
                    database: database.to_owned(),
                    tier: tier.to_owned(),
                    id: backup.id.to_string(),
                    storage: copy.to.clone(),
                    manifest_etag: backup.manifest_etag.clone(),
                },
            });
        }
    }
    notes.extend(proven::waiting(slot, n_waiting));
    // Oldest first, but for what others refer to: whatever stops the work half-way leaves the newer ones.
    actions.sort_by(|a, b| a.address.cmp(&b.address));
    (actions, n_kept)
}

/// What becomes of a copy.
enum Fate {
    Stays,
    /// It may go, and a drill must be passed before.
    Waits,
    /// It may go, and cannot yet.
    Locked(Deferral),
    Goes {
        address: String,
        reason: String,
    },
}

/// What those that stay refer to, and what that refers to: whatever stays must be whole, also what only waits.
fn referred<'a>(mut staying: Vec<&'a Backup>, there: &[&'a Backup]) -> BTreeSet<BackupId> {
    let mut found = BTreeSet::new();
    while let Some(backup) = staying.pop() {
        for reference in backup.references() {
            if found.insert(reference.backup.clone()) {
                staying.extend(there.iter().filter(|other| other.id == reference.backup));
            }
        }
    }
    found
}

/// Backups that the one which is due will refer to.
fn needed_by_next(slot: &Slot<'_>) -> Vec<BackupId> {
    let Some(Ok(earlier)) = &slot.earlier else { return Vec::new() };
    let others = earlier.references().iter().map(|reference| reference.backup.clone());
    others.chain([earlier.id.clone()]).collect()
}

/// Puts deletions of backups after those of what refers to them; everything else stays where it is.
pub(super) fn referring_first(actions: Vec<Action>) -> Vec<Action> {
    let numbers: BTreeMap<String, usize> = actions
        .iter()
        .enumerate()
        .filter(|(_, action)| matches!(action.deed, Deed::PruneBackup { .. }))
        .map(|(number, action)| (action.address.clone(), number))
        .collect();
    let (mut order, mut placed) = (Vec::with_capacity(actions.len()), BTreeSet::new());
    for number in 0..actions.len() {
        // Each is pushed again below what must come before it.
        let mut waiting = vec![(number, false)];
        while let Some((number, is_ready)) = waiting.pop() {
            if is_ready {
                order.push(number);
            } else if placed.insert(number) {
                waiting.push((number, true));
                let Action { address, depends_on, .. } = &actions[number];
                let before = if numbers.contains_key(address) { depends_on.as_slice() } else { &[] };
                let before = before.iter().rev().filter_map(|address| numbers.get(address));
                waiting.extend(before.map(|other| (*other, false)));
            }
        }
    }
    let mut actions: Vec<Option<Action>> = actions.into_iter().map(Some).collect();
    order.into_iter().filter_map(|number| actions[number].take()).collect()
}
