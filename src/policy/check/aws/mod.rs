//! What AWS would refuse, said before AWS is asked: names, regions, keys, tags, ARNs, and settings that do not go
//! together. One file a family of its rules.
//!
//! Only what the policy says in clear is judged, never what a reference hides; and only of AWS itself: a server with
//! the same API at another `endpoint` has rules of its own.

mod bucket_name;
mod cloudwatch;
mod endpoint;
mod github;
mod identity;
mod kms_key;
mod lock;
mod log_target;
mod one_region;
mod prefix;
mod principals;
mod region;
mod replication;
mod rule_count;
mod storage;
mod tags;
mod versions;

use crate::diag::Diagnostics;
use crate::policy::tree::Node;

/// Everything that AWS would refuse.
pub(super) fn check(tree: &Node) -> Diagnostics {
    let storages = storage::all(tree);
    let mut found = Vec::new();
    for storage in &storages {
        found.extend(endpoint::check(storage));
        found.extend(prefix::check(storage));
        found.extend(lock::check(&storage.route.key("manage").key("object_lock"), storage.manage("object_lock")));
        found.extend(versions::check(storage));
        found.extend(storage.is_aws().then(|| of_aws(storage)).into_iter().flatten());
    }
    found.extend(one_region::check(&storages));
    found.extend(replication::check(&storages));
    found.extend(log_target::check(&storages));
    found.extend(rule_count::check(tree, &storages));
    found.extend(lock::of_copies(tree));
    found.extend(identity::check(tree, &storages));
    found.extend(principals::check(tree));
    found.extend(cloudwatch::check(tree));
    found.extend(github::check(tree));
    Diagnostics(found)
}

fn of_aws(storage: &storage::S3<'_>) -> Vec<crate::diag::Diagnostic> {
    let mut found = Vec::new();
    found.extend(bucket_name::check(storage));
    found.extend(region::check(storage));
    found.extend(kms_key::check(storage));
    found.extend(tags::check(storage));
    found
}
