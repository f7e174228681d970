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
        let mut found = Ok(Vec::new());
        for path in paths(desired) {
            found = match (found, orphans(session, &desired.name, &path, &wanted).await) {
                (Ok(all), Ok(more)) => Ok([all, more].concat()),
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
        }
        let found = match found {
            Err(AwsError::Denied { .. }) if desired.access.is_empty() => continue,
            found => found.map_err(|error| error.to_string()),
        };
        live.orphans.insert((*storage).to_owned(), found);
    }
}

/// Where users and roles of the policy stand, none below another. Everything of an account is never looked through.
fn paths(desired: &Desired) -> Vec<String> {
    let own = desired.access.values().map(|spec| spec.path.clone()).filter(|path| path != "/");
    let all: BTreeSet<String> = own.chain([identity_path(&desired.name)]).collect();
    let is_top = |path: &&String| !all.iter().any(|other| other != *path && path.starts_with(other.as_str()));
    all.iter().filter(is_top).cloned().collect()
}
