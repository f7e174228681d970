//! Tags of a bucket.

use super::AwsError;
use super::answer::{meaning, unless_absent};
use super::at::At;
use crate::resource::Tags;
use aws_sdk_s3::types::{Tag, Tagging};
use std::collections::BTreeMap;

/// The tags that people set; those of AWS itself are left out. `None`: there is no tag.
pub(super) async fn read(at: &At) -> Result<Option<Tags>, AwsError> {
    let tags: BTreeMap<_, _> = all(at).await?.into_iter().filter(|(key, _)| !is_of_aws(key)).collect();
    Ok((!tags.is_empty()).then_some(Tags { tags }))
}

/// Sets these tags. The call replaces the whole set, so every other tag goes along: whose it is cannot be told, and
/// those of AWS itself may not be missing.
pub(super) async fn write(at: &At, wanted: &Tags) -> Result<(), AwsError> {
    const OPERATION: &str = "s3:PutBucketTagging";
    let mut tags = all(at).await?;
    tags.extend(wanted.tags.clone());
    let owner = at.owner.clone();
    if tags.is_empty() {
        return Ok(());
    }
    let tags: Result<Vec<Tag>, _> =
        tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    let tagging = tags.and_then(|tags| Tagging::builder().set_tag_set(Some(tags)).build());
    let tagging = tagging.map_err(|error| AwsError::unsaid(OPERATION, &error))?;
    let call = at.s3.put_bucket_tagging().bucket(&at.bucket).set_expected_bucket_owner(owner).tagging(tagging);
    call.send().await.map(drop).map_err(|error| meaning(OPERATION, &error))
}

async fn all(at: &At) -> Result<BTreeMap<String, String>, AwsError> {
    let call = at.s3.get_bucket_tagging().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let found = unless_absent("s3:GetBucketTagging", call.send().await, &["NoSuchTagSet", "NoSuchTagSetError"])?;
    Ok(found.map(|found| found.tag_set).unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect())
}

fn is_of_aws(key: &str) -> bool {
    key.starts_with("aws:")
}
