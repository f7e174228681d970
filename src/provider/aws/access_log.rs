//! Where the access log of a bucket goes.

use super::AwsError;
use super::answer::{meaning, unless_absent};
use super::at::At;
use crate::resource::AccessLog;
use aws_sdk_s3::types::{BucketLoggingStatus, LoggingEnabled};

/// The log's target, if there is one.
pub(super) async fn read(at: &At) -> Result<Option<AccessLog>, AwsError> {
    let found = setting(at).await?;
    Ok(Some(match found {
        Some(log) => AccessLog { bucket: Some(log.target_bucket), prefix: log.target_prefix },
        None => AccessLog { bucket: None, prefix: String::new() },
    }))
}

async fn setting(at: &At) -> Result<Option<LoggingEnabled>, AwsError> {
    let call = at.s3.get_bucket_logging().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let found = unless_absent("s3:GetBucketLogging", call.send().await, &[])?;
    Ok(found.and_then(|found| found.logging_enabled))
}

/// Sets or removes it. Who may read the log and how its keys are made stay as they are.
pub(super) async fn write(at: &At, wanted: &AccessLog) -> Result<(), AwsError> {
    const OPERATION: &str = "s3:PutBucketLogging";
    let mut status = BucketLoggingStatus::builder();
    if let Some(bucket) = &wanted.bucket {
        let before = setting(at).await?;
        let log = LoggingEnabled::builder()
            .target_bucket(bucket)
            .target_prefix(&wanted.prefix)
            .set_target_grants(before.as_ref().and_then(|before| before.target_grants.clone()))
            .set_target_object_key_format(before.and_then(|before| before.target_object_key_format))
            .build();
        status = status.logging_enabled(log.map_err(|error| AwsError::unsaid(OPERATION, &error))?);
    }
    let call = at.s3.put_bucket_logging().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let sent = call.bucket_logging_status(status.build()).send().await;
    sent.map(drop).map_err(|error| meaning(OPERATION, &error))
}
