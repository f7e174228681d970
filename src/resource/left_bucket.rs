//! Buckets that a policy made its own and names no longer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A bucket with the mark of a policy that does not name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftBucket {
    /// Its name.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// Ids of the lifecycle rules that the policy wrote, which go on moving and deleting.
    pub rules: Vec<String>,
}
