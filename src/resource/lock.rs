//! Retention that object lock enforces.

use crate::base::Period;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may shorten a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// Users with a special right.
    Governance,
    /// Nobody, not even the account's root.
    Compliance,
}

/// The default retention of a bucket's objects, or of the objects of one copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retain {
    /// Who may shorten it.
    pub mode: LockMode,
    /// How long an object cannot be deleted.
    pub period: Period,
}

/// Until when one object cannot be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockedUntil {
    /// Who may shorten it.
    pub mode: LockMode,
    /// The moment from which it may be deleted.
    pub until: Timestamp,
}
