//! Who owns the objects of a bucket.

use super::AwsError;
use super::answer::{meaning, unless_absent};
use super::at::At;
use crate::resource::Ownership;
use aws_sdk_s3::types::{ObjectOwnership, OwnershipControls, OwnershipControlsRule};

/// The rule; what buckets had before there were rules where it has none.
pub(super) async fn read(at: &At) -> Result<Option<Ownership>, AwsError> {
    let call = at.s3.get_bucket_ownership_controls().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let absent = ["OwnershipControlsNotFoundError"];
    let found = unless_absent("s3:GetBucketOwnershipControls", call.send().await, &absent)?;
    let rule = found.and_then(|found| found.ownership_controls).and_then(|controls| controls.rules.into_iter().next());
    let rule = rule.map_or_else(|| "ObjectWriter".to_owned(), |rule| rule.object_ownership.as_str().to_owned());
    Ok(Some(Ownership { rule }))
}

/// Sets the rule.
pub(super) async fn write(at: &At, wanted: &Ownership) -> Result<(), AwsError> {
    const OPERATION: &str = "s3:PutBucketOwnershipControls";
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::from(wanted.rule.as_str())).build();
    let controls = rule.and_then(|rule| OwnershipControls::builder().rules(rule).build());
    let controls = controls.map_err(|error| AwsError::unsaid(OPERATION, &error))?;
    let call = at.s3.put_bucket_ownership_controls().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    call.ownership_controls(controls).send().await.map(drop).map_err(|error| meaning(OPERATION, &error))
}
