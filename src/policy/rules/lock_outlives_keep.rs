//! Object lock holds a copy for longer than the policy keeps it.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{keep_route, lifetime};
use crate::policy::model::{LockMode, ObjectLock, S3Storage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::LOCK_OUTLIVES_KEEP, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, tier) in &subject.document.model.tiers {
        let copies = subject.desired.tiers.get(name).map(|tier| tier.copies.as_slice()).unwrap_or_default();
        for (index, (copy, spec)) in tier.copies.iter().zip(copies).enumerate() {
            let Some(lifetime) = lifetime(spec.keep, tier.schedule.value(), subject.now) else { continue };
            let route = Route::of(["tiers", name, "copies"]).index(index);
            let default =
                || bucket_lock(subject, copy.to.text()).map(|lock| (lock, keep_route(subject.document, &route)));
            let own = copy.lock.as_ref().map(|lock| (lock, route.key("lock").key("retain")));
            let Some((lock, place)) = own.or_else(default) else { continue };
            let retain = *lock.retain.value();
            if retain <= lifetime {
                continue;
            }
            let detail = format!("locked for {retain}, kept for {}", lifetime.human());
            let who = match lock.mode {
                LockMode::Governance => "only a user with a special right",
                LockMode::Compliance => "nobody, not even the account's owner,",
            };
            found.push(
                subject
                    .document
                    .diagnostic(&codes::LOCK_OUTLIVES_KEEP, &place, detail)
                    .with_why(format!(
                        "Until the lock ends {who} can delete the copy: pruning fails and its space is paid for."
                    ))
                    .with_hint(format!("Lock for at most {}, or keep for {retain} or longer.", lifetime.human())),
            );
        }
    }
    found
}

fn bucket_lock<'a>(subject: &Subject<'a>, storage: &str) -> Option<&'a ObjectLock> {
    match subject.document.model.storage.get(storage)? {
        Storage::S3(S3Storage { manage: Some(manage), .. }) => manage.object_lock.as_ref(),
        _ => None,
    }
}
