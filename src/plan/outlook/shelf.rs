//! The copies of one tier of one database at one storage, as they live without a plan and with it.

use super::agenda::Agenda;
use super::life::{Fate, Life, brought, found, live_on, taken};
use super::rules::Rules;
use crate::base::BackupId;
use crate::catalog::Backup;
use crate::plan::backups::Slot;
use crate::plan::{Action, Deed, Live, Plan};
use crate::policy::{CopySpec, Desired, PruneBy, StorageKind};
use crate::resource::{BucketPlace, Found, Lifecycle, Resource};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What the actions of a plan do to one tier of one database.
#[derive(Debug, Default)]
pub(super) struct Doings<'a> {
    /// Where a backup is taken to.
    pub(super) taken: Vec<&'a str>,
    /// Copies that are brought: storage and id.
    pub(super) brought: BTreeSet<(&'a str, &'a str)>,
    /// Copies that are deleted: storage and id.
    pub(super) pruned: BTreeSet<(&'a str, &'a str)>,
}

impl Doings<'_> {
    /// True when the plan leaves the tier alone.
    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.brought.is_empty() && self.pruned.is_empty()
    }
}

/// The doings of a plan by database and tier.
pub(super) fn doings(actions: &[Action]) -> BTreeMap<(&str, &str), Doings<'_>> {
    let mut all: BTreeMap<(&str, &str), Doings<'_>> = BTreeMap::new();
    for action in actions {
        match &action.deed {
            Deed::TakeBackup { database, tier, storages, .. } => {
                all.entry((database, tier)).or_default().taken = storages.iter().map(String::as_str).collect();
            }
            Deed::CopyBackup { database, tier, id, to, .. } => {
                all.entry((database, tier)).or_default().brought.insert((to, id));
            }
            Deed::PruneBackup { database, tier, id, storage, .. } => {
                all.entry((database, tier)).or_default().pruned.insert((storage, id));
            }
            _ => {}
        }
    }
    all
}

/// The lifecycle rules of every bucket of a policy, by bucket: as found, and as the plan makes them.
pub(super) struct Lifecycles {
    before: BTreeMap<String, Lifecycle>,
    after: BTreeMap<String, Lifecycle>,
}

impl Lifecycles {
    /// Several storages may lie in one bucket, and one of them speaks for it.
    pub(super) fn of(live: &Live, plan: &Plan) -> Lifecycles {
        let bucket = |storage: &str| live.read(storage).and_then(|read| read.bucket.as_ref());
        let mut before = BTreeMap::new();
        for (storage, _) in live.readable() {
            let found = live.resources.get(&format!("storage/{storage}/lifecycle"));
            if let (Some(place), Some(Found::There(Resource::Lifecycle(lifecycle)))) = (bucket(storage), found) {
                before.insert(place.bucket.clone(), lifecycle.clone());
            }
        }
        let mut after = before.clone();
        for action in &plan.actions {
            let Deed::Provision { storage: Some(storage), resource, .. } = &action.deed else { continue };
            if let (Some(place), Resource::Lifecycle(lifecycle)) = (bucket(storage), &**resource) {
                after.insert(place.bucket.clone(), lifecycle.clone());
            }
        }
        Lifecycles { before, after }
    }

    /// True when the plan changes the rules that fall on a tier of a database somewhere.
    pub(super) fn change(&self, live: &Live, slot: &Slot<'_>) -> bool {
        if self.before == self.after {
            return false;
        }
        let places = slot.spec.copies.iter().filter_map(|copy| live.read(&copy.to)?.bucket.as_ref());
        places.map(|place| self.rules(place, slot.tier, &slot.subject.name)).any(|(before, after)| before != after)
    }

    fn rules(&self, place: &BucketPlace, tier: &str, database: &str) -> (Rules, Rules) {
        let of = |all: &BTreeMap<String, Lifecycle>| {
            all.get(&place.bucket).map(|lifecycle| Rules::of(lifecycle, place, tier, database)).unwrap_or_default()
        };
        (of(&self.before), of(&self.after))
    }
}

/// See the module.
pub(super) struct Shelf<'a> {
    pub(super) storage: &'a str,
    pub(super) copy: &'a CopySpec,
    /// Where its bucket is; `None` for a folder.
    pub(super) place: Option<&'a BucketPlace>,
    /// The copies that are there, without the plan.
    pub(super) before: Vec<Life<'a>>,
    /// The copies that are there when the plan is carried out.
    pub(super) after: Vec<Life<'a>>,
    /// The plan changes which lifecycle rules fall on them.
    pub(super) rules_change: bool,
    /// The plan deletes more of them than a day's work: it makes the shelf shorter.
    pub(super) shrinks: bool,
}

/// The shelves of a tier of a database, in the policy's order; readable storages only.
pub(super) fn shelves<'a>(
    desired: &'a Desired,
    live: &'a Live,
    slot: &Slot<'a>,
    doings: &Doings<'_>,
    lifecycles: &Lifecycles,
    agenda: &Agenda,
    now: Timestamp,
) -> Vec<Shelf<'a>> {
    let keep_at_least = slot.subject.spec.safety.keep_at_least;
    let backups: BTreeMap<&str, &Backup> =
        slot.copies.values().flatten().map(|backup| (backup.id.as_str(), *backup)).collect();
    let newest = slot.newest_good.and_then(|id: &BackupId| backups.get(id.as_str()));
    let size = newest.and_then(|b| b.objects.iter().map(|object| object.stored_bytes).max());
    let mut shelves = Vec::new();
    for copy in &slot.spec.copies {
        let (Some(read), Some(spec)) = (live.read(&copy.to), desired.storages.get(&copy.to)) else { continue };
        let prune = match &spec.kind {
            StorageKind::S3(spec) => spec.prune,
            StorageKind::Filesystem(_) => PruneBy::Backstay,
        };
        let storage = copy.to.as_str();
        let place = read.bucket.as_ref();
        let (old, new) = place.map(|place| lifecycles.rules(place, slot.tier, &slot.subject.name)).unwrap_or_default();
        let there = slot.copies.get(storage).map(Vec::as_slice).unwrap_or_default();
        let mut before: Vec<Life<'_>> = there.iter().map(|backup| found(backup, &old, now)).collect();
        let mut after: Vec<Life<'_>> = before
            .iter()
            .filter(|life| !life.id().is_some_and(|id| doings.pruned.contains(&(storage, id.as_str()))))
            .filter(|life| !life.id().is_some_and(|id| doings.brought.contains(&(storage, id.as_str()))))
            .cloned()
            .collect();
        for (_, id) in doings.brought.iter().filter(|(to, _)| *to == storage) {
            after.extend(backups.get(id).map(|backup| brought(backup, copy.class, now)));
        }
        if doings.taken.contains(&storage) {
            after.push(taken(copy.class, size, now));
        }
        let fate = |rules| Fate { copy, prune, keep_at_least, rules, future: &agenda.next };
        live_on(&mut before, &fate(&old), now);
        live_on(&mut after, &fate(&new), now);
        let n_pruned = doings.pruned.iter().filter(|(at, _)| *at == storage).count();
        shelves.push(Shelf {
            storage,
            copy,
            place,
            before,
            after,
            rules_change: old != new,
            shrinks: n_pruned > 1.max(usize::from(!doings.taken.is_empty())),
        });
    }
    shelves
}

/// True for a bucket of AWS itself: other servers have prices and minimum durations of their own.
pub(super) fn is_aws(place: &BucketPlace) -> bool {
    place.endpoint.as_ref().is_none_or(|endpoint| endpoint.contains("amazonaws.com"))
}
