//! A move to a class of infrequent access before the thirtieth day, where that was always refused.

use crate::base::Period;
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{is_in_aws, stays};
use crate::policy::model::{S3Storage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use crate::resource::StorageClass;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::MOVE_TOO_EARLY, judge };

const DAYS: u64 = 30;

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let model = &subject.document.model;
    let mut found = Vec::new();
    for (name, tier) in &model.tiers {
        for (index, copy) in tier.copies.iter().enumerate() {
            let Some(Storage::S3(storage)) = model.storage.get(copy.to.text()) else { continue };
            let server = match is_in_aws(storage) {
                true if !is_in_china(storage) => continue,
                true => "S3 in China".to_owned(),
                false => format!("the server of `{}`", copy.to.text()),
            };
            for stay in stays(copy) {
                let is_infrequent = matches!(stay.class, StorageClass::StandardIa | StorageClass::OnezoneIa);
                let Some(number) = stay.transition.filter(|_| is_infrequent && stay.from < Period::days(DAYS)) else {
                    continue;
                };
                let route =
                    Route::of(["tiers", name, "copies"]).index(index).key("transitions").index(number).key("after");
                let detail = format!("{} after {}, at {server}", stay.class, stay.from);
                found.push(
                    subject
                        .document
                        .diagnostic(&codes::MOVE_TOO_EARLY, &route, detail)
                        .with_why("Until July 2026 S3 refused such a rule before the thirtieth day, and then refuses all rules of the bucket.")
                        .with_hint("Move after `30d` or later."),
                );
            }
        }
    }
    found
}

fn is_in_china(storage: &S3Storage) -> bool {
    storage.region.as_ref().is_some_and(|region| region.text().starts_with("cn-"))
}
