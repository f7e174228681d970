//! How much would be lost and how soon data is back, before and after a plan.

use super::agenda::Agenda;
use super::life::Life;
use super::shelf::Shelf;
use crate::base::Period;
use crate::catalog::Backup;
use crate::plan::backups::Slot;
use crate::plan::days::later;
use crate::plan::{Live, Subject, reach};
use crate::policy::WalMode;
use crate::resource::StorageClass;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a plan does to the recovery of one database; only where it changes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// The database entry.
    pub database: String,
    /// What would be lost now: the age of the newest good backup, or of the newest archived WAL that one leads to. Absent:
    /// everything, there is none.
    pub loss_before_seconds: Option<u64>,
    /// What would be lost at most once the plan is carried out and the schedule runs, or WAL is archived. Absent: nothing bounds
    /// it.
    pub loss_after_seconds: Option<u64>,
    /// `objectives.rpo`.
    pub rpo_seconds: Option<u64>,
    /// How long the newest good backup takes to thaw now; 0 where it needs none. Absent: there is none.
    pub thaw_before_seconds: Option<u64>,
    /// How long the newest backup takes to thaw at worst, just before the next one. Absent: there is none.
    pub thaw_after_seconds: Option<u64>,
    /// How long the oldest backup that stays takes to thaw.
    pub oldest_thaw_after_seconds: Option<u64>,
    /// How long the newest backup took to be made, which a restore takes about as well; indexes come on top. Absent:
    /// no backup has been made.
    pub transfer_seconds: Option<u64>,
    /// `objectives.rto`.
    pub rto_seconds: Option<u64>,
}

/// One tier of a database, with its shelves.
pub(super) struct Tier<'a, 'b> {
    pub(super) slot: &'b Slot<'a>,
    pub(super) shelves: Vec<Shelf<'a>>,
    pub(super) agenda: &'b Agenda,
    /// The plan changes something about it.
    pub(super) is_touched: bool,
}

/// The recovery of one database; `None` when the plan changes nothing about it.
pub(super) fn recovery(subject: &Subject<'_>, tiers: &[Tier<'_, '_>], live: &Live, now: Timestamp) -> Option<Recovery> {
    let by_wal = by_wal(subject, live, now);
    let objectives = subject.spec.objectives;
    let newest = tiers.iter().filter_map(|tier| newest(tier.slot)).max_by_key(|backup| backup.started_at);
    let shelves = || tiers.iter().flat_map(|tier| &tier.shelves);
    let good = |life: &&Life<'_>| life.is_good && life.started <= now;
    let before: Vec<&Life<'_>> = shelves().flat_map(|shelf| &shelf.before).filter(good).collect();
    let after: Vec<&Life<'_>> = shelves().flat_map(|shelf| &shelf.after).filter(good).collect();
    // With other tiers beside the one that is due most often, at most its interval.
    let writable = tiers.iter().filter(|tier| !tier.slot.writable.is_empty());
    let gap = writable.filter_map(|tier| tier.agenda.interval).min();
    let last = after.iter().map(|life| life.started).max();
    let until = gap.zip(last).map(|(gap, last)| later(last, gap.to_signed()));
    let recovery = Recovery {
        database: subject.name.clone(),
        loss_before_seconds: lost(before.iter().map(|life| life.started).max(), by_wal.newest, now),
        loss_after_seconds: last.and(gap.into_iter().chain(by_wal.bound).min()).map(|gap| gap.0),
        rpo_seconds: objectives.rpo.map(|rpo| rpo.0),
        thaw_before_seconds: thaw(&before, before.iter().map(|life| life.started).max(), now),
        thaw_after_seconds: thaw(&after, last, until.map_or(now, |until| until.max(now))),
        oldest_thaw_after_seconds: thaw(&after, after.iter().map(|life| life.started).min(), now),
        transfer_seconds: newest.map(|backup| Period::between(backup.started_at, backup.finished_at).0),
        rto_seconds: objectives.rto.map(|rto| rto.0),
    };
    let was = (before.len(), recovery.thaw_before_seconds);
    let is = (after.len(), recovery.thaw_after_seconds);
    let same_ids = before.iter().map(|life| life.id()).eq(after.iter().map(|life| life.id()));
    (was != is || !same_ids).then_some(recovery)
}

/// What archived WAL does about what would be lost.
struct ByWal {
    /// The newest moment that it leads to.
    newest: Option<Timestamp>,
    /// How long a change waits at most.
    bound: Option<Period>,
}

fn by_wal(subject: &Subject<'_>, live: &Live, now: Timestamp) -> ByWal {
    let newest = reach(live, &subject.name, now).and_then(|reach| reach.restorable.newest());
    let said = live.archivers.get(&subject.name).and_then(|said| said.as_ref().ok());
    let bound = subject.spec.wal.as_ref().and_then(|wal| match wal.mode {
        // A stream is behind by less than a second.
        WalMode::Stream => Some(Period(1)),
        WalMode::Archive => wal.archive_timeout.or(said?.archive_timeout),
    });
    ByWal { newest, bound }
}

/// The age of the newest moment of a backup or of WAL.
fn lost(backup: Option<Timestamp>, wal: Option<Timestamp>, now: Timestamp) -> Option<u64> {
    backup.map(|backup| Period::between(wal.map_or(backup, |wal| wal.max(backup)), now).0)
}

fn newest<'a>(slot: &Slot<'a>) -> Option<&'a Backup> {
    let id = slot.newest_good?;
    slot.copies.values().flatten().find(|backup| backup.id == *id).copied()
}

/// How long the copy that is quickest to read of the backup of this moment takes to thaw.
fn thaw(lives: &[&Life<'_>], started: Option<Timestamp>, at: Timestamp) -> Option<u64> {
    let copies = lives.iter().filter(|life| Some(life.started) == started);
    let classes = copies.map(|life| life.class_at(at));
    classes.map(StorageClass::thaw_time).min().map(|time| time.0)
}
