//! Whether a bucket keeps versions.

use super::AwsError;
use super::answer::{meaning, unless_absent};
use super::at::At;
use crate::resource::Versioning;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};

/// Its state; an empty answer means that it never was on.
pub(super) async fn read(at: &At) -> Result<Option<Versioning>, AwsError> {
    let call = at.s3.get_bucket_versioning().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let found = unless_absent("s3:GetBucketVersioning", call.send().await, &[])?;
    Ok(Some(canonical(found.and_then(|found| found.status).as_ref())))
}

fn canonical(status: Option<&BucketVersioningStatus>) -> Versioning {
    match status {
        Some(BucketVersioningStatus::Enabled) => Versioning::Enabled,
        Some(BucketVersioningStatus::Suspended) => Versioning::Suspended,
        _ => Versioning::Unversioned,
    }
}

/// Enables or suspends it. Nothing can bring back that it never was on; that is no wish of a plan and does nothing.
pub(super) async fn write(at: &At, wanted: Versioning) -> Result<(), AwsError> {
    let status = match wanted {
        Versioning::Enabled => BucketVersioningStatus::Enabled,
        Versioning::Suspended => BucketVersioningStatus::Suspended,
        Versioning::Unversioned => return Ok(()),
    };
    let call = at.s3.put_bucket_versioning().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let sent = call.versioning_configuration(VersioningConfiguration::builder().status(status).build()).send().await;
    sent.map(drop).map_err(|error| meaning("s3:PutBucketVersioning", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_is_unversioned() {
        assert_eq!(canonical(None), Versioning::Unversioned);
        assert_eq!(canonical(Some(&"Enabled".into())), Versioning::Enabled);
        assert_eq!(canonical(Some(&"Suspended".into())), Versioning::Suspended);
    }
}
