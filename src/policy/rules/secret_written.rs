//! A secret stands in the policy itself, where a reference belongs. The finding never repeats the secret.

use crate::diag::{Diagnostic, codes};
use crate::policy::rule::{Rule, Subject};
use crate::policy::secrets::{WrittenSecret, written_secrets};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::SECRET_WRITTEN, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    written_secrets(&subject.document.tree)
        .into_iter()
        .map(|WrittenSecret { route, kind, .. }| {
            subject
                .document
                .diagnostic(&codes::SECRET_WRITTEN, &route, format!("`{route}` holds {kind}"))
                .with_why("A policy is made to be committed and reviewed: everyone who reads it has the secret, and history keeps it.")
                .with_hint("Replace the secret, then refer to the new one: `${env:NAME}` or `${file:/path}`.")
        })
        .collect()
}
