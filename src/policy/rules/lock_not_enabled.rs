//! A copy is to be locked in a bucket that is made without object lock.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::{S3Storage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::LOCK_NOT_ENABLED, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let model = &subject.document.model;
    let mut found = Vec::new();
    for (name, tier) in &model.tiers {
        for (index, copy) in tier.copies.iter().enumerate().filter(|(_, copy)| copy.lock.is_some()) {
            let Some(Storage::S3(S3Storage { manage: Some(manage), .. })) = model.storage.get(copy.to.text()) else {
                continue;
            };
            if manage.create != Some(true) || manage.object_lock.is_some() {
                continue;
            }
            let route = Route::of(["tiers", name, "copies"]).index(index).key("lock");
            let to = copy.to.text();
            found.push(
                subject
                    .document
                    .diagnostic(&codes::LOCK_NOT_ENABLED, &route, format!("`{to}` is made without object lock"))
                    .with_why("S3 refuses every upload that asks for a lock in a bucket that has none.")
                    .with_hint(format!("Add `object_lock: {{ mode: governance, retain: 1d }}` to `manage` of `{to}`.")),
            );
        }
    }
    found
}
