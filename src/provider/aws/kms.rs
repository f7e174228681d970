//! Keys of KMS and their aliases.

use super::answer::{meaning, unless_absent};
use super::{AwsError, AwsSession};
use crate::resource::KmsKey;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::types::KeyState;

/// The key that an alias, id or ARN means, by ARN; `None` when there is none.
pub(super) async fn arn(session: &AwsSession, key: &str) -> Result<Option<String>, AwsError> {
    let found = session.kms().await.describe_key().key_id(key).send().await;
    let found = unless_absent("kms:DescribeKey", found, &["NotFoundException"])?;
    Ok(found.and_then(|found| found.key_metadata).and_then(|key| key.arn))
}

/// The key behind an alias.
pub(super) async fn read(session: &AwsSession, alias: &str) -> Result<Option<KmsKey>, AwsError> {
    let found = session.kms().await.describe_key().key_id(alias).send().await;
    let found = unless_absent("kms:DescribeKey", found, &["NotFoundException"])?;
    let Some(key) = found.and_then(|found| found.key_metadata) else { return Ok(None) };
    let enabled = key.key_state.as_ref().is_none_or(|state| *state == KeyState::Enabled);
    Ok(Some(KmsKey { alias: alias.to_owned(), arn: key.arn, enabled }))
}

/// Makes a key and gives it the alias, unless the alias has one.
pub(super) async fn create(session: &AwsSession, wanted: &KmsKey) -> Result<(), AwsError> {
    if read(session, &wanted.alias).await?.is_some() {
        return Ok(());
    }
    let kms = session.kms().await;
    // Tried once: were the answer lost, trying again would make a second key, and keys cost money.
    let once = aws_sdk_kms::config::Config::builder().retry_config(RetryConfig::disabled());
    let purpose = format!("Encrypts backups at rest; made by backstay for {}.", wanted.alias);
    let made = kms.create_key().description(purpose).customize().config_override(once).send().await;
    let made = made.map_err(|error| meaning("kms:CreateKey", &error))?;
    let id = made.key_metadata.map(|key| key.key_id).unwrap_or_default();
    let named = kms.create_alias().alias_name(&wanted.alias).target_key_id(&id).send().await;
    named.map(drop).map_err(|error| match meaning("kms:CreateAlias", &error) {
        // Without the alias the next run would make one more: say which key there is.
        AwsError::Denied { operation, problem } => {
            AwsError::Denied { operation, problem: format!("{problem}; the key {id} was made and has no alias") }
        }
        AwsError::Failed { operation, code, problem } => {
            let problem = format!("{problem}; the key {id} was made and has no alias");
            AwsError::Failed { operation, code, problem }
        }
        other => other,
    })
}
