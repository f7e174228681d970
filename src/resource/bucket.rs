//! A bucket and where it is.

use super::Resource;
use super::change::Merged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A bucket. Neither name nor region can be changed once it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region, such as `us-east-1`.
    pub region: String,
    /// Made with object lock enabled, which no later call does at once: versions are kept from the first object on.
    /// Never so for one that was found; [`ObjectLock`](super::ObjectLock) says it then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub object_lock: bool,
}

/// Where a storage of the policy is, references resolved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BucketPlace {
    /// The bucket.
    pub bucket: String,
    /// Its region; empty when the policy says none and none was found.
    pub region: String,
    /// Start of every key of the repository: empty, or ending in `/`.
    pub prefix: String,
    /// URL of a server other than AWS.
    pub endpoint: Option<String>,
}

impl Bucket {
    /// Making it. Only with object lock it cannot be taken back.
    pub(super) fn made(&self) -> Merged {
        let irreversible =
            self.object_lock.then(|| "object lock can never be switched off again, nor can versioning then".to_owned());
        Merged { irreversible, ..Merged::whole(None, Resource::Bucket(self.clone())) }
    }

    /// A bucket stays where it is.
    pub(super) fn hindrance(&self, found: &Bucket) -> Option<String> {
        let differs = !self.region.is_empty() && !found.region.is_empty() && self.region != found.region;
        differs.then(|| {
            format!(
                "the bucket {} is in {}, not in {}; a bucket cannot be moved, and is never replaced",
                self.name, found.region, self.region
            )
        })
    }
}
