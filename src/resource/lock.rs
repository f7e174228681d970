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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockedUntil {
    /// Who may shorten it.
    pub mode: LockMode,
    /// The moment from which it may be deleted.
    #[schemars(with = "String")]
    pub until: Timestamp,
}

/// What keeps an object from being deleted for good. Ordered: the greater one lasts longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Protection {
    /// Nothing.
    #[default]
    Free,
    /// Its retention, up to this moment.
    Until(Timestamp),
    /// A hold that somebody has to lift.
    Held,
}

impl Protection {
    /// True when the object cannot be deleted at `now`.
    pub fn holds(self, now: Timestamp) -> bool {
        match self {
            Protection::Free => false,
            Protection::Until(until) => until > now,
            Protection::Held => true,
        }
    }

    /// The moment from which it may be deleted, if that is known.
    pub fn until(self) -> Option<Timestamp> {
        match self {
            Protection::Until(until) => Some(until),
            Protection::Free | Protection::Held => None,
        }
    }
}

impl From<Option<LockedUntil>> for Protection {
    fn from(lock: Option<LockedUntil>) -> Protection {
        lock.map_or(Protection::Free, |lock| Protection::Until(lock.until))
    }
}
