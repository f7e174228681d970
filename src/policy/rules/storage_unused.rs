//! Nothing is ever written to this storage.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::{S3Storage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use std::collections::BTreeSet;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::STORAGE_UNUSED, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let model = &subject.document.model;
    let mut written: BTreeSet<&str> = BTreeSet::new();
    written.extend(model.tiers.values().flat_map(|tier| &tier.copies).map(|copy| copy.to.text()));
    written.extend(model.databases.values().filter_map(|d| d.wal.as_ref()).flat_map(|wal| &wal.to).map(|to| to.text()));
    for storage in model.storage.values() {
        if let Storage::S3(S3Storage { manage: Some(manage), .. }) = storage {
            written.extend(manage.replicate_to.as_ref().map(|to| to.text()));
        }
    }
    let unused = model.storage.keys().filter(|name| !written.contains(name.as_str()));
    unused
        .map(|name| {
            subject
                .document
                .diagnostic(
                    &codes::STORAGE_UNUSED,
                    &Route::of(["storage", name]),
                    format!("no tier copies to `{name}`"),
                )
                .with_why("A place that everyone believes to hold copies holds none.")
                .with_hint(format!("Add a copy with `to: {name}` to a tier, or remove the storage."))
        })
        .collect()
}
