//! Object lock of a bucket and its default retention.

use super::LockMode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Object lock. Once enabled it stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectLock {
    /// Whether the bucket can lock objects.
    pub enabled: bool,
    /// Who may shorten the default retention; `None`: there is none.
    pub mode: Option<LockMode>,
    /// How long the default retention is.
    pub period: Option<LockPeriod>,
}

/// The default retention's length. A year and 365 days are not the same to AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockPeriod {
    /// 1 to 36,500 days.
    Days(u32),
    /// 1 to 100 years.
    Years(u32),
}
