//! The number of backups that always stay covers a longer time than `keep` asks for, so age never decides.

use crate::base::Period;
use crate::catalog::Keep;
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{interval, keep_route};
use crate::policy::model::{S3Prune, S3Storage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::FLOOR_DECIDES, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, tier) in &subject.desired.tiers {
        let Some(every) = interval(&tier.schedule, subject.now) else { continue };
        let users = subject.desired.databases.values().filter(|database| database.tiers.contains(name));
        let Some(floor) = users.map(|database| database.safety.keep_at_least).min() else { continue };
        for (index, copy) in tier.copies.iter().enumerate() {
            let lifecycle = matches!(
                subject.document.model.storage.get(&copy.to),
                Some(Storage::S3(S3Storage { prune: Some(S3Prune::Lifecycle), .. }))
            );
            let (keep, count, key) = match copy.keep {
                // Shorter than the interval is a finding of its own; S3's own rules know no floor.
                Keep::For(keep) if keep >= every && !lifecycle => (keep, floor, "keep_at_least"),
                Keep::ForAtLeast(keep, count) => (keep, count, "at_least"),
                Keep::For(_) | Keep::Last(_) => continue,
            };
            // One backup more is there between the making of a new one and the pruning of the oldest.
            let held = Period(every.0.saturating_mul(u64::from(count)));
            if held <= keep {
                continue;
            }
            let route = keep_route(subject.document, &Route::of(["tiers", name, "copies"]).index(index));
            let detail = format!("`{key}: {count}` keeps them for {}, longer than {keep}", held.human());
            found.push(
                subject
                    .document
                    .diagnostic(&codes::FLOOR_DECIDES, &route, detail)
                    .with_why("The newest ones always stay, whatever their age, and with this schedule they are all there is.")
                    .with_hint(format!("Write `keep: {{ last: {count} }}` if that is meant, or keep for {held} or longer.")),
            );
        }
    }
    found
}
