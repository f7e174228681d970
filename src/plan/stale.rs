//! Whether a saved plan still holds: the policy and the world are looked at again, and what moved in a way that
//! matters is named. Less to do than planned is fine; so are new backups, which only add.

use super::{Action, Deed, GuardKind, Plan, Symbol};
use crate::resource::Resource;
use std::collections::{BTreeMap, BTreeSet};

/// How a saved plan stands against a fresh one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What moved; empty: the plan holds.
    pub differences: Vec<Difference>,
    /// Addresses of planned actions that were done by someone else meanwhile.
    pub already_done: BTreeSet<String>,
}

/// One thing that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub about: String,
    /// What moved, as a phrase.
    pub what: String,
}

impl Standing {
    /// True when the plan may be carried out.
    pub fn holds(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Compares a saved plan with one made now, of the same scope, from the policy and the world as they are.
pub fn compare(saved: &Plan, fresh: &Plan) -> Standing {
    let mut differences = Vec::new();
    let mut differs = |about: &str, what: String| differences.push(Difference { about: about.to_owned(), what });
    if saved.policy.hash != fresh.policy.hash {
        differs(
            "policy",
            format!("the policy `{}` means something else than when the plan was made", saved.policy.file),
        );
    }
    let planned: BTreeMap<&str, &Action> = saved.actions.iter().map(|a| (a.address.as_str(), a)).collect();
    let still: BTreeMap<&str, &Action> = fresh.actions.iter().map(|a| (a.address.as_str(), a)).collect();
    places(saved, fresh, &planned, &still, &mut differs);
    vanished(&planned, &still, &mut differs);
    copies(saved, fresh, &mut differs);

    let mut already_done = BTreeSet::new();
    let exists = |storage: &str, database: &str, tier: &str, id: &str| {
        let there = ids(fresh, storage, database, tier);
        there.contains(id) || there.contains(&*format!("{id}!"))
    };
    for (address, action) in planned {
        match still.get(address) {
            Some(now) if now.deed == action.deed && now.changes == action.changes => {}
            Some(_) => differs(address, "it would do something else now".to_owned()),
            // Locked meanwhile: it stays, and whoever applies the plan is told so.
            None if fresh.deferred.iter().any(|locked| locked.address == address) => {}
            None => match &action.deed {
                Deed::PruneBackup { database, tier, id, storage, .. } if exists(storage, database, tier, id) => {
                    differs(address, "this backup is to be kept now".to_owned());
                }
                _ => {
                    already_done.insert(address.to_owned());
                }
            },
        }
    }
    for guard in fresh.guards.iter().filter(|guard| !saved.guards.contains(guard)) {
        let known = |g: &&super::Guard| {
            let is_same = g.kind == guard.kind && g.database == guard.database && g.tier == guard.tier;
            let is_named = !guard.database.is_empty() || guard.kind == GuardKind::ForeignRule;
            is_same && (is_named || g.actions.first() == guard.actions.first())
        };
        let touches = guard.actions.iter().any(|address| saved.actions.iter().any(|a| &a.address == address));
        if touches && saved.guards.iter().find(known).is_none() {
            differs(&format!("{}/{}", guard.database, guard.tier), format!("a guard has come up: {}", guard.message));
        }
    }
    Standing { differences, already_done }
}

/// Folders and markers may have moved only to what the plan wanted.
fn places(
    saved: &Plan,
    fresh: &Plan,
    planned: &BTreeMap<&str, &Action>,
    still: &BTreeMap<&str, &Action>,
    differs: &mut impl FnMut(&str, String),
) {
    for (name, before) in &saved.basis.storages {
        let Some(now) = fresh.basis.storages.get(name) else {
            differs(&format!("storage/{name}"), "it cannot be read any more".to_owned());
            continue;
        };
        if before.location != now.location {
            differs(&format!("storage/{name}"), format!("it was at {} and is at {}", before.location, now.location));
        }
        let mut place = |kind: &str, before: &Option<String>, now: &Option<String>| {
            let address = format!("storage/{name}/{kind}");
            let done_meanwhile = planned.contains_key(address.as_str()) && !still.contains_key(address.as_str());
            if before != now && !done_meanwhile {
                let say = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
                differs(&address, format!("it was {} and is {}", say(before), say(now)));
            }
        };
        place("folder", &before.folder, &now.folder);
        place("marker", &before.marker, &now.marker);
    }
    for name in fresh.basis.storages.keys().filter(|name| !saved.basis.storages.contains_key(*name)) {
        differs(&format!("storage/{name}"), "it can be read now and could not when the plan was made".to_owned());
    }
}

/// A bucket that is to be made now and was not when the plan was made is gone, and with it what was built on.
fn vanished(
    planned: &BTreeMap<&str, &Action>,
    still: &BTreeMap<&str, &Action>,
    differs: &mut impl FnMut(&str, String),
) {
    for (address, action) in still {
        let Deed::Provision { resource, .. } = &action.deed else { continue };
        let is_new = action.symbol == Symbol::Create && !planned.contains_key(address);
        if is_new && matches!(**resource, Resource::Bucket(_)) {
            differs(address, "it existed when the plan was made and does not any more".to_owned());
        }
    }
}

/// Copies may be gone only if the plan was to delete them, and none may have become damaged.
fn copies(saved: &Plan, fresh: &Plan, differs: &mut impl FnMut(&str, String)) {
    let pruned: BTreeSet<(&str, &str, &str, &str)> = saved
        .actions
        .iter()
        .filter_map(|action| match &action.deed {
            Deed::PruneBackup { database, tier, id, storage, .. } => Some((&**storage, &**database, &**tier, &**id)),
            _ => None,
        })
        .collect();
    for (storage, basis) in &saved.basis.storages {
        for (database, tiers) in &basis.backups {
            for (tier, before) in tiers {
                let now = ids(fresh, storage, database, tier);
                for id in before {
                    let plain = id.trim_end_matches('!');
                    let about = format!("{storage}/{database}/{tier}/{plain}");
                    if !now.contains(plain) && !now.contains(&*format!("{plain}!")) {
                        if !pruned.contains(&(storage, database, tier, plain)) {
                            differs(&about, "this backup is gone".to_owned());
                        }
                    } else if !id.ends_with('!') && !now.contains(plain) {
                        differs(&about, "this backup is damaged now".to_owned());
                    }
                }
            }
        }
    }
}

fn ids<'a>(plan: &'a Plan, storage: &str, database: &str, tier: &str) -> BTreeSet<&'a str> {
    let tiers = plan.basis.storages.get(storage).and_then(|basis| basis.backups.get(database));
    tiers.and_then(|tiers| tiers.get(tier)).into_iter().flatten().map(String::as_str).collect()
}
