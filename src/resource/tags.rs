//! Tags of a bucket.

use super::Resource;
use super::change::Merged;
use super::ours::merged_tags;
use super::validity::MOST_TAGS;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::collections::BTreeMap;

/// Tags by key, those that begin with `aws:` left out. Writing replaces the whole set, so foreign ones are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Tags {
    /// Values by key.
    pub tags: BTreeMap<String, String>,
}

impl Tags {
    /// Keeps every tag that the policy does not name.
    pub(super) fn merge(&self, policy: &str, found: Option<&Tags>) -> Merged {
        let nothing = BTreeMap::new();
        let (tags, kept) = merged_tags(policy, &self.tags, found.map_or(&nothing, |found| &found.tags));
        let before = found.cloned().map(Resource::Tags);
        Merged { kept, ..Merged::whole(before, Resource::Tags(Tags { tags })) }
    }

    /// More tags than a bucket takes, with the foreign ones.
    pub(super) fn hindrance(&self, policy: &str, found: &Tags) -> Option<String> {
        let (tags, _) = merged_tags(policy, &self.tags, &found.tags);
        (tags.len() > MOST_TAGS).then(|| {
            format!("the bucket would have {} tags with those that others gave it, and takes {MOST_TAGS}", tags.len())
        })
    }
}
