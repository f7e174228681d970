//! Where the access log of a bucket goes.

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
