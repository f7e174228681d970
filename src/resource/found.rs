//! What a look at the world gave.

use super::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One resource as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It does not exist.
    Absent,
    /// It exists.
    There(Resource),
    /// It could not be read: the reason, with its hint. Nothing is planned for it.
    Unreadable(String),
}

/// Who we are to AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// ARN of the user or role.
    pub arn: String,
}

impl Caller {
    /// `aws`, `aws-cn`, `aws-us-gov`: the second part of every ARN of this account.
    pub fn partition(&self) -> &str {
        self.arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws")
    }
}
