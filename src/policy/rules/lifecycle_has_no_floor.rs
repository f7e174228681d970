//! S3 deletes by age, and no floor holds the last backups when new ones stop coming.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::listed;
use crate::policy::model::{S3Prune, S3Storage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use std::collections::BTreeSet;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::LIFECYCLE_HAS_NO_FLOOR, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let model = &subject.document.model;
    let by_lifecycle = |name: &str| {
        matches!(model.storage.get(name), Some(Storage::S3(S3Storage { prune: Some(S3Prune::Lifecycle), .. })))
    };
    let mut found = Vec::new();
    for name in model.storage.keys().filter(|name| by_lifecycle(name)) {
        // Tiers whose every copy goes that way; another copy would still be there.
        let tiers: BTreeSet<&str> = model
            .tiers
            .iter()
            .filter(|(_, tier)| tier.copies.iter().any(|copy| copy.to.text() == name))
            .filter(|(_, tier)| tier.copies.iter().all(|copy| by_lifecycle(copy.to.text())))
            .map(|(tier, _)| tier.as_str())
            .collect();
        if tiers.is_empty() {
            continue;
        }
        let detail = format!("nothing is left of {} when backups stop for as long as `keep`", listed(tiers));
        found.push(
            subject
                .document
                .diagnostic(&codes::LIFECYCLE_HAS_NO_FLOOR, &Route::of(["storage", name, "prune"]), detail)
                .with_why("`safety.keep_at_least` binds this program; the rules of S3 look at age alone.")
                .with_hint("Keep one copy where `prune: backstay` holds, or watch `backup_overdue` closely."),
        );
    }
    found
}
