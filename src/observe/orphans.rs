//! Users and roles that a policy made and no longer asks for, account by account.

use crate::plan::{Live, identity_path, principals};
use crate::policy::{Desired, StorageKind};
use crate::provider::aws::{AwsError, AwsSession, orphans};
use std::collections::BTreeSet;

/// Asks each account once, by the first storage in it, where the policy owns anything in AWS. Who may not list
/// identities is told so only where the policy has some.
pub(super) async fn read_orphans(desired: &Desired, sites: &[(&str, &AwsSession)], live: &mut Live) {
    let manages = |storage: &str| match desired.storages.get(storage).map(|storage| &storage.kind) {
        Some(StorageKind::S3(spec)) => spec.manage.is_some(),
        _ => false,
    };
    let wanted = principals(desired);
    let mut asked = BTreeSet::new();
    for (storage, session) in sites {
        let Some(caller) = live.storage_caller(storage) else { continue };
        let is_ours = !desired.access.is_empty() || manages(storage);
        if !is_ours || !asked.insert(caller.account.clone()) {
            continue;
        }
        let found = match orphans(session, &desired.name, &identity_path(&desired.name), &wanted).await {
            Err(AwsError::Denied { .. }) if desired.access.is_empty() => continue,
            found => found.map_err(|error| error.to_string()),
        };
        live.orphans.insert((*storage).to_owned(), found);
    }
}
