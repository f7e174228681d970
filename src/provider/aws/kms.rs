//! Keys of KMS and their aliases.

use super::answer::{meaning, unless_absent};
use super::{AwsError, AwsSession};
use crate::resource::{BACKSTAY, KmsKey, MANAGED_BY};
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::types::{KeyState, Tag};
use std::collections::BTreeSet;

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

/// Tag that says which alias a key was made for: by it a key is known again whose making was answered to nobody, or which
/// got no alias before the run broke off.
const FOR_ALIAS: &str = "backstay-alias";

/// Makes a key and gives it the alias, unless the alias has one. A key that was made for it before and has none gets it.
pub(super) async fn create(session: &AwsSession, wanted: &KmsKey) -> Result<(), AwsError> {
    if read(session, &wanted.alias).await?.is_some() {
        return Ok(());
    }
    let kms = session.kms().await;
    let id = match made_before(session, &wanted.alias).await? {
        Some(id) => id,
        None => make(session, &wanted.alias).await?,
    };
    let named = kms.create_alias().alias_name(&wanted.alias).target_key_id(&id).send().await;
    named.map(drop).map_err(|error| match meaning("kms:CreateAlias", &error) {
        // Who may not look for it would make one more: say which key there is.
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

async fn make(session: &AwsSession, alias: &str) -> Result<String, AwsError> {
    let kms = session.kms().await;
    let tag = |key: &str, value: &str| Tag::builder().tag_key(key).tag_value(value).build();
    let tags = [tag(MANAGED_BY, BACKSTAY), tag(FOR_ALIAS, alias)].into_iter().collect::<Result<Vec<_>, _>>();
    let tags = tags.map_err(|error| AwsError::unsaid("kms:TagResource", &error))?;
    // Tried once: were the answer lost, trying again at once could make a second key, and keys cost money.
    let once = aws_sdk_kms::config::Config::builder().retry_config(RetryConfig::disabled());
    let purpose = format!("Encrypts backups at rest; made by backstay for {alias}.");
    let call = kms.create_key().description(purpose).set_tags(Some(tags));
    let made = call.customize().config_override(once).send().await;
    let made = made.map_err(|error| meaning("kms:CreateKey", &error))?;
    Ok(made.key_metadata.map(|key| key.key_id).unwrap_or_default())
}

/// The key that was made for an alias and has none. Who may not look for it finds none.
async fn made_before(session: &AwsSession, alias: &str) -> Result<Option<String>, AwsError> {
    match search(session, alias).await {
        Err(AwsError::Denied { .. }) => Ok(None),
        found => found,
    }
}

async fn search(session: &AwsSession, alias: &str) -> Result<Option<String>, AwsError> {
    let kms = session.kms().await;
    let aliases = kms.list_aliases().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let aliases = aliases.map_err(|error| meaning("kms:ListAliases", &error))?;
    let named: BTreeSet<String> = aliases.into_iter().filter_map(|alias| alias.target_key_id).collect();
    let keys = kms.list_keys().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let keys = keys.map_err(|error| meaning("kms:ListKeys", &error))?;
    for id in keys.into_iter().filter_map(|key| key.key_id).filter(|id| !named.contains(id)) {
        // Nobody need be allowed to look into every key of the account.
        let Ok(found) = kms.list_resource_tags().key_id(&id).send().await else { continue };
        if !found.tags().iter().any(|tag| tag.tag_key == FOR_ALIAS && tag.tag_value == alias) {
            continue;
        }
        let found = kms.describe_key().key_id(&id).send().await;
        let found = unless_absent("kms:DescribeKey", found, &["NotFoundException"])?;
        let state = found.and_then(|found| found.key_metadata).and_then(|key| key.key_state);
        if state == Some(KeyState::Enabled) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}
