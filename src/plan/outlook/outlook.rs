//! The outlook of a plan, put together.

use super::cost::{Bill, Cost};
use super::forecast::{Forecast, forecasts};
use super::needs::{Needs, needs};
use super::prices::Prices;
use super::recovery::{Recovery, Tier, recovery};
use super::shelf::{Lifecycles, Shelf, doings, is_aws, shelves};
use crate::plan::backups::{Slot, slots};
use crate::plan::{Live, Plan, subjects};
use crate::policy::Desired;
use crate::resource::Caller;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a plan does beyond its steps. It explains, and is no part of the plan's identity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Outlook {
    /// Who we are to AWS, by `storage/<name>` and `access/<name>`; only where it could be asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub callers: BTreeMap<String, Identity>,
    /// What happens to backups day by day; only where the plan changes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forecasts: Vec<Forecast>,
    /// What storage in buckets of AWS costs; absent where the policy has none that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// How much would be lost and how soon data is back; only where the plan changes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery: Vec<Recovery>,
    /// Which permissions of AWS the steps take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Needs>,
}

impl Outlook {
    /// True when there is nothing to say.
    pub fn is_empty(&self) -> bool {
        *self == Outlook::default()
    }
}

/// Who we are to AWS somewhere, and where that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    /// ARN of the user or role.
    pub arn: String,
    /// The region; empty where it is not known.
    pub region: String,
}

/// What a plan that was made from these values does beyond its steps.
pub fn outlook(desired: &Desired, live: &Live, plan: &Plan, prices: &Prices, now: Timestamp) -> Outlook {
    let subjects = subjects(desired, live);
    let slots = slots(desired, live, &subjects, now);
    let lifecycles = Lifecycles::of(live, plan);
    let doings = doings(&plan.actions);
    let mut bills: BTreeMap<&str, Bill> = BTreeMap::new();
    for (storage, read) in live.readable() {
        if let Some(place) = read.bucket.as_ref().filter(|place| is_aws(place)) {
            bills.insert(storage, Bill::of(&place.region));
        }
    }
    let mut forecast = Vec::new();
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    let nothing = super::shelf::Doings::default();
    for slot in &slots {
        let doing = doings.get(&(slot.subject.name.as_str(), slot.tier)).unwrap_or(&nothing);
        let is_billed = slot.spec.copies.iter().any(|copy| bills.contains_key(copy.to.as_str()));
        let is_touched = !doing.is_empty() || lifecycles.change(live, slot);
        if !is_billed && !is_touched {
            continue;
        }
        let shelves = shelves(desired, live, slot, doing, &lifecycles, now);
        let sizes = newest_sizes(slot);
        for shelf in &shelves {
            let Some(bill) = bills.get_mut(shelf.storage) else { continue };
            if is_touched {
                bill.changed(shelf, sizes.as_deref(), now);
            } else {
                shelf.before.iter().for_each(|life| bill.same(life));
            }
        }
        if is_touched {
            forecast.extend(forecasts(&slot.subject.name, slot.tier, &shelves));
            touched.insert(&slot.subject.name);
        }
    }
    // The copies of tiers that the plan leaves alone protect a database too.
    let mut recoveries = Vec::new();
    for subject in &subjects {
        let is_its = |slot: &&Slot<'_>| slot.subject.name == subject.name;
        if !touched.contains(subject.name.as_str()) {
            continue;
        }
        let whole: Vec<(&Slot<'_>, Vec<Shelf<'_>>)> = slots
            .iter()
            .filter(is_its)
            .map(|slot| {
                let doing = doings.get(&(slot.subject.name.as_str(), slot.tier)).unwrap_or(&nothing);
                (slot, shelves(desired, live, slot, doing, &lifecycles, now))
            })
            .collect();
        let tiers: Vec<Tier<'_, '_>> = whole.iter().map(|(slot, shelves)| Tier { slot, shelves }).collect();
        recoveries.extend(recovery(desired, subject, &tiers, now));
    }
    let storages = bills.into_iter().map(|(storage, bill)| bill.priced(storage, prices)).collect::<Vec<_>>();
    Outlook {
        callers: callers(live),
        forecasts: forecast,
        cost: (!storages.is_empty()).then(|| Cost {
            prices_of: prices.as_of.clone(),
            prices_region: prices.region.clone(),
            currency: prices.currency.clone(),
            storages,
        }),
        recovery: recoveries,
        permissions: needs(desired, live, plan),
    }
}

fn callers(live: &Live) -> BTreeMap<String, Identity> {
    let region = |of: &str| -> String {
        let place = of.strip_prefix("storage/").and_then(|storage| live.read(storage)?.bucket.as_ref());
        place.map(|place| place.region.clone()).unwrap_or_default()
    };
    let identity = |(of, caller): (&String, &Caller)| {
        let identity = Identity { account: caller.account.clone(), arn: caller.arn.clone(), region: region(of) };
        (of.clone(), identity)
    };
    live.callers.iter().map(identity).collect()
}

/// Sizes of the files of the newest good backup: what the next one is taken to be like.
fn newest_sizes(slot: &Slot<'_>) -> Option<Vec<u64>> {
    let id = slot.newest_good?;
    let backup = slot.copies.values().flatten().find(|backup| backup.id == *id)?;
    Some(backup.objects.iter().map(|object| object.stored_bytes).collect())
}
