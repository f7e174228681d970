//! A copy would move to a colder class at an age that it never reaches.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{keep_route, lifetime};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::TRANSITION_TOO_LATE, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, tier) in &subject.document.model.tiers {
        let copies = subject.desired.tiers.get(name).map(|tier| tier.copies.as_slice()).unwrap_or_default();
        for (index, (copy, spec)) in tier.copies.iter().zip(copies).enumerate() {
            let Some(lifetime) = lifetime(spec.keep, tier.schedule.value(), subject.now) else { continue };
            for (number, transition) in copy.transitions.iter().flatten().enumerate() {
                let after = *transition.after.value();
                if after < lifetime {
                    continue;
                }
                let copy = Route::of(["tiers", name, "copies"]).index(index);
                let route = copy.key("transitions").index(number).key("after");
                let keep = subject.document.place_of(&keep_route(subject.document, &copy));
                let detail = format!("moves after {after}, and expires after {}", lifetime.human());
                found.push(
                    subject
                        .document
                        .diagnostic(&codes::TRANSITION_TOO_LATE, &route, detail)
                        .with_label(keep, "expires")
                        .with_why("S3 refuses a lifecycle rule whose transition does not come before its expiration; the move would never happen.")
                        .with_hint(format!("Move earlier than {}, keep longer, or remove the transition.", lifetime.human())),
                );
            }
        }
    }
    found
}
