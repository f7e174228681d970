//! Default encryption of a bucket.

use super::answer::{meaning, unless_absent};
use super::at::At;
use super::{AwsError, AwsSession, kms};
use crate::resource::{Algorithm, Encryption};
use aws_sdk_s3::types::{
    BlockedEncryptionTypes, EncryptionType, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};

/// What encrypts; keys of S3 where the bucket says nothing. Keys of KMS are named by ARN, however the bucket does.
pub(super) async fn read(at: &At, session: &AwsSession) -> Result<Option<Encryption>, AwsError> {
    let call = at.s3.get_bucket_encryption().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let absent = ["ServerSideEncryptionConfigurationNotFoundError"];
    let found = unless_absent("s3:GetEncryptionConfiguration", call.send().await, &absent)?;
    let rule = found.and_then(|found| found.server_side_encryption_configuration);
    let mut found = canonical(rule.and_then(|rule| rule.rules.into_iter().next()).as_ref());
    let is_named_otherwise = |key: &String| !(key.starts_with("arn:") && key.contains(":key/"));
    if let Some(key) = found.key.take_if(|key| is_named_otherwise(key)) {
        // A key that we may not look at still is the key.
        found.key = Some(kms::arn(session, &key).await.ok().flatten().unwrap_or(key));
    }
    Ok(Some(found))
}

fn canonical(rule: Option<&ServerSideEncryptionRule>) -> Encryption {
    let by_default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default.as_ref());
    let algorithm = match by_default.map(|by_default| &by_default.sse_algorithm) {
        Some(ServerSideEncryption::AwsKms) => Algorithm::Kms,
        Some(ServerSideEncryption::AwsKmsDsse) => Algorithm::KmsDsse,
        _ => Algorithm::Aes256,
    };
    let blocked = rule.and_then(|rule| rule.blocked_encryption_types.as_ref());
    let mut blocked: Vec<String> = blocked
        .map(BlockedEncryptionTypes::encryption_type)
        .unwrap_or_default()
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    blocked.sort();
    Encryption {
        algorithm,
        key: by_default.and_then(|by_default| by_default.kms_master_key_id.clone()).filter(|key| !key.is_empty()),
        // Means something with KMS only; servers return it with other algorithms too.
        bucket_key: algorithm == Algorithm::Kms && rule.and_then(|rule| rule.bucket_key_enabled).unwrap_or(false),
        blocked,
    }
}

/// True for the ARN of a key, which always means the same one. An alias means whatever it points to, for each account.
pub(super) fn is_arn(key: &str) -> bool {
    key.starts_with("arn:") && !key.contains(":alias/")
}

/// Sets it, with what it refuses from clients as it was. A key is named by its ARN as far as we may ask for that.
pub(super) async fn write(session: &AwsSession, at: &At, wanted: &Encryption) -> Result<(), AwsError> {
    const OPERATION: &str = "s3:PutEncryptionConfiguration";
    let key = match &wanted.key {
        Some(key) if !is_arn(key) => Some(kms::arn(session, key).await.ok().flatten().unwrap_or_else(|| key.clone())),
        key => key.clone(),
    };
    let algorithm = match wanted.algorithm {
        Algorithm::Aes256 => ServerSideEncryption::Aes256,
        Algorithm::Kms => ServerSideEncryption::AwsKms,
        Algorithm::KmsDsse => ServerSideEncryption::AwsKmsDsse,
    };
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(algorithm)
        .set_kms_master_key_id(key)
        .build()
        .map_err(|error| AwsError::unsaid(OPERATION, &error))?;
    let blocked = (!wanted.blocked.is_empty()).then(|| {
        let kinds = wanted.blocked.iter().map(|kind| EncryptionType::from(kind.as_str())).collect();
        BlockedEncryptionTypes::builder().set_encryption_type(Some(kinds)).build()
    });
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by_default)
        .bucket_key_enabled(wanted.bucket_key)
        .set_blocked_encryption_types(blocked)
        .build();
    let configuration = ServerSideEncryptionConfiguration::builder().rules(rule).build();
    let configuration = configuration.map_err(|error| AwsError::unsaid(OPERATION, &error))?;
    let call = at.s3.put_bucket_encryption().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let sent = call.server_side_encryption_configuration(configuration).send().await;
    sent.map(drop).map_err(|error| meaning(OPERATION, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_s3_leaves_out_is_filled_in() {
        let plain = Encryption { algorithm: Algorithm::Aes256, key: None, bucket_key: false, blocked: Vec::new() };
        assert_eq!(canonical(None), plain);
        let by = |algorithm, key: Option<&str>| {
            ServerSideEncryptionByDefault::builder()
                .sse_algorithm(algorithm)
                .set_kms_master_key_id(key.map(str::to_owned))
                .build()
                .unwrap()
        };
        let rule = |by| ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by);
        let s3 = rule(by(ServerSideEncryption::Aes256, None)).bucket_key_enabled(true).build();
        assert_eq!(canonical(Some(&s3)), plain);
        let blocked = BlockedEncryptionTypes::builder().encryption_type(EncryptionType::SseC).build();
        let kms = rule(by(ServerSideEncryption::AwsKms, Some(""))).blocked_encryption_types(blocked).build();
        let expected = Encryption { algorithm: Algorithm::Kms, blocked: vec!["SSE-C".to_owned()], ..plain };
        assert_eq!(canonical(Some(&kms)), expected);
    }
}
