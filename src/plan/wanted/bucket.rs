//! What a policy wants of a bucket.

use super::Wanted;
use crate::plan::Live;
use crate::policy::{Desired, S3Spec};
use crate::resource::BucketPlace;

/// The bucket of a storage and its settings, as far as `manage` names them.
pub(super) fn bucket(_: &Desired, _: &Live, _: &str, _: &S3Spec, _: &BucketPlace) -> Vec<Wanted> {
    Vec::new()
}
