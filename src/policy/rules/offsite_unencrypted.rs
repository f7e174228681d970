//! Copies leave this machine without being encrypted first.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{copy_places, listed, written};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use indexmap::IndexMap;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::OFFSITE_UNENCRYPTED, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    // One finding for what is written once, and one for all databases that write nothing.
    let mut bare: IndexMap<Option<Route>, Vec<(&str, &str)>> = IndexMap::new();
    for (name, database) in &subject.desired.databases {
        if database.encryption.is_some() {
            continue;
        }
        let tiers = database.tiers.iter().filter_map(|tier| subject.desired.tiers.get(tier));
        let mut places = tiers.flat_map(|tier| copy_places(subject, tier));
        let Some((storage, _)) = places.find(|(_, place)| !place.is_here()) else { continue };
        let route = written(subject.document, name, ["encryption"]);
        let said = (route != Route::of(["databases", name])).then_some(route);
        bare.entry(said).or_default().push((name, storage));
    }
    bare.into_iter()
        .filter_map(|(said, databases)| {
            let (first, storage) = *databases.first()?;
            let route = said.unwrap_or_else(|| Route::of(["databases", first]));
            let names = listed(databases.iter().map(|(name, _)| *name));
            Some(
                subject
                    .document
                    .diagnostic(&codes::OFFSITE_UNENCRYPTED, &route, format!("{names} goes to `{storage}` in clear"))
                    .with_why(
                        "Whoever can read the bucket reads the database; encryption at rest does not change that.",
                    )
                    .with_hint(
                        "Name an entry of `encryption`, such as one with age recipients: those are public keys.",
                    ),
            )
        })
        .collect()
}
