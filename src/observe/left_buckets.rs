//! Buckets that a policy made its own and names no longer, account by account and region by region.

use crate::plan::Live;
use crate::policy::{Desired, StorageKind};
use crate::provider::aws::{AwsError, AwsSession, left_buckets};
use crate::resource::BucketPlace;
use std::collections::BTreeSet;

/// Asks each account once a region, by the first storage there whose bucket the policy manages. Who may not list buckets
/// is not told so: it is what only those do who change infrastructure.
pub(super) async fn read_left_buckets(desired: &Desired, sites: &[(&str, &AwsSession, &BucketPlace)], live: &mut Live) {
    let named: Vec<String> = sites.iter().map(|(_, _, place)| place.bucket.clone()).collect();
    // A storage whose bucket is not known now may be the one that names it.
    let is_bucket = |kind: &StorageKind| matches!(kind, StorageKind::S3(_));
    if desired.storages.values().filter(|spec| is_bucket(&spec.kind)).count() != named.len() {
        return;
    }
    let mut asked = BTreeSet::new();
    for (storage, session, place) in sites {
        let Some(caller) = live.storage_caller(storage) else { continue };
        let manages = match desired.storages.get(*storage).map(|spec| &spec.kind) {
            Some(StorageKind::S3(spec)) => spec.manage.is_some(),
            _ => false,
        };
        if !manages || !asked.insert((caller.account.clone(), place.region.clone())) {
            continue;
        }
        let found = match left_buckets(session, &place.region, &desired.name, &named).await {
            Err(AwsError::Denied { .. }) => continue,
            found => found.map_err(|error| error.to_string()),
        };
        live.left_buckets.insert((*storage).to_owned(), found);
    }
}
