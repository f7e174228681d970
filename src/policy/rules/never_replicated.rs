//! Copies that replication leaves out: encrypted with KMS, cold from the start, or replicas themselves.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::{BucketEncryption, DetailedBucketEncryption, ManageBucket, Policy, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use crate::resource::StorageClass;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::NEVER_REPLICATED, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let model = &subject.document.model;
    let mut found = Vec::new();
    let mut say = |route: &Route, detail: String, why: &str, hint: String| {
        let said = subject.document.diagnostic(&codes::NEVER_REPLICATED, route, detail);
        found.push(said.with_why(why).with_hint(hint));
    };
    for name in model.storage.keys() {
        let Some((manage, to)) = replicating(model, name) else { continue };
        let route = Route::of(["storage", name, "manage"]);
        if is_kms(manage) {
            say(
                &route.key("replicate_to"),
                format!("`{name}` encrypts with KMS, and nothing reaches `{to}`"),
                "S3 replicates objects that KMS encrypts only where a rule names the key of the other side, which this version does not write.",
                format!(
                    "Encrypt with `sse-s3` (backups can be encrypted by `encryption` too), or let tiers write a copy to `{to}`."
                ),
            );
        }
        if let Some((_, further)) = replicating(model, to) {
            say(
                &route.key("replicate_to"),
                format!("`{to}` replicates to `{further}`, and what `{name}` sends ends at `{to}`"),
                "Replicas are not replicated again.",
                format!("Let tiers write a copy to `{further}`."),
            );
        }
    }
    for (name, tier) in &model.tiers {
        for (index, copy) in tier.copies.iter().enumerate() {
            let class = copy.storage_class.unwrap_or_default();
            let Some((_, to)) = replicating(model, copy.to.text()) else { continue };
            if matches!(class, StorageClass::Glacier | StorageClass::DeepArchive) {
                say(
                    &Route::of(["tiers", name, "copies"]).index(index).key("storage_class"),
                    format!("{class} at upload, and nothing reaches `{to}`"),
                    "S3 does not replicate objects that lie in GLACIER or DEEP_ARCHIVE.",
                    format!("Write `transitions: [{{ after: 1d, to: {class} }}]` instead."),
                );
            }
        }
    }
    found
}

/// What a storage says of its bucket, and the storage that it replicates to.
fn replicating<'a>(model: &'a Policy, name: &str) -> Option<(&'a ManageBucket, &'a str)> {
    let Storage::S3(storage) = model.storage.get(name)? else { return None };
    let manage = storage.manage.as_ref()?;
    Some((manage, manage.replicate_to.as_ref()?.text()))
}

fn is_kms(manage: &ManageBucket) -> bool {
    matches!(&manage.encryption, Some(BucketEncryption::Detailed(DetailedBucketEncryption::SseKms(_))))
}
