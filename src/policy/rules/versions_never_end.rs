//! A versioned bucket whose old versions are never removed.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::{S3Storage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::VERSIONS_NEVER_END, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, storage) in &subject.document.model.storage {
        let Storage::S3(S3Storage { manage: Some(manage), .. }) = storage else { continue };
        if manage.versioning != Some(true) || manage.noncurrent_versions.is_some() {
            continue;
        }
        let route = Route::of(["storage", name, "manage", "versioning"]);
        found.push(
            subject
                .document
                .diagnostic(&codes::VERSIONS_NEVER_END, &route, format!("`{name}` keeps every deleted backup"))
                .with_why("On a versioned bucket deleting hides an object; its bytes stay, and are billed, until a rule removes them.")
                .with_hint("Add `noncurrent_versions: 30d` beside it."),
        );
    }
    found
}
