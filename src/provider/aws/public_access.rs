//! The four blocks of public access of a bucket.

use super::AwsError;
use super::answer::{meaning, unless_absent};
use super::at::At;
use crate::resource::PublicAccess;
use aws_sdk_s3::types::PublicAccessBlockConfiguration;

/// What blocks are on; none where the bucket has no setting.
pub(super) async fn read(at: &At) -> Result<Option<PublicAccess>, AwsError> {
    let call = at.s3.get_public_access_block().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let absent = ["NoSuchPublicAccessBlockConfiguration"];
    let found = unless_absent("s3:GetBucketPublicAccessBlock", call.send().await, &absent)?;
    Ok(Some(canonical(found.and_then(|found| found.public_access_block_configuration).as_ref())))
}

/// Absent means off.
fn canonical(found: Option<&PublicAccessBlockConfiguration>) -> PublicAccess {
    let is_on = |block: fn(&PublicAccessBlockConfiguration) -> Option<bool>| found.and_then(block).unwrap_or(false);
    PublicAccess {
        block_public_acls: is_on(|found| found.block_public_acls),
        ignore_public_acls: is_on(|found| found.ignore_public_acls),
        block_public_policy: is_on(|found| found.block_public_policy),
        restrict_public_buckets: is_on(|found| found.restrict_public_buckets),
    }
}

/// Sets all four.
pub(super) async fn write(at: &At, wanted: PublicAccess) -> Result<(), AwsError> {
    let blocks = PublicAccessBlockConfiguration::builder()
        .block_public_acls(wanted.block_public_acls)
        .ignore_public_acls(wanted.ignore_public_acls)
        .block_public_policy(wanted.block_public_policy)
        .restrict_public_buckets(wanted.restrict_public_buckets)
        .build();
    let call = at.s3.put_public_access_block().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let sent = call.public_access_block_configuration(blocks).send().await;
    sent.map(drop).map_err(|error| meaning("s3:PutBucketPublicAccessBlock", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_off() {
        assert!(!canonical(None).block_public_acls);
        let partly = PublicAccessBlockConfiguration::builder().block_public_policy(true).build();
        assert_eq!(canonical(Some(&partly)), PublicAccess { block_public_policy: true, ..canonical(None) },);
    }
}
