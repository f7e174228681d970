//! Where storages lie, so that two names of one place count once.

use super::host::{Reach, url_reach};
use crate::policy::desired::TierSpec;
use crate::policy::model::{S3Storage, Storage};
use crate::policy::rule::Subject;

/// What is lost together: a folder, or a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::policy) enum Place {
    /// A folder of this machine, as written.
    Folder(String),
    /// A bucket, as written, on a server that runs on this machine.
    BucketHere(String),
    /// A bucket elsewhere: server and bucket, as written.
    Bucket(String, String),
}

impl Place {
    /// True when it is lost together with this machine.
    pub(in crate::policy) fn is_here(&self) -> bool {
        !matches!(self, Place::Bucket(..))
    }
}

/// Where a storage lies.
pub(in crate::policy) fn place(storage: &Storage) -> Place {
    match storage {
        Storage::Filesystem(folder) => Place::Folder(folder.path.text().to_owned()),
        Storage::S3(bucket) => place_of_s3(bucket),
    }
}

/// Where a bucket lies.
pub(in crate::policy) fn place_of_s3(storage: &S3Storage) -> Place {
    let bucket = storage.bucket.text().to_owned();
    match &storage.endpoint {
        Some(endpoint) if url_reach(endpoint) == Reach::Here => Place::BucketHere(bucket),
        Some(endpoint) => Place::Bucket(endpoint.text().trim_end_matches('/').to_owned(), bucket),
        None => Place::Bucket(String::new(), bucket),
    }
}

/// The storages that hold copies of a tier, with those that their buckets replicate to. What a replica's bucket
/// replicates to holds none: S3 does not replicate replicas.
pub(in crate::policy) fn copy_places<'a>(subject: &Subject<'a>, tier: &'a TierSpec) -> Vec<(&'a str, Place)> {
    let storages = &subject.document.model.storage;
    let mut names: Vec<&str> = tier.copies.iter().map(|copy| copy.to.as_str()).collect();
    for copy in &tier.copies {
        if let Some(Storage::S3(S3Storage { manage: Some(manage), .. })) = storages.get(&copy.to) {
            let replica = manage.replicate_to.as_ref().map(|name| name.text());
            names.extend(replica.filter(|replica| !names.contains(replica)));
        }
    }
    names.into_iter().filter_map(|name| Some((name, place(storages.get(name)?)))).collect()
}
