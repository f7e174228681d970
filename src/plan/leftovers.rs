//! What killed runs left behind: cleared under the database's lock, never while a run may still work on it, and not while a
//! copy that is still wanted can go on from it.

use super::backups::Slot;
use super::{Action, Deed, Deferral, Live, Note, Phase, Symbol, copies, prune};
use crate::base::{BackupId, Period, Size};
use crate::catalog::{JournalState, Leftover, LeftoverKind, Method, goes_on};
use crate::policy::{Desired, StorageKind};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The steps that clear leftovers, and notes on what is in use or interrupted. What is locked goes to `deferred`.
/// `planned`: addresses of the other steps.
pub(super) fn actions(
    desired: &Desired,
    live: &Live,
    slots: &[Slot<'_>],
    planned: &BTreeSet<String>,
    now: Timestamp,
    notes: &mut Vec<Note>,
    deferred: &mut Vec<Deferral>,
) -> Vec<Action> {
    let mut actions = Vec::new();
    for (storage, read) in live.readable() {
        // Something happened to this place that nobody planned: look twice before anything is deleted there.
        if read.marker.is_none() && !read.contents.leftovers.is_empty() {
            notes.push(Note {
                about: format!("storage/{storage}"),
                message: "its marker is gone, so what looks left over is not cleared by this plan; look at it, then \
                          plan again"
                    .to_owned(),
                is_problem: false,
            });
            continue;
        }
        for leftover in &read.contents.leftovers {
            // A manifest ends before its files do, and the same rules end what was never finished.
            if leftover.kind != LeftoverKind::UnfinishedUpload && prune::is_by_lifecycle(desired, storage) {
                continue;
            }
            let place = leftover.keys.first().map_or("", String::as_str);
            let name = match leftover.id.as_str() {
                "" => place.to_owned(),
                id => format!("{}/{}/{id}", leftover.database, leftover.tier),
            };
            if leftover.in_use {
                notes.push(Note {
                    about: format!("storage/{storage}"),
                    message: format!("{name} is being written by a run that goes on"),
                    is_problem: false,
                });
                continue;
            }
            // A copy that was half brought is brought again, and what stands in its place goes first.
            let copy = copies::address(storage, &leftover.database, &leftover.tier, &leftover.id);
            if leftover.kind != LeftoverKind::UnfinishedUpload && planned.contains(&copy) {
                continue;
            }
            if let Some(kept) = kept_upload(desired, live, slots, storage, leftover, now) {
                let message = format!("{} of {name} arrived before its upload was cut; {kept}", Size(leftover.bytes));
                notes.push(Note { about: format!("storage/{storage}"), message, is_problem: false });
                continue;
            }
            if goes_on_from(live, slots, leftover, now) {
                let message = format!(
                    "{} of {name} are stored; it was interrupted, and the next backup of the tier goes on from there",
                    Size(leftover.bytes)
                );
                notes.push(Note { about: format!("storage/{storage}"), message, is_problem: false });
                continue;
            }
            let what = match leftover.kind {
                LeftoverKind::Data => "files of a backup that was never finished",
                LeftoverKind::UnfinishedUpload => "an upload that was never finished",
                LeftoverKind::RecordWithoutManifest => "a record of verification without its backup",
            };
            let modified = Timestamp::from_second(leftover.modified).unwrap_or(now);
            let kind = match leftover.kind {
                LeftoverKind::Data => "data",
                LeftoverKind::UnfinishedUpload => "upload",
                LeftoverKind::RecordWithoutManifest => "record",
            };
            let address = format!("leftover/{storage}/{kind}/{name}");
            let reason = format!("{what}, last written {} ago", Period::between(modified, now).human());
            if let Some(locked) = Deferral::of_leftover(leftover, storage, &address, &reason, now) {
                deferred.push(locked);
                continue;
            }
            actions.push(Action {
                address,
                symbol: Symbol::Delete,
                phase: Phase::Prune,
                reason,
                changes: Vec::new(),
                depends_on: Vec::new(),
                bytes: Some(leftover.bytes),
                irreversible: None,
                loosens: false,
                deed: Deed::ClearLeftover {
                    storage: storage.to_owned(),
                    database: leftover.database.clone(),
                    tier: leftover.tier.clone(),
                    id: leftover.id.clone(),
                    kind: leftover.kind,
                    keys: leftover.keys.clone(),
                },
            });
        }
        notes.extend(interrupted(storage, read));
    }
    // Two unfinished uploads of one key would share an address; each gets its own.
    for at in 1..actions.len() {
        if actions[..at].iter().any(|earlier: &Action| earlier.address == actions[at].address) {
            actions[at].address = format!("{}#{at}", actions[at].address);
        }
    }
    actions
}

/// Why an unfinished upload is not cleared, if so: only a bucket takes an upload up again, and only for a copy, whose bytes
/// are the same at every try.
fn kept_upload(
    desired: &Desired,
    live: &Live,
    slots: &[Slot<'_>],
    storage: &str,
    leftover: &Leftover,
    now: Timestamp,
) -> Option<String> {
    let is_bucket = desired.storages.get(storage).is_some_and(|spec| matches!(spec.kind, StorageKind::S3(_)));
    if leftover.kind != LeftoverKind::UnfinishedUpload || !is_bucket {
        return None;
    }
    let slot = slots.iter().find(|slot| slot.subject.name == leftover.database && slot.tier == leftover.tier)?;
    slot.spec.copies.iter().find(|copy| copy.to == storage)?;
    let address = copies::address(storage, &leftover.database, &leftover.tier, &leftover.id);
    if copies::lacking(desired, slot, now).contains(&address) {
        return Some("the copy goes on from there".to_owned());
    }
    let unread = slot.spec.copies.iter().find(|copy| live.read(&copy.to).is_none())?;
    Some(format!("whether the copy is still wanted is known once {} can be read", unread.to))
}

/// True for files of a backup that the next one of its tier goes on with: this machine has notes on it.
fn goes_on_from(live: &Live, slots: &[Slot<'_>], leftover: &Leftover, now: Timestamp) -> bool {
    let is_of = |slot: &&Slot<'_>| slot.subject.name == leftover.database && slot.tier == leftover.tier;
    let Some(slot) = slots.iter().find(is_of) else { return false };
    let Ok(id) = leftover.id.parse::<BackupId>() else { return false };
    leftover.kind == LeftoverKind::Data
        && slot.spec.method == Method::Physical
        && live.unfinished.contains(&id)
        && goes_on(&id, slot.newest, now)
}

/// Runs that were killed since the last one that came to its end.
fn interrupted(storage: &str, read: &super::ReadStorage) -> Vec<Note> {
    let journals = &read.contents.journals;
    let finished = journals.iter().filter(|j| j.state == JournalState::Finished).map(|j| j.started_at).max();
    journals
        .iter()
        .filter(|journal| journal.state == JournalState::Interrupted && Some(journal.started_at) > finished)
        .map(|journal| Note {
            about: format!("storage/{storage}"),
            message: format!(
                "run {} by {} was interrupted after step {} of {}; this plan completes it",
                journal.run,
                journal.owner,
                journal.n_settled(),
                journal.steps.len()
            ),
            is_problem: false,
        })
        .collect()
}
