//! What storage costs in a month before and after a plan, and what leaving a class early costs. An estimate: from the
//! sizes in the manifests and a dated table of prices, each storage priced as if nothing else lay in its account.

use super::forecast::stays;
use super::life::Life;
use super::prices::{GB, MONTH, Prices};
use super::shelf::Shelf;
use crate::base::Money;
use crate::plan::days::{later, midnight};
use crate::resource::StorageClass;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a plan does to the bill of S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// The day that the prices are of.
    pub prices_of: String,
    /// The region that the prices are of.
    pub prices_region: String,
    /// Their currency.
    pub currency: String,
    /// Every storage in a bucket of AWS.
    pub storages: Vec<StorageCost>,
}

/// The bill of one storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StorageCost {
    /// The storage.
    pub storage: String,
    /// Its region, where it is known; prices are those of `prices_region` all the same.
    pub region: String,
    /// What lies there now, by class.
    pub before: Vec<ClassCost>,
    /// What lies there from tomorrow on when the plan is carried out, by class.
    pub after: Vec<ClassCost>,
    /// A month of what lies there now; absent when a class has no known price.
    #[schemars(with = "Option<String>")]
    pub month_before: Option<Money>,
    /// A month of what lies there afterwards.
    #[schemars(with = "Option<String>")]
    pub month_after: Option<Money>,
    /// Copies that this plan adds and whose size is not known.
    pub n_unknown: u64,
    /// What is charged for copies that leave a class before its minimum duration because of this plan.
    pub early: Vec<EarlyCost>,
    /// What this plan does there that has no known price, as phrases.
    pub unpriced: Vec<String>,
}

/// What lies in one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClassCost {
    /// The class.
    pub class: StorageClass,
    /// Backups in it.
    pub n_backups: u64,
    /// Bytes stored.
    pub bytes: u64,
    /// What a month of it costs; absent when that has no known price.
    #[schemars(with = "Option<String>")]
    pub month: Option<Money>,
}

/// Copies that leave a class early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EarlyCost {
    /// The class that they leave.
    pub class: StorageClass,
    /// How many.
    pub n_backups: u64,
    /// Days that are paid for nothing, of the copy that has most.
    pub most_days: u64,
    /// What is charged; absent when the class has no known price.
    #[schemars(with = "Option<String>")]
    pub amount: Option<Money>,
}

/// What is billed of the files of copies in one class.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    n_backups: u64,
    n_objects: u64,
    bytes: u64,
    billed: u64,
}

impl Weight {
    /// Adds a copy with files of these sizes.
    fn add(&mut self, class: StorageClass, sizes: impl Iterator<Item = u64>) {
        self.n_backups += 1;
        for size in sizes {
            self.n_objects += 1;
            self.bytes = self.bytes.saturating_add(size);
            self.billed = self.billed.saturating_add(billed(class, size));
        }
    }
}

/// Bytes that are billed for an object: some classes have a smallest one, and archives keep a name beside each.
fn billed(class: StorageClass, size: u64) -> u64 {
    match class {
        StorageClass::Standard | StorageClass::IntelligentTiering => size,
        StorageClass::StandardIa | StorageClass::OnezoneIa | StorageClass::GlacierIr => size.max(128 << 10),
        StorageClass::Glacier | StorageClass::DeepArchive => size.saturating_add(32 << 10),
    }
}

/// Everything that goes into the bill of one storage.
#[derive(Debug, Default)]
pub(super) struct Bill {
    region: String,
    before: BTreeMap<StorageClass, Weight>,
    after: BTreeMap<StorageClass, Weight>,
    early: BTreeMap<StorageClass, (u64, u64, f64)>,
    n_unknown: u64,
    n_put: u64,
    n_moved: u64,
}

impl Bill {
    /// An empty bill of a storage in a region.
    pub(super) fn of(region: &str) -> Bill {
        Bill { region: region.to_owned(), ..Bill::default() }
    }

    /// Counts a copy that the plan leaves alone: it costs the same before and after.
    pub(super) fn same(&mut self, life: &Life<'_>) {
        count(&mut self.before, life, life.class);
        count(&mut self.after, life, life.class);
    }

