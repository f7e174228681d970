//! Every copy of a database's scheduled backups lies in one place.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{Place, Reach, copy_places, listed, reach, scheduled_tiers};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use indexmap::IndexMap;
use std::collections::BTreeSet;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::ONE_PLACE, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    // One finding for a place, however many databases depend on it.
    let mut alone: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for (name, database) in &subject.desired.databases {
        let held: Vec<(&str, Place)> =
            scheduled_tiers(subject, database).flat_map(|(_, tier)| copy_places(subject, tier)).collect();
        let places: BTreeSet<&Place> = held.iter().map(|(_, place)| place).collect();
        // A single place on the database's own machine is the graver matter of `same_host`.
        let is_own_host = reach(database) == Reach::Here && places.iter().all(|place| place.is_here());
        if let (1, false, Some((storage, _))) = (places.len(), is_own_host, held.first()) {
            alone.entry(storage).or_default().push(name);
        }
    }
    alone
        .into_iter()
        .map(|(storage, databases)| {
            let detail = format!("every copy of {} lies in `{storage}`", listed(databases));
            subject
                .document
                .diagnostic(&codes::ONE_PLACE, &Route::of(["storage", storage]), detail)
                .with_why("One lost disk, one deleted bucket or one stolen key takes every backup at once.")
                .with_hint("Add a second copy at another place to at least one tier of each database.")
        })
        .collect()
}
