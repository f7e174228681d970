//! Keys: those that a user logs in with, and those of KMS.

use super::Resource;
use super::change::Merged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is wanted or found of the access keys of a user. A secret is never here.
///
/// In what is to be written, `keys` are those that the user has afterwards: keys that are not named are deleted first,
/// then a key with the id [`AccessKey::NEW`] is made and delivered, and keys that are no longer active are deactivated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessKeys {
    /// The user.
    pub user: String,
    /// File that holds the key in use.
    pub deliver_to: String,
    /// Age in seconds at which a new key replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_after_seconds: Option<u64>,
    /// Keys of the user, oldest first; at most two.
    pub keys: Vec<AccessKey>,
    /// Id of the key in the file, if the file is there and holds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<String>,
}

/// One access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessKey {
    /// Its public id.
    pub id: String,
    /// Whether it can be used.
    pub active: bool,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// When it was last used, seconds since 1970; `None`: never, as far as AWS knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<i64>,
}

impl AccessKey {
    /// The id, in what is to be written, of a key that is still to be made.
    pub const NEW: &str = "new";
}

/// A key of KMS with its alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KmsKey {
    /// The alias, beginning with `alias/`.
    pub alias: String,
    /// ARN of the key; `None` where it is not made yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Whether it can be used; false while its deletion is pending.
    pub enabled: bool,
}

impl KmsKey {
    /// A key that is to be made.
    pub(super) fn made(&self) -> Merged {
        Merged {
            irreversible: Some(
                "a key of KMS costs money every month, can be deleted after a week at the earliest, and takes with it \
                 whatever it encrypted"
                    .to_owned(),
            ),
            ..Merged::whole(None, Resource::KmsKey(self.clone()))
        }
    }

    /// A key that encrypts nothing any more.
    pub(super) fn hindrance(&self) -> Option<String> {
        (!self.enabled).then(|| {
            let key = self.arn.as_deref().unwrap_or(&self.alias);
            format!("the key {key} is disabled or waits for its deletion: what it encrypts could not be read")
        })
    }
}
