//! A bucket is to refuse plain HTTP, and is reached by it.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::{Storage, Transport};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::TRANSPORT_OF_ENDPOINT, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, storage) in &subject.document.model.storage {
        let Storage::S3(bucket) = storage else { continue };
        let is_tls_only = bucket.manage.as_ref().is_some_and(|manage| manage.transport == Some(Transport::TlsOnly));
        let is_plain = bucket.endpoint.as_ref().is_some_and(|endpoint| endpoint.source().starts_with("http://"));
        if !is_tls_only || !is_plain {
            continue;
        }
        let route = Route::of(["storage", name, "manage", "transport"]);
        let detail = format!("`{name}` is reached over plain HTTP");
        found.push(
            subject
                .document
                .diagnostic(&codes::TRANSPORT_OF_ENDPOINT, &route, detail)
                .with_why("Once `apply` has set the bucket policy, the server refuses every call of backstay, too.")
                .with_hint("Use an `https://` endpoint, or leave `transport` out, then run `backstay validate`."),
        );
    }
    found
}
