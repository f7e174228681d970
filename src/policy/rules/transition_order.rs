//! A copy would move to a class that S3 does not let it move to, or to a colder one no later than to the warmer one.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::stays;
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use crate::resource::whole_days;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::TRANSITION_ORDER, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, tier) in &subject.document.model.tiers {
        for (index, copy) in tier.copies.iter().enumerate() {
            let stays = stays(copy);
            for pair in stays.windows(2) {
                let [before, after] = pair else { continue };
                let Some(transition) = after.transition else { continue };
                let route = Route::of(["tiers", name, "copies"]).index(index).key("transitions").index(transition);
                let (from, to) = (before.class.name(), after.class.name());
                let (key, detail) = if !before.class.may_become(after.class) {
                    let problem = if before.class == after.class { "stays" } else { "cannot move" };
                    (
                        "to",
                        format!(
                            "a copy in {from} {problem} {}",
                            if from == to { format!("in {to}") } else { format!("to {to}") }
                        ),
                    )
                } else if before.transition.is_some() && whole_days(after.from) <= whole_days(before.from) {
                    ("after", format!("{to} after {} comes no later than {from} after {}", after.from, before.from))
                } else {
                    continue;
                };
                found.push(
                    subject
                        .document
                        .diagnostic(&codes::TRANSITION_ORDER, &route.key(key), detail)
                        .with_why("S3 moves objects only to colder classes, each later than the one before, and refuses the whole rule otherwise.")
                        .with_hint("Order them from warm to cold: STANDARD, STANDARD_IA, INTELLIGENT_TIERING, ONEZONE_IA or GLACIER_IR, GLACIER, DEEP_ARCHIVE."),
                );
            }
        }
    }
    found
}
