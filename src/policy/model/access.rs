//! `access.<name>`: what `apply` provisions in AWS IAM.

use super::written::{Name, Written};
use crate::base::{Period, Template};
use crate::resource::permissions::Duty;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user or role of AWS IAM with least privilege on some storages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Access {
    /// A user with an access key.
    IamUser(IamUser),
    /// A role that others may assume.
    IamRole(IamRole),
}

/// An IAM user with an access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IamUser {
    /// Name of the user in IAM.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Where it stands in IAM, beginning and ending with `/`; `/backstay/<policy>/` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^/(?:[!-~]*/)?$"))]
    pub path: Option<String>,
    /// ARN of a policy that bounds what it may do, whatever else grants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// What it may do on the storages.
    #[schemars(length(min = 1))]
    pub grants: Vec<Grant>,
    /// Names of the storages.
    #[schemars(length(min = 1))]
    pub storage: Vec<Written<Name>>,
    /// The user's access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<AccessKey>,
}

/// An IAM role that others may assume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IamRole {
    /// Name of the role in IAM.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Where it stands in IAM, beginning and ending with `/`; `/backstay/<policy>/` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^/(?:[!-~]*/)?$"))]
    pub path: Option<String>,
    /// ARN of a policy that bounds what it may do, whatever else grants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// What it may do on the storages.
    #[schemars(length(min = 1))]
    pub grants: Vec<Grant>,
    /// Names of the storages.
    #[schemars(length(min = 1))]
    pub storage: Vec<Written<Name>>,
    /// Who may assume it.
    pub trust: Trust,
}

/// What a user or role may do on a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// Add and list; no delete, and no overwrite where the store can say so.
    Write,
    /// Fetch and thaw.
    Read,
    /// Delete.
    Prune,
}

impl Grant {
    /// The duty whose permissions it gives.
    pub fn duty(self) -> Duty {
        match self {
            Grant::Write => Duty::Write,
            Grant::Read => Duty::Read,
            Grant::Prune => Duty::Prune,
        }
    }
}

/// The access key of an IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// File that receives the key, readable by its owner only; `stdout`: `apply` prints a new key once instead.
    pub deliver_to: Written<Template>,
    /// Age at which a new key replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_after: Option<Written<Period>>,
}

/// Who may assume a role; at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Trust {
    /// Workflows of a GitHub repository, by OpenID Connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github: Option<GithubTrust>,
    /// A service of AWS, such as `ec2.amazonaws.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// ARNs of users, roles or accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub principals: Option<Vec<String>>,
}

/// Which workflows of GitHub may assume a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GithubTrust {
    /// The repository, `owner/name`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"))]
    pub repository: String,
    /// Only jobs of this environment; not together with `branch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Only runs of this branch, in jobs without an environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
}
