//! What a plan tells without acting on it: parts of the policy that this version does not manage, backups that belong
//! to no database of the policy, broken files, entries whose server could not be asked.

use super::backups::Slot;
use super::{Live, Note, Subject, prune};
use crate::base::{BackupId, Size, total};
use crate::catalog::retention::is_ahead;
use crate::policy::Desired;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Every note that does not come from a single step.
pub(super) fn notes(desired: &Desired, live: &Live, subjects: &[Subject<'_>]) -> Vec<Note> {
    let note = |about: String, message: String, is_problem| Note { about, message, is_problem };
    let mut notes = Vec::new();
    for part in &desired.unmanaged {
        let message = format!("not acted on: {}", part.consequence);
        notes.push(note(part.path.clone(), message, false));
    }
    for (name, read) in live.readable() {
        if prune::is_by_lifecycle(desired, name) && read.bucket.is_some() {
            let message = "S3 deletes here by lifecycle rules, so no pruning is planned and no safety floor holds";
            notes.push(note(format!("storage/{name}"), message.to_owned(), false));
        }
    }
    for (entry, found) in &live.matched {
        if let Err(problem) = found {
            let message = format!("its databases cannot be listed, so nothing is planned for them: {problem}");
            notes.push(note(format!("databases.{entry}"), message, true));
        }
    }
    for (storage, read) in live.readable() {
        for broken in &read.contents.broken {
            let message = broken.told();
            notes.push(note(format!("storage/{storage}"), message, true));
        }
        notes.extend(strangers(desired, subjects, live, storage));
    }
    notes
}

/// Backups that a clock that ran ahead left behind: they count for nothing until their date comes.
pub(super) fn ahead(slot: &Slot<'_>, now: Timestamp) -> Option<Note> {
    let ids = slot.copies.values().flatten().map(|backup| &backup.id).filter(|id| is_ahead(id, now));
    let ids: BTreeSet<&BackupId> = ids.collect();
    let (count, last) = (ids.len(), *ids.last()?);
    Some(Note {
        about: format!("backup/{}/{}", slot.subject.name, slot.tier),
        message: format!(
            "{} dated in the future, up to {last}: not counted as the newest, and not deleted; look at this machine's \
             clock",
            if count == 1 { "1 backup is".to_owned() } else { format!("{count} backups are") },
        ),
        is_problem: false,
    })
}

/// Backups that no database, tier or copy of the policy asks for. They are shown and never deleted.
fn strangers(desired: &Desired, subjects: &[Subject<'_>], live: &Live, storage: &str) -> Vec<Note> {
    let mut asked: BTreeSet<(&str, &str)> = BTreeSet::new();
    for subject in subjects {
        for tier in &subject.spec.tiers {
            let copies = desired.tiers.get(tier).map(|spec| spec.copies.as_slice()).unwrap_or_default();
            if copies.iter().any(|copy| copy.to == storage) {
                asked.insert((&subject.name, tier));
            }
        }
    }
    let unasked_entry = |database: &str| {
        live.matched.iter().any(|(entry, found)| {
            found.is_err() && database.strip_prefix(entry.as_str()).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let mut found: BTreeMap<(&str, &str, &str), (u64, u64)> = BTreeMap::new();
    let backups = live.read(storage).map(|read| read.contents.backups.as_slice()).unwrap_or_default();
    for backup in backups {
        let place = (backup.database.as_str(), backup.tier.as_str());
        let is_ours = backup.policy == desired.name;
        if is_ours && desired.is_elsewhere(&backup.database) {
            continue;
        }
        if !is_ours || (!asked.contains(&place) && !unasked_entry(&backup.database)) {
            let (count, bytes) = found.entry((place.0, place.1, &backup.policy)).or_default();
            *count += 1;
            *bytes = total([*bytes, backup.stored_bytes()]);
        }
    }
    let known = |database: &str| subjects.iter().any(|subject| subject.name == database);
    found
        .into_iter()
        .map(|((database, tier, policy), (count, bytes))| Note {
            about: format!("storage/{storage}"),
            message: format!(
                "{count} {} of {database} ({tier}), {}, {} to {}: shown, never deleted",
                if count == 1 { "backup" } else { "backups" },
                Size(bytes),
                if count == 1 { "belongs" } else { "belong" },
                if policy != desired.name {
                    format!("the policy `{policy}`")
                } else {
                    let what = if known(database) { "tier of that database" } else { "database" };
                    format!("no {what} of this policy")
                }
            ),
            is_problem: false,
        })
        .collect()
}
