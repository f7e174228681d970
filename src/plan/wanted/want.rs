//! One thing that is wanted, and all of them.

use super::replication::role_name;
use super::{access::access, bucket::bucket};
use crate::plan::Live;
use crate::policy::{AccessKind, Desired, StorageKind};
use crate::resource::{Principal, Resource};

/// One thing outside that the policy wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it stands in plans: `storage/<name>/<word>` or `access/<name>/<word>`.
    pub address: String,
    /// The storage that it is for.
    pub storage: Option<String>,
    /// The entry of `access` that it is for.
    pub access: Option<String>,
    /// What is wanted, as far as the policy says; the rest is taken from what is found.
    pub resource: Resource,
    /// Addresses that must be as wanted before it.
    pub after: Vec<String>,
    /// Whether it may be made where it is absent; otherwise its absence is a problem.
    pub may_create: bool,
}

/// Everything that the policy wants outside, in an order that works. Needs what was found for the names that
/// references hide, for the account's number and for the ARNs of what exists.
///
/// What is written as a whole and holds things of others too (rules, statements) is here as soon as the policy has a say
/// over the bucket, also when nothing of ours is wanted in it: what we made before must be found to be removed.
pub fn wanted(desired: &Desired, live: &Live) -> Vec<Wanted> {
    let mut all = Vec::new();
    for (name, storage) in &desired.storages {
        let StorageKind::S3(spec) = &storage.kind else { continue };
        let place = live.read(name).and_then(|read| read.bucket.as_ref());
        all.extend(place.into_iter().flat_map(|place| bucket(desired, live, name, spec, place)));
    }
    // Nobody is let in before buckets refuse what they are to refuse.
    all.extend(access(desired, live));
    all
}

/// Where users and roles of a policy stand in IAM, unless an entry of `access` says otherwise.
pub fn identity_path(policy: &str) -> String {
    format!("/backstay/{policy}/")
}

/// Name of the inline policy of what a policy gives.
pub fn grants_name(policy: &str) -> String {
    format!("backstay-{policy}")
}

/// Every user and role that the policy asks for, also those that cannot be planned now.
pub fn principals(desired: &Desired) -> Vec<Principal> {
    let access = desired.access.values().map(|spec| match spec.kind {
        AccessKind::User { .. } => Principal::User(spec.name.clone()),
        AccessKind::Role { .. } => Principal::Role(spec.name.clone()),
    });
    let replicates = desired.storages.iter().filter(|(_, storage)| match &storage.kind {
        StorageKind::S3(spec) => spec.manage.as_ref().is_some_and(|manage| manage.replicate_to.is_some()),
        StorageKind::Filesystem(_) => false,
    });
    access.chain(replicates.map(|(name, _)| Principal::Role(role_name(&desired.name, name)))).collect()
}
