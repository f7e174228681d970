//! One thing that is wanted, and all of them.

use super::{access::access, bucket::bucket};
use crate::plan::Live;
use crate::policy::{Desired, StorageKind};
use crate::resource::Resource;

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
    let mut all = access(desired, live);
    for (name, storage) in &desired.storages {
        let StorageKind::S3(spec) = &storage.kind else { continue };
        let place = live.read(name).and_then(|read| read.bucket.as_ref());
        all.extend(place.into_iter().flat_map(|place| bucket(desired, live, name, spec, place)));
    }
    all
}
