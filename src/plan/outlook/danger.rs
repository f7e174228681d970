//! Lifecycle rules that this policy did not make and that would take what it promises: which rule does what to which
//! tier, and on which day the first copy is lost.
//!
//! A rule that acts on an age is judged by that age alone, so the verdict does not change from day to day; a rule that
//! acts from a date on is judged by the copies that exist and the one that is due next. Nothing that backstay writes has
//! tags, so a rule that asks for one falls on nothing.

use super::agenda::{Agenda, agendas};
use super::life::{Fate, Life, found, live_on};
use super::rules::{Rules, SMALLEST_THAT_MOVES, fits};
use crate::base::{Period, encode_component};
use crate::catalog::{Backup, Keep};
use crate::plan::Live;
use crate::plan::backups::Slot;
use crate::plan::days::{date, day_after, later, midnight};
use crate::policy::{CopySpec, Desired, PruneBy, StorageKind};
use crate::resource::{
    BucketPlace, Expiration, Found, Lifecycle, LifecycleRule, Resource, StorageClass, is_rule_of, whole_days,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What one rule does to one tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Danger {
    /// The storage.
    pub(in crate::plan) storage: String,
    /// Its bucket.
    pub(in crate::plan) bucket: String,
    /// The rule's id.
    pub(in crate::plan) rule: String,
    /// Start of the keys that the rule is about; empty: every key.
    pub(in crate::plan) below: String,
    /// The tier; where old versions are meant, all tiers of the storage.
    pub(in crate::plan) tier: String,
    /// What it does.
    pub(in crate::plan) harm: Harm,
    /// From when on.
    pub(in crate::plan) when: When,
    /// What that breaks.
    pub(in crate::plan) breaks: Breaks,
    /// When the first copy is lost or frozen; `None`: nobody knows when there will be one.
    pub(in crate::plan) first: Option<Timestamp>,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Harm {
    /// Deletes copies.
    Deletes,
    /// Moves copies to a class that must be thawed, earlier than the policy does.
    Freezes(StorageClass),
    /// Deletes versions that were replaced or deleted.
    DeletesOldVersions,
}

/// When a rule acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum When {
    /// So many days after an object was written.
    Age(u32),
    /// From a day on, whatever the age.
    From(Timestamp),
}

/// What of the policy does not hold under a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Breaks {
    /// What the policy says of the copies, such as `keep`.
    Promise(Keep),
    /// How long old versions stay.
    Versions(Period),
    /// Only the floor: so many newest copies stay whatever their age.
    Floor(u32),
    /// Nothing yet: the day lies beyond everything that is promised today.
    NothingYet,
}

