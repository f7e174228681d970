//! Access keys of a user: which there are, making one, and taking one away. A secret leaves this module once, in the
//! answer to [`create_key`].

use super::answer::{meaning, unless_absent};
use super::{AwsError, AwsSession};
use crate::base::Secret;
use crate::resource::AccessKey;
use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::StatusType;

/// A key that was just made.
#[derive(Debug)]
pub struct NewKey {
    /// Its public id.
    pub id: String,
    /// Its secret, which AWS never says again.
    pub secret: Secret,
}

/// The keys of a user, oldest first. `None`: there is no such user.
pub async fn access_keys(session: &AwsSession, user: &str) -> Result<Option<Vec<AccessKey>>, AwsError> {
    let iam = session.iam().await;
    let found = iam.list_access_keys().user_name(user).send().await;
    let found = unless_absent("iam:ListAccessKeys", found, &["NoSuchEntity", "NoSuchEntityException"])?;
    let Some(found) = found else { return Ok(None) };
    let mut keys = Vec::new();
    for key in found.access_key_metadata {
        let Some(id) = key.access_key_id else { continue };
        let used = iam.get_access_key_last_used().access_key_id(&id).send().await;
        let used = unless_absent("iam:GetAccessKeyLastUsed", used, &["NoSuchEntity", "NoSuchEntityException"])?;
        let used = used.and_then(|used| used.access_key_last_used).and_then(|used| used.last_used_date);
        keys.push(AccessKey {
            id,
            active: key.status == Some(StatusType::Active),
            created: key.create_date.as_ref().map_or(0, DateTime::secs),
            last_used: used.as_ref().map(DateTime::secs),
        });
    }
    keys.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(Some(keys))
}

/// Makes one more key of a user, which has room for two. It is tried once: were the answer lost, trying again would
/// leave a key that works and that nobody has.
pub async fn create_key(session: &AwsSession, user: &str) -> Result<NewKey, AwsError> {
    const OPERATION: &str = "iam:CreateAccessKey";
    let once = aws_sdk_iam::config::Config::builder().retry_config(RetryConfig::disabled());
    let call = session.iam().await.create_access_key().user_name(user).customize().config_override(once);
    let made = call.send().await.map_err(|error| meaning(OPERATION, &error))?;
    let key = made.access_key.ok_or_else(|| AwsError::Failed {
        operation: OPERATION,
        code: String::new(),
        problem: "the answer holds no key".to_owned(),
    })?;
    Ok(NewKey { id: key.access_key_id, secret: Secret::new(key.secret_access_key) })
}

/// Deactivates a key: it can be activated again, and nothing can log in with it.
pub async fn deactivate_key(session: &AwsSession, user: &str, id: &str) -> Result<(), AwsError> {
    let call = session.iam().await.update_access_key().user_name(user).access_key_id(id);
    let done = call.status(StatusType::Inactive).send().await;
    done.map(drop).map_err(|error| meaning("iam:UpdateAccessKey", &error))
}

/// Deletes a key; one that is gone already is no error.
pub async fn delete_key(session: &AwsSession, user: &str, id: &str) -> Result<(), AwsError> {
    let done = session.iam().await.delete_access_key().user_name(user).access_key_id(id).send().await;
    let absent = ["NoSuchEntity", "NoSuchEntityException"];
    unless_absent("iam:DeleteAccessKey", done, &absent).map(drop)
}
