//! Replication of a bucket.

use super::StorageClass;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use serde_json::Value;

/// All replication rules of a bucket, sorted by id, and the role that copies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Replication {
    /// ARN of the role that S3 assumes.
    pub role: String,
    /// The rules; ours have an id that begins with `backstay-<policy>-`.
    pub rules: Vec<ReplicationRule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicationRule {
    /// Unique in the bucket.
    pub id: String,
    /// Whether it does anything.
    pub enabled: bool,
    /// Which rule wins where several fit; unique in the bucket.
    pub priority: i32,
    /// Start of the key; empty: every key.
    pub prefix: String,
    /// ARN of the bucket that receives copies.
    pub destination: String,
    /// Class of the copies; `None`: that of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<StorageClass>,
    /// Whether delete markers are copied; ours never are.
    pub delete_markers: bool,
    /// What else a foreign rule says, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Value>,
}