/// Every rule of others that takes something, by storage, rule and tier.
pub(in crate::plan) fn dangers(desired: &Desired, live: &Live, slots: &[Slot<'_>], now: Timestamp) -> Vec<Danger> {
    let mut all = Vec::new();
    let mut known: Option<BTreeMap<&str, Agenda>> = None;
    for (storage, read) in live.readable() {
        let found = live.resources.get(&format!("storage/{storage}/lifecycle"));
        let (Some(place), Some(Found::There(Resource::Lifecycle(lifecycle)))) = (&read.bucket, found) else { continue };
        let Some(StorageKind::S3(spec)) = desired.storages.get(storage).map(|storage| &storage.kind) else { continue };
        let is_foreign = |rule: &&LifecycleRule| rule.enabled && !is_rule_of(&desired.name, &rule.id);
        let rules: Vec<&LifecycleRule> = lifecycle.rules.iter().filter(is_foreign).collect();
        if rules.is_empty() {
            continue;
        }
        let agendas = known.get_or_insert_with(|| agendas(desired, slots, now));
        let nothing = Agenda::default();
        let mut tiers = Vec::new();
        for (tier, spec_of_tier) in &desired.tiers {
            for copy in spec_of_tier.copies.iter().filter(|copy| copy.to == storage) {
                let own: Vec<&Slot<'_>> = slots.iter().filter(|slot| slot.tier == tier).collect();
                let entries = desired.databases.iter().filter(|(_, spec)| spec.tiers.contains(tier));
                let unlisted = entries.filter(|(entry, _)| matches!(live.matched.get(*entry), Some(Err(_))));
                let unlisted: Vec<&str> = unlisted.map(|(entry, _)| entry.as_str()).collect();
                if own.is_empty() && unlisted.is_empty() {
                    continue;
                }
                tiers.push(tier.as_str());
                let agenda = agendas.get(tier.as_str()).unwrap_or(&nothing);
                let stock =
                    Stock { storage, place, lifecycle, tier, copy, prune: spec.prune, own, unlisted, agenda, now };
                rules.iter().for_each(|rule| stock.judge(rule, &mut all));
            }
        }
        if let (Some(kept), false) = (spec.manage.as_ref().and_then(|m| m.noncurrent_versions), tiers.is_empty()) {
            all.extend(rules.iter().filter_map(|rule| old_versions(storage, place, rule, kept, &tiers, now)));
        }
    }
    all.sort_by(|a, b| (&a.storage, &a.rule, &a.tier).cmp(&(&b.storage, &b.rule, &b.tier)));
    all
}

/// A rule that ends old versions before the policy does. Files of backups are written once, so an old version is what
/// somebody overwrote or deleted, and the time until it goes is the time to notice.
fn old_versions(
    storage: &str,
    place: &BucketPlace,
    rule: &LifecycleRule,
    kept: Period,
    tiers: &[&str],
    now: Timestamp,
) -> Option<Danger> {
    let ends = rule.noncurrent_expiration.filter(|ends| ends.keep_newest.unwrap_or(0) == 0)?;
    let is_early = u64::from(ends.days) * 86_400 < kept.0;
    (is_early && can_match(rule, &place.prefix)).then(|| Danger {
        storage: storage.to_owned(),
        bucket: place.bucket.clone(),
        rule: rule.id.clone(),
        below: rule.filter.prefix.clone(),
        tier: tiers.join(", "),
        harm: Harm::DeletesOldVersions,
        when: When::Age(ends.days),
        breaks: Breaks::Versions(kept),
        first: Some(day_after(now, ends.days)),
    })
}

/// True when a rule may fall on keys that begin like this.
fn can_match(rule: &LifecycleRule, keys: &str) -> bool {
    let prefix = &rule.filter.prefix;
    rule.filter.tags.is_empty() && (keys.starts_with(prefix.as_str()) || prefix.starts_with(keys))
}

/// The copies of one tier at one storage, of all databases, and what is promised of them.
struct Stock<'a> {
    storage: &'a str,
    place: &'a BucketPlace,
    lifecycle: &'a Lifecycle,
    tier: &'a str,
    copy: &'a CopySpec,
    prune: PruneBy,
    /// The tier's databases.
    own: Vec<&'a Slot<'a>>,
    /// Entries whose databases could not be listed.
    unlisted: Vec<&'a str>,
    agenda: &'a Agenda,
    now: Timestamp,
}

/// Which files of one database a rule may fall on.
struct Reach {
    data: bool,
    manifests: bool,
}

