//! Object lock of a bucket and its default retention.

use super::change::Merged;
use super::{LockMode, Resource};
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

impl ObjectLock {
    /// Enabling it, and compliance mode, cannot be taken back; where no bucket was found, it is enabled by making the
    /// bucket. The default is about objects that come; what is locked stays locked as it is.
    pub(super) fn merge(&self, found: Option<&ObjectLock>) -> Merged {
        let is_on = found.is_some_and(|found| found.enabled);
        let mut after = self.clone();
        // What is on stays on.
        after.enabled |= is_on;
        let differs = found.is_none_or(|found| (found.mode, found.period) != (after.mode, after.period));
        let irreversible = if found.is_some() && !is_on && after.enabled {
            Some("object lock can never be switched off again, nor can versioning then".to_owned())
        } else if differs && after.mode == Some(LockMode::Compliance) {
            Some(
                "what is written in compliance mode nobody can delete before its time, not even the account".to_owned(),
            )
        } else {
            None
        };
        let strength = |lock: &ObjectLock| {
            let days = match lock.period {
                Some(LockPeriod::Days(days)) => days,
                Some(LockPeriod::Years(years)) => years.saturating_mul(365),
                None => 0,
            };
            (u8::from(lock.mode == Some(LockMode::Compliance)), days)
        };
        let loosens = found.is_some_and(|found| {
            let (before, now) = (strength(found), strength(&after));
            now.0 < before.0 || now.1 < before.1
        });
        let before = found.cloned().map(Resource::ObjectLock);
        Merged { loosens, irreversible, ..Merged::whole(before, Resource::ObjectLock(after)) }
    }
}
