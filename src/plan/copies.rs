//! Copies that a storage should have and lacks, and another storage can give.

use super::backups::Slot;
use super::infra::{folder_address, marker_address};
use super::{Action, Deed, Deferral, Note, Phase, Symbol, prune};
use crate::base::BackupId;
use crate::catalog::Backup;
use crate::catalog::retention::{self, Held};
use crate::policy::{CopySpec, Desired};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Address of the copy of a backup to a storage.
pub(super) fn address(storage: &str, database: &str, tier: &str, id: &str) -> String {
    format!("copy/{storage}/{database}/{tier}/{id}")
}

/// The steps that bring missing or damaged copies to the storages of a tier. A copy in a cold class gives nothing
/// unless it is thawed; a damaged one that is locked goes to `deferred` instead of being replaced.
pub(super) fn actions(
    desired: &Desired,
    slot: &Slot<'_>,
    now: Timestamp,
    notes: &mut Vec<Note>,
    deferred: &mut Vec<Deferral>,
) -> Vec<Action> {
    let good: BTreeMap<&BackupId, Vec<(&str, &Backup)>> = good_copies(slot);
    let everything: BTreeSet<&BackupId> = slot.copies.values().flatten().map(|backup| &backup.id).collect();
    let mut actions = Vec::new();
    for copy in slot.spec.copies.iter().filter(|copy| slot.writable.contains(&copy.to.as_str())) {
        let there = slot.copies.get(copy.to.as_str());
        let kept = wanted_ids(desired, slot, copy, now);
        let mut cold: BTreeMap<&str, Vec<&Backup>> = BTreeMap::new();
        for id in everything.iter().filter(|id| kept.contains(**id)) {
            let present = there.and_then(|backups| backups.iter().find(|backup| backup.id == **id));
            if present.is_some_and(|backup| backup.is_good()) {
                continue;
            }
            if let Some(backup) = present.filter(|backup| backup.has_own_files()) {
                // What it refers to is brought, where that can be; it needs nothing itself.
                notes.extend(beyond_repair(slot, copy, backup, &good));
                continue;
            }
            let sources = good.get(*id).into_iter().flatten().filter(|(storage, _)| *storage != copy.to);
            match sources.min_by_key(|(_, backup)| backup.availability.distance()) {
                Some((from, backup)) if !backup.availability.is_readable() => {
                    cold.entry(from).or_default().push(backup);
                }
                Some((from, backup)) => {
                    let action = action(slot, copy, backup, from, present.is_some());
                    let locked =
                        present.and_then(|b| Deferral::of_backup(b, &copy.to, &action.address, &action.reason, now));
                    match locked {
                        Some(locked) => deferred.push(locked),
                        None => actions.push(action),
                    }
                }
                None if present.is_some() => notes.push(Note {
                    about: format!("backup/{}/{}/{id}", slot.subject.name, slot.tier),
                    message: format!("is damaged at {} and no good copy exists elsewhere", copy.to),
                    is_problem: false,
                }),
                None => {}
            }
        }
        notes.extend(cold.into_iter().filter_map(|(from, backups)| cold_source(slot, copy, from, &backups)));
    }
    actions
}

/// Addresses of copies that are wanted and not good where they should be, whether they can be brought now or not.
pub(super) fn lacking(desired: &Desired, slot: &Slot<'_>, now: Timestamp) -> BTreeSet<String> {
    let mut lacking = BTreeSet::new();
    for copy in &slot.spec.copies {
        let there = slot.copies.get(copy.to.as_str());
        let is_good = |id: &BackupId| there.into_iter().flatten().any(|backup| backup.id == *id && backup.is_good());
        let wanted = wanted_ids(desired, slot, copy, now).into_iter().filter(|id| !is_good(id));
        lacking.extend(wanted.map(|id| address(&copy.to, &slot.subject.name, slot.tier, id.as_str())));
    }
    lacking
}

