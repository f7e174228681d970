//! Users and roles of IAM, what they may do, and the provider whose tokens roles trust.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use serde_json::Value;
use std::collections::BTreeMap;

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Where it stands, beginning and ending with `/`. Cannot be changed without losing the user's ARN.
    pub path: String,
    /// ARN of the policy that bounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// Tags; foreign ones are kept.
    pub tags: BTreeMap<String, String>,
}

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Where it stands, beginning and ending with `/`.
    pub path: String,
    /// Who may assume it: a policy document.
    pub trust: Value,
    /// Longest session, seconds.
    pub max_session_seconds: u32,
    /// ARN of the policy that bounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// Tags; foreign ones are kept.
    pub tags: BTreeMap<String, String>,
}

/// Who has something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// A user, by name.
    User(String),
    /// A role, by name.
    Role(String),
}

/// One inline policy of a user or role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grants {
    /// Whose.
    pub principal: Principal,
    /// Name of the inline policy.
    pub name: String,
    /// The document.
    pub document: Value,
}

/// A provider of OpenID Connect tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OidcProvider {
    /// Without `https://`, such as `token.actions.githubusercontent.com`.
    pub url: String,
    /// Audiences, sorted; foreign ones are kept.
    pub audiences: Vec<String>,
}
