//! Users and roles that a policy made and no longer asks for.

use super::{AccessKey, Principal};

/// A user or role with the mark of a policy that does not want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Who.
    pub principal: Principal,
    /// Its ARN.
    pub arn: String,
    /// The keys of a user, oldest first.
    pub keys: Vec<AccessKey>,
}
