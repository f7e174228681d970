//! Storages of a policy that lie in one bucket.

use super::texts::{key_route, text};
use crate::plan::Live;
use crate::policy::{Desired, EncryptionAtRest, S3Spec, StorageKind};
use crate::resource::permissions::{BackupSite, Whereabouts};
use crate::resource::{BucketPlace, Found, Resource, Versioning};

/// A storage in a bucket.
#[derive(Clone, Copy)]
pub(super) struct Share<'a> {
    /// The storage's name.
    pub(super) name: &'a str,
    /// What the policy says of it.
    pub(super) spec: &'a S3Spec,
    /// Where it is.
    pub(super) place: &'a BucketPlace,
}

/// Every storage of the policy in the bucket of `place`, in the policy's order.
pub(super) fn shares<'a>(desired: &'a Desired, live: &'a Live, place: &BucketPlace) -> Vec<Share<'a>> {
    let mut all = Vec::new();
    for (name, storage) in &desired.storages {
        let StorageKind::S3(spec) = &storage.kind else { continue };
        let Some(there) = live.read(name).and_then(|read| read.bucket.as_ref()) else { continue };
        if (&there.bucket, &there.endpoint) == (&place.bucket, &place.endpoint) {
            all.push(Share { name, spec, place: there });
        }
    }
    all
}

/// The storage that speaks for the bucket: the first with `manage`, or else the first.
pub(super) fn speaker<'a>(shares: &[Share<'a>]) -> Option<Share<'a>> {
    shares.iter().find(|share| share.spec.manage.is_some()).or(shares.first()).copied()
}

/// True when the bucket is to keep versions: said, or needed by object lock or replication.
pub(super) fn keeps_versions(spec: &S3Spec) -> bool {
    spec.manage.as_ref().is_some_and(|manage| {
        manage.versioning == Some(true) || manage.object_lock.is_some() || manage.replicate_to.is_some()
    })
}

/// The key of KMS that encrypts a storage at rest, as the policy names it.
pub(super) fn key(live: &Live, name: &str, spec: &S3Spec) -> Option<String> {
    let Some(EncryptionAtRest::SseKms { key: Some(key), .. }) = spec.manage.as_ref()?.encryption.as_ref() else {
        return None;
    };
    text(live, &key_route(name), key)
}

/// Looks at a storage in S3 as permissions see it; `None` for other storages and such whose place is not known.
pub(in crate::plan) fn with_site<T>(
    desired: &Desired,
    live: &Live,
    name: &str,
    look: impl FnOnce(&BackupSite<'_>) -> T,
) -> Option<T> {
    let StorageKind::S3(spec) = &desired.storages.get(name)?.kind else { return None };
    let place = live.read(name)?.bucket.as_ref()?;
    let key = key(live, name, spec);
    // A default retention of the bucket takes no permission; one that an upload names does.
    let locks = desired.tiers.values().flat_map(|tier| &tier.copies).any(|copy| copy.to == name && copy.lock.is_some());
    let found = live.resources.get(&format!("storage/{name}/versioning"));
    let is_on = matches!(
        found, Some(Found::There(Resource::Versioning(found))) if *found != Versioning::Unversioned
    );
    Some(look(&BackupSite {
        place,
        at: Whereabouts { caller: live.storage_caller(name), region: &place.region },
        key: key.as_deref(),
        locks,
        versions: is_on || locks || keeps_versions(spec),
    }))
}
