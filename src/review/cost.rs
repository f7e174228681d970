//! What storage in buckets of AWS costs before and after, once retention has settled: as many copies as the policy
//! keeps, each as large as the newest that was recorded.

use super::copies::class_at;
use super::pair::Pair;
use super::recorded::Recorded;
use super::review::Reviewed;
use crate::base::{Money, Period};
use crate::catalog::Keep;
use crate::plan::{Prices, month_of};
use crate::policy::{CopySpec, StorageKind, TierSpec};
use crate::resource::StorageClass;
use crate::schedule::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// What a change does to the bill of S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostChange {
    /// The day that the prices are of.
    pub prices_of: String,
    /// The region that the prices are of.
    pub prices_region: String,
    /// Their currency.
    pub currency: String,
    /// Every storage of which the bill changes.
    pub storages: Vec<StorageCostChange>,
}

/// What a change does to the bill of one storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageCostChange {
    /// The storage, by its name after the change where it is there.
    pub storage: String,
    /// A month before; `None` when something has no known price.
    pub month_before: Option<Money>,
    /// A month after.
    pub month_after: Option<Money>,
    /// Tiers of databases of which no size was recorded: they are not counted.
    pub n_unknown: usize,
}

/// The bills that change; `None` where nothing was recorded or nothing changes.
pub(super) fn cost(pair: &Pair<'_>, prices: &Prices) -> Option<CostChange> {
    let recorded = pair.recorded?;
    let before = bills(pair, pair.base, recorded, prices);
    let after = bills(pair, pair.head, recorded, prices);
    let renamed = |old: &str| pair.storages.get(old).map_or_else(|| old.to_owned(), |new| (*new).to_owned());
    let before: BTreeMap<String, Bill> = before.into_iter().map(|(name, bill)| (renamed(&name), bill)).collect();
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let nothing = Bill::default();
    let storages: Vec<StorageCostChange> = names
        .into_iter()
        .map(|name| (name, before.get(name).unwrap_or(&nothing), after.get(name).unwrap_or(&nothing)))
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| StorageCostChange {
            storage: name.clone(),
            month_before: before.month(),
            month_after: after.month(),
            n_unknown: before.n_unknown.max(after.n_unknown),
        })
        .collect();
    (!storages.is_empty()).then(|| CostChange {
        prices_of: prices.as_of.clone(),
        prices_region: prices.region.clone(),
        currency: prices.currency.clone(),
        storages,
    })
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Bill {
    known: Money,
    is_unpriced: bool,
    n_unknown: usize,
}

impl Bill {
    fn month(&self) -> Option<Money> {
        (!self.is_unpriced).then_some(self.known)
    }
}

fn bills(pair: &Pair<'_>, side: Reviewed<'_>, recorded: &Recorded, prices: &Prices) -> BTreeMap<String, Bill> {
    let mut bills: BTreeMap<String, Bill> = BTreeMap::new();
    let mut stays = BTreeMap::new();
    for (name, spec) in &side.desired.databases {
        for tier_name in &spec.tiers {
            let Some(tier) = side.desired.tiers.get(tier_name) else { continue };
            for copy in tier.copies.iter().filter(|copy| is_aws(side, &copy.to)) {
                let bill = bills.entry(copy.to.clone()).or_default();
                let sizes = sizes(pair, side, recorded, name, tier_name);
                if sizes.is_empty() {
                    bill.n_unknown += 1;
                }
                let floor = spec.safety.keep_at_least;
                let classes =
                    stays.entry((tier_name, &copy.to, floor)).or_insert_with(|| settled(tier, copy, floor, pair.now));
                for bytes in sizes {
                    for (class, n) in classes.iter() {
                        match month_of(prices, *class, *n, bytes) {
                            Some(month) => bill.known = bill.known + month,
                            None => bill.is_unpriced = true,
                        }
                    }
                }
            }
        }
    }
    bills
}

/// The size of the newest backup of each database that an entry stands for; of a tier without one, of any other tier.
fn sizes(pair: &Pair<'_>, side: Reviewed<'_>, recorded: &Recorded, entry: &str, tier: &str) -> Vec<u64> {
    let was = pair.databases.iter().find(|both| both.name == entry).map_or(entry, |both| both.name_before);
    let mut names = recorded.names(side.desired, entry);
    names.extend(recorded.names(pair.base.desired, was));
    names.sort_unstable();
    names.dedup();
    let newest = |name: &str, tier: &str| {
        let newest = recorded.backups(name, tier, pair.now).last()?;
        newest.copies.values().map(|(bytes, _)| *bytes).max()
    };
    let any = |name: &str| side.desired.tiers.keys().filter_map(|tier| newest(name, tier)).max();
    names.into_iter().filter_map(|name| newest(name, tier).or_else(|| any(name))).collect()
}

/// How many copies lie in each class once as many are there as are kept.
fn settled(tier: &TierSpec, copy: &CopySpec, keep_at_least: u32, now: Timestamp) -> BTreeMap<StorageClass, u64> {
    let every = match &tier.schedule {
        Schedule::Manual => None,
        schedule => mean_interval(schedule, now),
    };
    let Some(every) = every.filter(|every| every.0 > 0) else {
        // Nobody knows how often: the floor alone is sure.
        return BTreeMap::from([(copy.class, u64::from(copy.keep.floor(keep_at_least)))]);
    };
    let by_age = |age: Period| age.0.div_ceil(every.0);
    let floor = u64::from(copy.keep.floor(keep_at_least));
    let n = match copy.keep {
        Keep::Last(n) => u64::from(n),
        Keep::For(age) | Keep::ForAtLeast(age, _) => by_age(age).max(floor),
    };
    let mut classes = BTreeMap::new();
    let mut at = 0;
    // Between two turns of the waterfall all lie in one class.
    let turns = copy.transitions.iter().map(|(after, _)| by_age(*after).min(n)).chain([n]);
    for turn in turns {
        if turn > at {
            let age = Period(every.0.saturating_mul(at));
            *classes.entry(class_at(copy, age)).or_default() += turn - at;
            at = turn;
        }
    }
    classes
}

/// The mean time between two backups over the next year.
fn mean_interval(schedule: &Schedule, now: Timestamp) -> Option<Period> {
    let first = schedule.next_after(now, &TimeZone::UTC)?;
    let (mut last, mut n) = (first, 0);
    while n < 400 && Period::between(first, last) < Period::days(360) {
        let Some(next) = schedule.next_after(last, &TimeZone::UTC) else { break };
        (last, n) = (next, n + 1);
    }
    (n > 0).then(|| Period(Period::between(first, last).0 / n))
}

fn is_aws(side: Reviewed<'_>, storage: &str) -> bool {
    match side.desired.storages.get(storage).map(|spec| &spec.kind) {
        Some(StorageKind::S3(bucket)) => {
            bucket.endpoint.as_ref().is_none_or(|endpoint| endpoint.source().contains("amazonaws.com"))
        }
        _ => false,
    }
}
