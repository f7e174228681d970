//! A bucket's name with dots, which certificates do not cover.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::buckets_of_aws;
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::BUCKET_NAME_DOTTED, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let dotted = buckets_of_aws(&subject.document.model).filter(|(_, storage)| {
        let name = storage.bucket.as_literal().unwrap_or_default();
        name.contains('.') && storage.path_style != Some(true)
    });
    dotted
        .map(|(name, storage)| {
            let route = Route::of(["storage", name, "bucket"]);
            subject
                .document
                .diagnostic(&codes::BUCKET_NAME_DOTTED, &route, format!("`{}`", storage.bucket.text()))
                .with_why("The certificate of S3 covers one name before `.s3`, so programs that put the bucket into the host refuse the connection, and Transfer Acceleration is not possible.")
                .with_hint("Write `-` instead of dots for a new bucket; backstay itself reaches this one.")
        })
        .collect()
}