/// A copy that is complete, and what it refers to is whole nowhere.
fn beyond_repair(
    slot: &Slot<'_>,
    copy: &CopySpec,
    backup: &Backup,
    good: &BTreeMap<&BackupId, Vec<(&str, &Backup)>>,
) -> Option<Note> {
    let reference = backup.references().iter().find(|reference| !good.contains_key(&reference.backup))?;
    Some(Note {
        about: format!("backup/{}/{}/{}", slot.subject.name, slot.tier, backup.id),
        message: format!(
            "is not whole at {}: no good copy of {}, to which it refers, exists",
            copy.to, reference.backup
        ),
        is_problem: false,
    })
}

/// Copies that a storage lacks and that only a cold one could give.
fn cold_source(slot: &Slot<'_>, copy: &CopySpec, from: &str, backups: &[&Backup]) -> Option<Note> {
    let (oldest, newest) = (backups.first()?, backups.last()?);
    let which = match backups.len() {
        1 => format!("{} is missing or damaged at {}", oldest.id, copy.to),
        n => format!("{n} copies, {} to {}, are missing or damaged at {}", oldest.id, newest.id, copy.to),
    };
    Some(Note {
        about: format!("backup/{}/{}", slot.subject.name, slot.tier),
        message: format!(
            "{which}; at {from} it lies in {} and can be copied once it is thawed: `backstay restore {} --into NEW_DB \
             --from {} --storage {from} --thaw bulk` asks for that",
            oldest.class(),
            slot.subject.name,
            newest.id
        ),
        is_problem: false,
    })
}

fn good_copies<'a>(slot: &Slot<'a>) -> BTreeMap<&'a BackupId, Vec<(&'a str, &'a Backup)>> {
    let mut good: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (storage, backups) in &slot.copies {
        for backup in backups.iter().filter(|backup| backup.is_good()) {
            good.entry(&backup.id).or_default().push((*storage, *backup));
        }
    }
    good
}

/// What a storage of a tier should have: what it would keep if it had everything that exists, all of it good.
pub fn wanted_ids(desired: &Desired, slot: &Slot<'_>, copy: &CopySpec, now: Timestamp) -> BTreeSet<BackupId> {
    // An id that several storages have is judged once.
    let held: Vec<Held> = slot.copies.values().flatten().map(|backup| Held::good(backup)).collect();
    // Rules of S3 know no floor: what they deleted would be brought again and again.
    let by_lifecycle = prune::is_by_lifecycle(desired, &copy.to);
    let floor = if by_lifecycle { 0 } else { slot.subject.spec.safety.keep_at_least };
    let verdicts = retention::decide(&held, copy.keep, floor, now);
    verdicts.into_iter().filter(|verdict| verdict.stays).map(|verdict| verdict.id).collect()
}

fn action(slot: &Slot<'_>, copy: &CopySpec, backup: &Backup, from: &str, replace: bool) -> Action {
    let (database, tier, id) = (&slot.subject.name, slot.tier, backup.id.to_string());
    let referred = backup.references().iter().map(|reference| reference.backup.as_str());
    let references = referred.map(|id| address(&copy.to, database, tier, id));
    Action {
        address: address(&copy.to, database, tier, &id),
        symbol: Symbol::Copy,
        phase: Phase::Copies,
        reason: if replace {
            format!("the copy at {} is damaged, the one at {from} is good", copy.to)
        } else {
            format!("the copy at {} is missing, the one at {from} is good", copy.to)
        },
        changes: Vec::new(),
        depends_on: [folder_address(&copy.to), marker_address(&copy.to)].into_iter().chain(references).collect(),
        bytes: Some(backup.stored_bytes()),
        irreversible: None,
        loosens: false,
        deed: Deed::CopyBackup {
            database: database.clone(),
            tier: tier.to_owned(),
            id,
            from: from.to_owned(),
            to: copy.to.clone(),
            replace,
        },
    }
}
