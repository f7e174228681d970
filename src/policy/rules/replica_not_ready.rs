//! A bucket replicates to one that is not said to keep versions, or to lock as the first does.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::{ManageBucket, S3Storage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::REPLICA_NOT_READY, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let model = &subject.document.model;
    let mut found = Vec::new();
    for (name, storage) in &model.storage {
        let Storage::S3(S3Storage { manage: Some(manage), .. }) = storage else { continue };
        let Some(to) = manage.replicate_to.as_ref().map(|to| to.text()) else { continue };
        let Some(Storage::S3(target)) = model.storage.get(to) else { continue };
        let keeps =
            |of: &ManageBucket| of.versioning == Some(true) || of.object_lock.is_some() || of.replicate_to.is_some();
        let locks = |of: &ManageBucket| of.object_lock.is_some();
        let there = target.manage.as_ref();
        let (detail, hint) = if !there.is_some_and(keeps) {
            (format!("nothing lets `{to}` keep versions"), "`versioning: true`")
        } else if locks(manage) && !there.is_some_and(locks) {
            (format!("`{name}` locks its objects, and nothing lets `{to}` lock"), "`object_lock`")
        } else {
            continue;
        };
        let route = Route::of(["storage", name, "manage", "replicate_to"]);
        found.push(
            subject
                .document
                .diagnostic(&codes::REPLICA_NOT_READY, &route, detail)
                .with_why("S3 refuses to replicate to a bucket that is not as the first.")
                .with_hint(format!("Add {hint} to `manage` of `{to}`.")),
        );
    }
    found
}
