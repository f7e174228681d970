//! Buckets: whether one is there, and making one.

use super::AwsError;
use super::answer::{Answer, meaning};
use super::at::At;
use crate::resource::Bucket;
use aws_sdk_s3::types::{BucketLocationConstraint, BucketNamespace, CreateBucketConfiguration};

/// `None`: no bucket has this name. A bucket that is not ours is an error, never absent.
pub(super) async fn read(at: &At) -> Result<Option<Bucket>, AwsError> {
    let head = at.s3.head_bucket().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone()).send().await;
    match head {
        Ok(found) => {
            let region = found.bucket_region.as_deref().map_or(at.region.as_str(), region_name).to_owned();
            if !at.region.is_empty() && !region.is_empty() && region != at.region {
                return Err(AwsError::RegionWrong { operation: "s3:ListBucket", region: Some(region) });
            }
            Ok(Some(Bucket { name: at.bucket.clone(), region, object_lock: false }))
        }
        Err(error) => {
            let answer = Answer::of(&error);
            match answer.status {
                Some(404) => Ok(None),
                // An answer to HEAD has no text: what is wrong is asked for once more, in a call that has one.
                Some(400 | 403) => Err(why(at, answer).await),
                _ => Err(answer.meaning("s3:ListBucket")),
            }
        }
    }
}

/// Why a bucket may not be looked at.
async fn why(at: &At, head: Answer) -> AwsError {
    let foreign = |problem: String| AwsError::Foreign { bucket: at.bucket.clone(), problem };
    let asked =
        at.s3.list_objects_v2().bucket(&at.bucket).max_keys(1).set_expected_bucket_owner(at.owner.clone()).send().await;
    match asked {
        // Listed, and yet HEAD is refused: what stands between is not AWS.
        Ok(_) => head.meaning("s3:ListBucket"),
        Err(error) => match meaning("s3:ListBucket", &error) {
            AwsError::Denied { problem, .. } => foreign(problem),
            AwsError::Failed { code, .. } if code == "NoSuchBucket" => foreign(head.message),
            other => other,
        },
    }
}

/// Makes the bucket unless it is there. One of somebody else is never taken for ours.
pub(super) async fn create(at: &At, wanted: &Bucket) -> Result<(), AwsError> {
    if read(at).await?.is_some() {
        return Ok(());
    }
    let mut call = at.s3.create_bucket().bucket(&wanted.name);
    // The one region that must not be named, and the default where none is.
    if !["us-east-1", ""].contains(&wanted.region.as_str()) {
        let place = BucketLocationConstraint::from(wanted.region.as_str());
        call =
            call.create_bucket_configuration(CreateBucketConfiguration::builder().location_constraint(place).build());
    }
    let owner = at.owner.as_deref().unwrap_or_default();
    if is_account_regional(&wanted.name, owner, &wanted.region) {
        call = call.bucket_namespace(BucketNamespace::AccountRegional);
    }
    if wanted.object_lock {
        call = call.object_lock_enabled_for_bucket(true);
    }
    match call.send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let answer = Answer::of(&error);
            match answer.code.as_str() {
                "BucketAlreadyOwnedByYou" => Ok(()),
                "BucketAlreadyExists" => {
                    Err(AwsError::Foreign { bucket: wanted.name.clone(), problem: answer.message })
                }
                _ => Err(answer.meaning("s3:CreateBucket")),
            }
        }
    }
}

/// True for names in the namespace of an account and region, which nobody else can take.
fn is_account_regional(name: &str, account: &str, region: &str) -> bool {
    !account.is_empty() && name.ends_with(&format!("-{account}-{region}-an"))
}

/// A region as everything but the oldest calls names it.
fn region_name(said: &str) -> &str {
    match said {
        "" => "us-east-1",
        "EU" => "eu-west-1",
        region => region,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_an_account_and_region_are_known() {
        assert!(is_account_regional("b-123456789012-us-east-1-an", "123456789012", "us-east-1"));
        assert!(!is_account_regional("b-123456789012-us-east-1-an", "123456789012", "eu-west-1"));
        assert!(!is_account_regional("b-123456789012-us-east-1-an", "210987654321", "us-east-1"));
        assert!(!is_account_regional("b--us-east-1-an", "", "us-east-1"));
        assert_eq!(
            (region_name("EU"), region_name(""), region_name("me-west-1")),
            ("eu-west-1", "us-east-1", "me-west-1")
        );
    }
}
