//! Whether a bucket keeps every version of an object.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Versioning of a bucket. Once enabled it can only be suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Versioning {
    /// Never enabled: a delete deletes.
    Unversioned,
    /// Every version is kept.
    Enabled,
    /// Old versions are kept, new ones are not made.
    Suspended,
}