    /// Counts a shelf that the plan changes.
    pub(super) fn changed(&mut self, shelf: &Shelf<'_>, taken_sizes: Option<&[u64]>, now: Timestamp) {
        let tomorrow = midnight(later(now, SignedDuration::from_hours(1)));
        for life in &shelf.before {
            count(&mut self.before, life, life.class);
        }
        for life in &shelf.after {
            let class = life.class_at(tomorrow);
            match (life.backup, taken_sizes) {
                (Some(_), _) => count(&mut self.after, life, class),
                (None, Some(sizes)) => self.after.entry(class).or_default().add(class, sizes.iter().copied()),
                (None, None) => self.n_unknown += 1,
            }
            self.n_put += u64::from(life.written == now);
            self.n_moved += u64::from(shelf.rules_change && !life.moves.is_empty());
            if shelf.rules_change {
                let old: Vec<_> = shelf.before.iter().filter(|old| old.id() == life.id()).flat_map(stays).collect();
                let new = stays(life).filter(|stay| !old.contains(stay));
                new.for_each(|(class, from, to)| self.leaves(class, from, to, life));
            }
        }
        let stays_on = |life: &&Life<'_>| shelf.after.iter().any(|after| after.id() == life.id());
        for life in shelf.before.iter().filter(|life| !stays_on(life)) {
            self.leaves(life.class, life.arrived, Some(now), life);
        }
    }

    fn leaves(&mut self, class: StorageClass, from: Timestamp, to: Option<Timestamp>, life: &Life<'_>) {
        let (Some(to), Some(backup)) = (to, life.backup) else { return };
        let stayed = crate::base::Period::between(from, to).0 / 86_400;
        let Some(lacking) = class.minimum_days().checked_sub(stayed).filter(|days| *days > 0) else { return };
        let bytes: u64 = backup.objects.iter().map(|object| billed(class, object.stored_bytes)).sum();
        let (count, most, gigabyte_days) = self.early.entry(class).or_default();
        *count += 1;
        *most = (*most).max(lacking);
        *gigabyte_days += bytes as f64 / GB * lacking as f64;
    }

    /// The bill, priced.
    pub(super) fn priced(self, storage: &str, prices: &Prices) -> StorageCost {
        let side = |weights: &BTreeMap<StorageClass, Weight>| -> Vec<ClassCost> {
            let of = |(class, weight): (&StorageClass, &Weight)| ClassCost {
                class: *class,
                n_backups: weight.n_backups,
                bytes: weight.bytes,
                month: month(prices, *class, weight),
            };
            weights.iter().map(of).collect()
        };
        let (before, after) = (side(&self.before), side(&self.after));
        let total = |side: &[ClassCost]| side.iter().map(|class| class.month).sum::<Option<Money>>();
        let early = self.early.iter().map(|(class, (n_backups, most_days, gigabyte_days))| EarlyCost {
            class: *class,
            n_backups: *n_backups,
            most_days: *most_days,
            amount: prices.gb_month(*class, 1.0).map(|price| Money::of(gigabyte_days / MONTH * price)),
        });
        let early = early.collect();
        let mut unpriced = Vec::new();
        let price =
            |of: fn(&super::prices::ClassPrices) -> Option<f64>| prices.classes.values().all(|c| of(c).is_some());
        if self.n_put > 0 && !price(|class| class.put_1000) {
            unpriced.push("requests that upload".to_owned());
        }
        if self.n_moved > 0 && !price(|class| class.transition_1000) {
            unpriced.push("requests that move objects between classes".to_owned());
        }
        StorageCost {
            storage: storage.to_owned(),
            region: self.region,
            month_before: total(&before),
            month_after: total(&after),
            before,
            after,
            n_unknown: self.n_unknown,
            early,
            unpriced,
        }
    }
}

fn count(weights: &mut BTreeMap<StorageClass, Weight>, life: &Life<'_>, class: StorageClass) {
    let sizes = life.backup.into_iter().flat_map(|backup| &backup.objects).map(|object| object.stored_bytes);
    weights.entry(class).or_default().add(class, sizes);
}

/// What a month of so many copies of this size in a class costs; `None` when that has no known price.
pub fn month_of(prices: &Prices, class: StorageClass, n_backups: u64, bytes: u64) -> Option<Money> {
    let mut weight = Weight::default();
    weight.add(class, std::iter::once(bytes));
    let times = |each: u64| each.saturating_mul(n_backups);
    let weight = Weight {
        n_backups,
        n_objects: times(weight.n_objects),
        bytes: times(weight.bytes),
        billed: times(weight.billed),
    };
    month(prices, class, &weight)
}

fn month(prices: &Prices, class: StorageClass, weight: &Weight) -> Option<Money> {
    let bytes = prices.gb_month(class, weight.billed as f64 / GB)?;
    let watched = match class {
        StorageClass::IntelligentTiering => {
            prices.classes.get(&class)?.month_1000_objects? * weight.n_objects as f64 / 1e3
        }
        // The names of archived objects lie in STANDARD: 8 KiB each.
        StorageClass::Glacier | StorageClass::DeepArchive => {
            prices.gb_month(StorageClass::Standard, weight.n_objects as f64 * 8_192.0 / GB)?
        }
        _ => 0.0,
    };
    Some(Money::of(bytes + watched))
}
