//! Grants of a user or role that IAM does not take, because they are too long for all the policies that it attaches.

use crate::diag::{Diagnostic, codes};
use crate::policy::desired::{AccessKind, AccessSpec, EncryptionAtRest, S3Spec, StorageKind};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use crate::resource::permissions::{
    BackupSite, LONGEST_MANAGED_POLICY, Statement, Whereabouts, backup_statements, policy_documents,
};
use crate::resource::{BucketPlace, Caller, MOST_ATTACHED};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::GRANTS_TOO_LONG, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, spec) in &subject.desired.access {
        let kind = match spec.kind {
            AccessKind::User { .. } => "user",
            AccessKind::Role { .. } => "role",
        };
        let n = policy_documents(&statements(subject, spec), LONGEST_MANAGED_POLICY).len();
        if n <= MOST_ATTACHED {
            continue;
        }
        let detail = format!("{n} policies of {LONGEST_MANAGED_POLICY} characters, and a {kind} takes {MOST_ATTACHED}");
        let hint = format!("Give each duty or storage a {kind} of its own.");
        found.push(
            subject
                .document
                .diagnostic(&codes::GRANTS_TOO_LONG, &Route::of(["access", name, "grants"]), detail)
                .with_why("IAM attaches no more policies to one user or role, and takes none that is longer.")
                .with_hint(hint),
        );
    }
    found
}

/// What `apply` would write, as far as the policy says it in clear: what a reference hides counts nothing.
fn statements(subject: &Subject<'_>, spec: &AccessSpec) -> Vec<Statement> {
    // The account is not known here, and always as long.
    let caller = Caller { account: "000000000000".to_owned(), arn: String::new() };
    let mut statements = Vec::new();
    for name in &spec.storages {
        let Some(StorageKind::S3(storage)) = subject.desired.storages.get(name).map(|storage| &storage.kind) else {
            continue;
        };
        let text = |template: &crate::base::Template| template.as_literal().unwrap_or_default();
        let prefix = storage.prefix.as_ref().map(text).unwrap_or_default();
        let place = BucketPlace {
            bucket: text(&storage.bucket),
            region: storage.region.as_ref().map(text).unwrap_or_default(),
            prefix: match prefix.trim_matches('/') {
                "" => String::new(),
                prefix => format!("{prefix}/"),
            },
            endpoint: None,
        };
        let key = key(storage);
        let site = BackupSite {
            place: &place,
            at: Whereabouts { caller: Some(&caller), region: &place.region },
            key: key.as_deref(),
            locks: locks(subject, name, storage),
            versions: storage.manage.as_ref().is_some_and(|manage| {
                manage.versioning == Some(true) || manage.object_lock.is_some() || manage.replicate_to.is_some()
            }),
        };
        statements.extend(spec.grants.iter().flat_map(|grant| backup_statements(grant.duty(), &site)));
    }
    statements
}

fn key(storage: &S3Spec) -> Option<String> {
    match storage.manage.as_ref()?.encryption.as_ref()? {
        EncryptionAtRest::SseKms { key: Some(key), .. } => Some(key.as_literal().unwrap_or_default()),
        _ => None,
    }
}

fn locks(subject: &Subject<'_>, name: &str, storage: &S3Spec) -> bool {
    let copies = subject.desired.tiers.values().flat_map(|tier| &tier.copies);
    storage.manage.as_ref().is_some_and(|manage| manage.object_lock.is_some())
        || copies.into_iter().any(|copy| copy.to == name && copy.lock.is_some())
}
