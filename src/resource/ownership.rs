//! Who owns the objects of a bucket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Object ownership; absent in AWS means `ObjectWriter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ownership {
    /// `BucketOwnerEnforced` (ACLs are off), `BucketOwnerPreferred` or `ObjectWriter`.
    pub rule: String,
}
