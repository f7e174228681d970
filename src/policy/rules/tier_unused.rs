//! No database has this tier.

use crate::diag::{Diagnostic, codes};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::TIER_UNUSED, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let used = |tier: &String| subject.desired.databases.values().any(|database| database.tiers.contains(tier));
    let unused = subject.desired.tiers.keys().filter(|tier| !used(tier));
    unused
        .map(|tier| {
            let route = Route::of(["tiers", tier]);
            let mut diagnostic = subject
                .document
                .diagnostic(&codes::TIER_UNUSED, &route, format!("`{tier}` stands in the `tiers` of none"))
                .with_why("It reads like protection that is in force, and no such backup is ever made.")
                .with_hint(format!("Add `{tier}` to the `tiers` of a database, or remove it."));
            diagnostic.span = subject.document.key_span_of(&route).or(diagnostic.span);
            diagnostic
        })
        .collect()
}
