//! Where the access log of a bucket goes.

use super::Resource;
use super::change::Merged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The log's target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessLog {
    /// The bucket that receives the log; `None`: there is no log.
    pub bucket: Option<String>,
    /// Start of the log's keys.
    pub prefix: String,
}

impl AccessLog {
    /// Replaces what was found; a bucket that logs nothing is like one whose log was never looked at.
    pub(super) fn merge(&self, found: Option<&AccessLog>) -> Option<Merged> {
        let found = found.filter(|found| found.bucket.is_some());
        if found.is_none() && self.bucket.is_none() {
            return None;
        }
        Some(Merged::whole(found.cloned().map(Resource::AccessLog), Resource::AccessLog(self.clone())))
    }
}
