//! Whether a bucket keeps every version of an object.

use super::Resource;
use super::change::Merged;
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

impl Versioning {
    /// Never `Unversioned` again once it was enabled. Enabling it on a bucket that exists cannot be taken back; a
    /// bucket that is made in the same plan is empty and could be removed.
    pub(super) fn merge(self, found: Option<&Versioning>) -> Option<Merged> {
        let after = match (self, found) {
            (Versioning::Enabled, _) => Versioning::Enabled,
            (_, Some(Versioning::Enabled | Versioning::Suspended)) => Versioning::Suspended,
            (_, Some(Versioning::Unversioned) | None) => return None,
        };
        let mut merged = Merged::whole(found.copied().map(Resource::Versioning), Resource::Versioning(after));
        merged.loosens = after == Versioning::Suspended;
        merged.irreversible = (after == Versioning::Enabled && found == Some(&Versioning::Unversioned))
            .then(|| "versioning can be suspended later, never switched off again".to_owned());
        Some(merged)
    }
}
