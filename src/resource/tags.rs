//! Tags of a bucket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::collections::BTreeMap;

/// Tags by key, those that begin with `aws:` left out. Writing replaces the whole set, so foreign ones are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Tags {
    /// Values by key.
    pub tags: BTreeMap<String, String>,
}
