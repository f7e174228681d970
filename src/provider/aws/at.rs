//! A bucket as calls name it.

use super::AwsSession;
use crate::resource::BucketPlace;

/// A bucket, how it is reached, and whose it must be.
#[derive(Debug, Clone)]
pub(super) struct At {
    /// The client.
    pub s3: aws_sdk_s3::Client,
    /// The bucket's name.
    pub bucket: String,
    /// Its region; empty when nobody said.
    pub region: String,
    /// The account that it must belong to; a bucket of the same name in another account is never touched.
    pub owner: Option<String>,
}

impl At {
    /// The bucket of a storage, reached through a session.
    pub(super) async fn of(session: &AwsSession, place: &BucketPlace) -> At {
        At {
            s3: session.s3().await.clone(),
            bucket: place.bucket.clone(),
            region: place.region.clone(),
            owner: session.owner().await,
        }
    }
}
