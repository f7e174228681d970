//! Backups that may refer to nothing.

use super::{Desired, PruneBy, StorageKind, TierSpec};
use std::fmt;

/// Why every backup of a tier is full, whatever its `incremental` says: what it would refer to could be gone, or out of
/// reach, while the backup itself is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelfContained {
    /// Backups go to a class that must be thawed.
    Cold(String),
    /// Each backup is locked for its own time only.
    Locked(String),
    /// S3 deletes by age, and does not know what refers to what.
    Lifecycle(String),
}

impl Desired {
    /// Why every backup of a tier is full; `None` when they may be incremental.
    pub fn self_contained(&self, tier: &TierSpec) -> Option<SelfContained> {
        tier.copies.iter().find_map(|copy| {
            let storage = || copy.to.clone();
            if copy.class.is_cold() || copy.transitions.iter().any(|(_, class)| class.is_cold()) {
                return Some(SelfContained::Cold(storage()));
            }
            let spec = match self.storages.get(&copy.to).map(|storage| &storage.kind) {
                Some(StorageKind::S3(spec)) => spec,
                Some(StorageKind::Filesystem(_)) | None => return None,
            };
            if spec.prune == PruneBy::Lifecycle {
                return Some(SelfContained::Lifecycle(storage()));
            }
            let by_default = spec.manage.as_ref().and_then(|manage| manage.object_lock);
            copy.lock.or(by_default).map(|_| SelfContained::Locked(storage()))
        })
    }
}

impl fmt::Display for SelfContained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SelfContained::Cold(storage) => write!(f, "backups at {storage} go to a cold class"),
            SelfContained::Locked(storage) => write!(f, "backups at {storage} are locked each for its own time"),
            SelfContained::Lifecycle(storage) => write!(f, "S3 deletes backups at {storage} by their age"),
        }
    }
}
