//! A tier of whole clusters stands at an entry that means databases one by one.

use crate::catalog::Method;
use crate::diag::{Diagnostic, codes};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::CLUSTER_FOR_DATABASE, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, database) in subject.document.model.databases.iter().filter(|(_, entry)| entry.matching.is_some()) {
        for (index, tier) in database.tiers.iter().flatten().enumerate() {
            let tier = tier.text();
            if subject.desired.tiers.get(tier).is_none_or(|spec| spec.method != Method::Physical) {
                continue;
            }
            found.push(
                subject
                    .document
                    .diagnostic(
                        &codes::CLUSTER_FOR_DATABASE,
                        &Route::of(["databases", name, "tiers"]).index(index),
                        format!("tier `{tier}` is physical, and `{name}` matches databases one by one"),
                    )
                    .with_why("A physical backup holds the whole cluster: every database would bring all others along.")
                    .with_hint("Give the tier to an entry without `match`, one for the whole server."),
            );
        }
    }
    found
}
