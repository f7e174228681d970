//! A floor `keep_at_least` is written, and a `keep` with a smaller number of its own is obeyed instead.

use crate::catalog::Keep;
use crate::diag::{Diagnostic, codes};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use std::collections::BTreeSet;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::FLOOR_NOT_HELD, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut told: BTreeSet<Route> = BTreeSet::new();
    for (name, database) in &subject.desired.databases {
        let floors = [
            Route::of(["databases", name, "safety", "keep_at_least"]),
            Route::of(["defaults", "safety", "keep_at_least"]),
            Route::of(["safety", "keep_at_least"]),
        ];
        let Some(floor) = floors.into_iter().find(|route| subject.document.tree.at(route).is_some()) else { continue };
        let wanted = database.safety.keep_at_least;
        for tier in &database.tiers {
            let copies = subject.desired.tiers.get(tier).map(|tier| tier.copies.as_slice()).unwrap_or_default();
            for (index, copy) in copies.iter().enumerate() {
                let (count, key) = match copy.keep {
                    Keep::Last(count) => (count, "last"),
                    Keep::ForAtLeast(_, count) => (count, "at_least"),
                    Keep::For(_) => continue,
                };
                let route = Route::of(["tiers", tier, "copies"]).index(index).key("keep").key(key);
                if count >= wanted || !told.insert(route.clone()) {
                    continue;
                }
                let detail = format!("`{key}: {count}` is obeyed, not `keep_at_least: {wanted}`");
                found.push(
                    subject
                        .document
                        .diagnostic(&codes::FLOOR_NOT_HELD, &route, detail)
                        .with_label(subject.document.place_of(&floor), "the floor that does not hold there")
                        .with_why("A number in `keep` is explicit and stands above the general floor: fewer backups stay than the floor says.")
                        .with_hint(format!("Raise it to `{key}: {wanted}`, or lower `keep_at_least` to {count}.")),
                );
            }
        }
    }
    found
}
