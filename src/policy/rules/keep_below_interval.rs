//! A backup expires before the next one of its tier is due.

use crate::catalog::Keep;
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{interval, keep_route};
use crate::policy::model::{S3Prune, S3Storage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::KEEP_BELOW_INTERVAL, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, tier) in &subject.desired.tiers {
        let Some(every) = interval(&tier.schedule, subject.now) else { continue };
        for (index, copy) in tier.copies.iter().enumerate() {
            let Keep::For(keep) = copy.keep else { continue };
            if keep >= every {
                continue;
            }
            let by_lifecycle = matches!(
                subject.document.model.storage.get(&copy.to),
                Some(Storage::S3(S3Storage { prune: Some(S3Prune::Lifecycle), .. }))
            );
            let why = if by_lifecycle {
                format!(
                    "S3 deletes by age alone: from {keep} after a backup until the next one `{}` is empty.",
                    copy.to
                )
            } else {
                "Age alone would leave no backup of this tier; only the floor `keep_at_least` holds the last ones."
                    .to_owned()
            };
            let schedule = Route::of(["tiers", name, "schedule"]);
            let route = keep_route(subject.document, &Route::of(["tiers", name, "copies"]).index(index));
            found.push(
                subject
                    .document
                    .diagnostic(&codes::KEEP_BELOW_INTERVAL, &route, format!("kept for {keep}, made every {every}"))
                    .with_label(subject.document.place_of(&schedule), format!("up to {} apart", every.human()))
                    .with_why(why)
                    .with_hint(format!("Keep it for at least {every}, or say how many: `keep: {{ last: 3 }}`.")),
            );
        }
    }
    found
}
