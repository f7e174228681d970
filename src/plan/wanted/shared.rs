//! Storages of a policy that lie in one bucket.

use super::texts::{key_route, text};
use crate::base::Template;
use crate::plan::{Live, LiveStorage};
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

/// A storage that could not be read and may lie in the bucket of `place`. What is ours in the bucket's rules and
/// statements is not known as a whole then, and what is left out of them would be taken away.
pub(super) fn hidden<'a>(desired: &'a Desired, live: &Live, place: &BucketPlace) -> Option<&'a str> {
    let may_be_in = |spec: &S3Spec| {
        let is_bucket = spec.bucket.as_literal().is_none_or(|bucket| bucket == place.bucket);
        let endpoint = spec.endpoint.as_ref().map(Template::as_literal);
        is_bucket && endpoint.map_or(place.endpoint.is_none(), |url| url.is_none() || url == place.endpoint)
    };
    let hidden = desired.storages.iter().find(|(name, storage)| match &storage.kind {
        StorageKind::S3(spec) => {
            matches!(live.storages.get(*name), Some(LiveStorage::Unreadable(_))) && may_be_in(spec)
        }
        StorageKind::Filesystem(_) => false,
    });
    hidden.map(|(name, _)| name.as_str())
}

/// True when the policy names a key of KMS for a storage, and the name stands behind a reference without a value.
pub(super) fn hides_key(desired: &Desired, live: &Live, name: &str) -> bool {
    let Some(StorageKind::S3(spec)) = desired.storages.get(name).map(|storage| &storage.kind) else { return false };
    let encryption = spec.manage.as_ref().and_then(|manage| manage.encryption.as_ref());
    matches!(encryption, Some(EncryptionAtRest::SseKms { key: Some(_), .. })) && key(live, name, spec).is_none()
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
    // One that is not known may be any.
    let key = key(live, name, spec).or_else(|| hides_key(desired, live, name).then(|| "*".to_owned()));
    // A default retention of the bucket takes no permission; one that an upload names does.
    let locks = desired.tiers.values().flat_map(|tier| &tier.copies).any(|copy| copy.to == name && copy.lock.is_some());
    let found = live.resources.get(&format!("storage/{name}/versioning"));
    // Who may not ask must not take away what another plan gave.
    let is_on = match found {
        Some(Found::There(Resource::Versioning(found))) => *found != Versioning::Unversioned,
        Some(Found::Unreadable(_)) => true,
        _ => false,
    };
    Some(look(&BackupSite {
        place,
        at: Whereabouts { caller: live.storage_caller(name), region: &place.region },
        key: key.as_deref(),
        locks,
        versions: is_on || locks || keeps_versions(spec),
    }))
}
