//! An age that a rule of S3 counts in whole days, and that is written with hours.

use crate::base::Period;
use crate::catalog::Keep;
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::keep_route;
use crate::policy::model::{S3Prune, S3Storage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use crate::resource::whole_days;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::AGE_ROUNDED_UP, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut ages: Vec<(Route, Period)> = Vec::new();
    for (name, storage) in &subject.document.model.storage {
        let Storage::S3(S3Storage { manage: Some(manage), .. }) = storage else { continue };
        let manage_route = Route::of(["storage", name, "manage"]);
        let locks =
            manage.object_lock.as_ref().map(|lock| (manage_route.key("object_lock").key("retain"), *lock.retain));
        let aborts = manage.abort_incomplete_uploads.as_ref();
        let ends = manage.noncurrent_versions.as_ref();
        ages.extend(locks);
        ages.extend(aborts.map(|age| (manage_route.key("abort_incomplete_uploads"), **age)));
        ages.extend(ends.map(|age| (manage_route.key("noncurrent_versions"), **age)));
    }
    for (name, tier) in &subject.document.model.tiers {
        let specs = subject.desired.tiers.get(name).map(|tier| tier.copies.as_slice()).unwrap_or_default();
        for (index, (copy, spec)) in tier.copies.iter().zip(specs).enumerate() {
            let route = Route::of(["tiers", name, "copies"]).index(index);
            for (number, transition) in copy.transitions.iter().flatten().enumerate() {
                ages.push((route.key("transitions").index(number).key("after"), *transition.after));
            }
            let storage = subject.document.model.storage.get(copy.to.text());
            if let (Some(Storage::S3(S3Storage { prune: Some(S3Prune::Lifecycle), .. })), Keep::For(age)) =
                (storage, spec.keep)
            {
                ages.push((keep_route(subject.document, &route), age));
            }
        }
    }
    let broken = ages.into_iter().filter(|(_, age)| age.0 % 86_400 != 0);
    broken
        .map(|(route, age)| {
            let days = whole_days(age);
            subject
                .document
                .diagnostic(&codes::AGE_ROUNDED_UP, &route, format!("{age} becomes {days}d"))
                .with_why("S3 counts these ages in days, each up to the next midnight UTC; rounding up lets nothing go early.")
                .with_hint(format!("Write `{days}d`."))
        })
        .collect()
}
