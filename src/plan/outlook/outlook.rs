//! The outlook of a plan, put together.

use super::agenda::{Agenda, agendas};
use super::cost::{Bill, Cost};
use super::forecast::{Forecast, forecasts};
use super::needs::{Needs, needs};
use super::prices::Prices;
use super::recovery::{Recovery, Tier, recovery};
use super::shelf::{Doings, Lifecycles, doings, is_aws, shelves};
use crate::plan::backups::{Slot, slots};
use crate::plan::{Live, Plan, subjects};
use crate::policy::Desired;
use crate::resource::Caller;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    let agendas = agendas(desired, &slots, now);
    let lifecycles = Lifecycles::of(live, plan);
    let doings = doings(&plan.actions);
    let mut bills: BTreeMap<&str, Bill> = BTreeMap::new();
    for (storage, read) in live.readable() {
        if let Some(place) = read.bucket.as_ref().filter(|place| is_aws(place)) {
            bills.insert(storage, Bill::of(&place.region));
        }
    }
    let (nothing, unknown) = (Doings::default(), Agenda::default());
    let mut by_subject: BTreeMap<&str, Vec<&Slot<'_>>> = BTreeMap::new();
    for slot in &slots {
        by_subject.entry(&slot.subject.name).or_default().push(slot);
    }
    let (mut forecast, mut recoveries) = (Vec::new(), Vec::new());
    for subject in &subjects {
        let own = by_subject.get(subject.name.as_str()).into_iter().flatten();
        let own: Vec<(&Slot<'_>, &Doings<'_>, bool)> = own
            .map(|slot| {
                let doing = doings.get(&(subject.name.as_str(), slot.tier)).unwrap_or(&nothing);
                (*slot, doing, !doing.is_empty() || lifecycles.change(live, slot))
            })
            .collect();
        // The copies of tiers that the plan leaves alone protect a touched database too.
        let is_any_touched = own.iter().any(|(_, _, is_touched)| *is_touched);
        let is_billed = |slot: &Slot<'_>| slot.spec.copies.iter().any(|copy| bills.contains_key(copy.to.as_str()));
        let mut tiers: Vec<Tier<'_, '_>> = Vec::new();
        for (slot, doing, is_touched) in own.into_iter().filter(|(slot, ..)| is_any_touched || is_billed(slot)) {
            let agenda = agendas.get(slot.tier).unwrap_or(&unknown);
            let shelves = shelves(desired, live, slot, doing, &lifecycles, agenda, now);
            tiers.push(Tier { slot, shelves, agenda, is_touched });
        }
        for tier in &tiers {
            count(&mut bills, tier, now);
        }
        for tier in tiers.iter().filter(|tier| tier.is_touched) {
            forecast.extend(forecasts(&subject.name, tier.slot.tier, &tier.shelves));
        }
        if is_any_touched {
            recoveries.extend(recovery(subject, &tiers, live, now));
        }
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

/// Puts the copies of one tier on the bills of their storages.
fn count(bills: &mut BTreeMap<&str, Bill>, tier: &Tier<'_, '_>, now: Timestamp) {
    let sizes = newest_sizes(tier.slot);
    for shelf in &tier.shelves {
        let Some(bill) = bills.get_mut(shelf.storage) else { continue };
        if tier.is_touched {
            bill.changed(shelf, sizes.as_deref(), now);
        } else {
            shelf.before.iter().for_each(|life| bill.same(life));
        }
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
