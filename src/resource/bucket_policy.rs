//! The policy of a bucket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use serde_json::Value;

/// The policy of a bucket; no statements: there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BucketPolicy {
    /// `2012-10-17`, or `2008-10-17` where AWS finds none.
    pub version: String,
    /// The document's id, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The statements, as JSON; ours have a `Sid` that begins with `Backstay`.
    pub statements: Vec<Value>,
}