impl Stock<'_> {
    fn judge(&self, rule: &LifecycleRule, into: &mut Vec<Danger>) {
        let mut acts: Vec<(Harm, When)> = Vec::new();
        let when =
            |days: Option<u32>, on: Option<&str>| days.map(When::Age).or_else(|| on.and_then(date).map(When::From));
        for transition in rule.transitions.iter().filter(|transition| transition.class.is_cold()) {
            let when = when(transition.days, transition.date.as_deref());
            acts.extend(when.map(|when| (Harm::Freezes(transition.class), when)));
        }
        match &rule.expiration {
            Some(Expiration::Days(days)) => acts.push((Harm::Deletes, When::Age(*days))),
            Some(Expiration::Date(day)) => acts.extend(date(day).map(|day| (Harm::Deletes, When::From(day)))),
            Some(Expiration::DeleteMarkers) | None => {}
        }
        for (harm, when) in acts {
            let Some(breaks) = self.breaks(rule, harm, when) else { continue };
            let first = self.own.iter().filter_map(|slot| self.first(rule, harm, when, slot)).min();
            into.push(Danger {
                storage: self.storage.to_owned(),
                bucket: self.place.bucket.clone(),
                rule: rule.id.clone(),
                below: rule.filter.prefix.clone(),
                tier: self.tier.to_owned(),
                harm,
                when,
                breaks,
                first,
            });
        }
    }

    /// What does not hold under a rule; `None`: it falls on nothing of the tier, or later than everything promised.
    fn breaks(&self, rule: &LifecycleRule, harm: Harm, when: When) -> Option<Breaks> {
        let folders = self.own.iter().map(|slot| folder(slot));
        let folders = folders.chain(self.unlisted.iter().map(|entry| encode_component(&format!("{entry}."))));
        let reaches: Vec<Reach> = folders.map(|folder| self.reach(rule, harm, &folder)).collect();
        let data = reaches.iter().any(|reach| reach.data);
        let manifests = reaches.iter().any(|reach| reach.manifests);
        if !data && !manifests {
            return None;
        }
        let promise = Breaks::Promise(self.copy.keep);
        let days = match when {
            When::Age(days) => days,
            When::From(_) => {
                let is_near = self.own.iter().any(|slot| self.first(rule, harm, when, slot).is_some());
                return match harm {
                    _ if is_near => Some(promise),
                    Harm::Deletes => Some(Breaks::NothingYet),
                    _ => None,
                };
            }
        };
        let is_before = |end: Option<Period>| end.is_none_or(|end| u64::from(days) * 86_400 < end.0);
        match harm {
            Harm::Freezes(class) => {
                let planned = self.copy.transitions.iter().filter(|(after, _)| whole_days(*after) <= days);
                let planned = planned.map(|(_, class)| *class).next_back().unwrap_or(self.copy.class);
                // Manifests are never meant to be cold.
                let is_unmeant = manifests || freezes(planned, class);
                (is_unmeant && is_before(self.kept())).then_some(promise)
            }
            Harm::Deletes | Harm::DeletesOldVersions => {
                if is_before(self.kept()) {
                    return Some(promise);
                }
                let floor = self.floor()?;
                let held = self.agenda.interval.map(|interval| times(interval, floor))?;
                is_before(Some(held)).then_some(Breaks::Floor(floor))
            }
        }
    }

    /// How long `keep` promises a copy at least; `None`: until somebody makes others.
    fn kept(&self) -> Option<Period> {
        let counted = |count: u32| self.agenda.interval.map(|interval| times(interval, count));
        match self.copy.keep {
            Keep::For(period) => Some(period),
            Keep::Last(count) => counted(count),
            Keep::ForAtLeast(period, count) => counted(count).map(|counted| counted.max(period)),
        }
    }

    /// `safety.keep_at_least`, where it holds.
    fn floor(&self) -> Option<u32> {
        let is_held = self.prune == PruneBy::Backstay && matches!(self.copy.keep, Keep::For(_));
        let floors = self.own.iter().map(|slot| self.copy.keep.floor(slot.subject.spec.safety.keep_at_least));
        floors.max().filter(|_| is_held)
    }

    /// `folder`: start of the name of the folder of a database in the tier's.
    fn reach(&self, rule: &LifecycleRule, harm: Harm, folder: &str) -> Reach {
        let keys = |part: &str| format!("{}{part}/{}/{folder}", self.place.prefix, encode_component(self.tier));
        let small = rule.filter.larger_than.is_none_or(|bound| bound < SMALLEST_THAT_MOVES);
        let moved = match harm {
            Harm::Freezes(class) => self.moves_small(rule, class),
            Harm::Deletes | Harm::DeletesOldVersions => true,
        };
        Reach { data: can_match(rule, &keys("data")), manifests: small && moved && can_match(rule, &keys("manifest")) }
    }

    /// True when even small files move by this rule.
    fn moves_small(&self, rule: &LifecycleRule, class: StorageClass) -> bool {
        let names_size = rule.filter.larger_than.is_some() || rule.filter.smaller_than.is_some();
        let varies = self.lifecycle.minimum_object_size.as_deref() == Some("varies_by_storage_class");
        names_size || (varies && class.is_cold())
    }

    /// When the first copy of a database is lost or frozen: one that exists, or the next one that is due.
    fn first(&self, rule: &LifecycleRule, harm: Harm, when: When, slot: &Slot<'_>) -> Option<Timestamp> {
        let there = slot.copies.get(self.storage).map(Vec::as_slice).unwrap_or_default();
        let none = Rules::default();
        let mut lives: Vec<Life<'_>> = there.iter().map(|backup| found(backup, &none, self.now)).collect();
        let keep_at_least = slot.subject.spec.safety.keep_at_least;
        let (prune, future) = (PruneBy::Backstay, self.agenda.next.as_slice());
        live_on(&mut lives, &Fate { copy: self.copy, prune, keep_at_least, rules: &none, future }, self.now);
        let existing = lives.iter().filter(|life| life.is_good && life.started <= self.now).filter_map(|life| {
            let at = when.after(life.written).max(midnight(self.now));
            let end = match (self.prune, self.copy.keep.period()) {
                (PruneBy::Lifecycle, Some(period)) => Some(later(life.started, period.to_signed())),
                _ => life.end,
            };
            let is_kept = end.is_none_or(|end| at < end);
            (is_kept && self.is_hit(rule, harm, slot, life, at)).then_some(at)
        });
        let due = if slot.due.is_due() { Some(self.now) } else { self.agenda.next.first().copied() };
        let next = due.and_then(|due| {
            let reach = self.reach(rule, harm, &folder(slot));
            let at = when.after(due);
            let is_kept = self.kept().is_none_or(|kept| at < later(due, kept.to_signed()));
            let meant = match harm {
                Harm::Freezes(class) => !reach.manifests && !freezes(self.class_at(due, at), class),
                _ => false,
            };
            (is_kept && !meant && (reach.data || reach.manifests)).then_some(at)
        });
        existing.chain(next).min()
    }

    /// True when a rule falls on a copy that exists.
    fn is_hit(&self, rule: &LifecycleRule, harm: Harm, slot: &Slot<'_>, life: &Life<'_>, at: Timestamp) -> bool {
        let Some(backup) = life.backup else { return false };
        let reach = self.reach(rule, harm, &folder(slot));
        if reach.manifests && self.key("manifest", backup).starts_with(&rule.filter.prefix) {
            return true;
        }
        let data = self.key("data", backup);
        backup.objects.iter().any(|object| {
            let key = format!("{data}/{}", encode_component(&object.name));
            let matches = reach.data && key.starts_with(&rule.filter.prefix) && fits(rule, object.stored_bytes);
            let moves = match harm {
                Harm::Freezes(class) => {
                    let is_large = object.stored_bytes >= SMALLEST_THAT_MOVES || self.moves_small(rule, class);
                    is_large && freezes(object.class.max(self.class_at(life.written, at)), class)
                }
                _ => true,
            };
            matches && moves
        })
    }

    fn key(&self, part: &str, backup: &Backup) -> String {
        let (tier, database) = (encode_component(&backup.tier), encode_component(&backup.database));
        format!("{}{part}/{tier}/{database}/{}", self.place.prefix, backup.id)
    }

    /// The class in which the policy wants a copy at an instant.
    fn class_at(&self, written: Timestamp, at: Timestamp) -> StorageClass {
        let moved = self.copy.transitions.iter().filter(|(after, _)| day_after(written, whole_days(*after)) <= at);
        moved.map(|(_, class)| *class).next_back().unwrap_or(self.copy.class)
    }
}

impl When {
    fn after(self, written: Timestamp) -> Timestamp {
        match self {
            When::Age(days) => day_after(written, days),
            When::From(day) => day.max(midnight(written)),
        }
    }
}

/// True when a move from one class to the other makes a copy take longer to be read.
fn freezes(from: StorageClass, to: StorageClass) -> bool {
    from.may_become(to) && from.thaw_time() < to.thaw_time()
}

/// Name of the folder of a database, slash at the end.
fn folder(slot: &Slot<'_>) -> String {
    format!("{}/", encode_component(&slot.subject.name))
}

fn times(period: Period, count: u32) -> Period {
    Period(period.0.saturating_mul(u64::from(count)))
}
