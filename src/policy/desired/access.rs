//! Who gets access to backups: users and roles of IAM.

use crate::base::{Period, Template};
use crate::policy::model::{GithubTrust, Grant};

/// A user or role of IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessSpec {
    /// Its name in IAM.
    pub name: String,
    /// Which.
    pub kind: AccessKind,
    /// What it may do.
    pub grants: Vec<Grant>,
    /// On which storages.
    pub storages: Vec<String>,
    /// Where it stands in IAM, beginning and ending with `/`.
    pub path: String,
    /// ARN of the policy that bounds it.
    pub boundary: Option<String>,
}

/// Kinds of identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessKind {
    /// A user, and its access key if the policy wants one.
    User {
        /// The key.
        key: Option<AccessKeySpec>,
    },
    /// A role and who may assume it.
    Role {
        /// Who.
        trust: TrustSpec,
    },
}

/// The access key of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeySpec {
    /// File that receives the key.
    pub deliver_to: Template,
    /// Age at which a new one replaces it.
    pub rotate_after: Option<Period>,
}

/// Who may assume a role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustSpec {
    /// Workflows of a repository on GitHub.
    pub github: Option<GithubTrust>,
    /// A service of AWS.
    pub service: Option<String>,
    /// ARNs of users, roles or accounts.
    pub principals: Vec<String>,
}
