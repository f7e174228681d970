//! What the objects of a copy get beside their bytes, as the policy says.

use crate::catalog::Manifest;
use crate::policy::CopySpec;
use crate::resource::LockedUntil;
use crate::storage::{ObjectStore, Placement};
use jiff::{SignedDuration, Timestamp};

/// Class and lock of the files of one copy. `now`: when they are written, from which a lock counts; `expected`: bytes of
/// the largest of them, where somebody has an idea.
pub fn placement(copy: Option<&CopySpec>, now: Timestamp, expected: Option<u64>) -> Placement {
    let Some(copy) = copy else { return Placement { expected, ..Placement::default() } };
    let lock = copy.lock.map(|lock| {
        let period = SignedDuration::from_secs(i64::try_from(lock.period.0).unwrap_or(i64::MAX));
        LockedUntil { mode: lock.mode, until: now.checked_add(period).unwrap_or(Timestamp::MAX) }
    });
    Placement { class: copy.class, lock, expected }
}

/// The manifest of one copy: it says the class and lock that the copy's files were given, as far as the store keeps such.
pub fn placed(manifest: &Manifest, placement: &Placement, store: &dyn ObjectStore) -> Manifest {
    let kept = store.capabilities();
    let mut manifest = manifest.clone();
    for object in &mut manifest.objects {
        object.class = if kept.classes { placement.class } else { Default::default() };
        object.lock = placement.lock.filter(|_| kept.locks);
        // A copy lies in the backup's folder, wherever its source does.
        object.key = None;
        object.beside = Vec::new();
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Period;
    use crate::catalog::Keep;
    use crate::resource::{LockMode, Retain, StorageClass};

    #[test]
    fn a_lock_counts_from_when_the_copy_is_written() {
        let lock = Some(Retain { mode: LockMode::Governance, period: Period::hours(24) });
        let (to, keep) = ("far".to_owned(), Keep::Last(1));
        let spec = CopySpec { to, keep, class: StorageClass::StandardIa, transitions: Vec::new(), lock };
        let placed = placement(Some(&spec), Timestamp::UNIX_EPOCH, Some(7));
        assert_eq!(placed.lock.map(|lock| lock.until.as_second()), Some(86_400));
        assert_eq!((placed.class, placed.expected), (StorageClass::StandardIa, Some(7)));
        let endless = Retain { mode: LockMode::Compliance, period: Period(u64::MAX) };
        let placed = placement(Some(&CopySpec { lock: Some(endless), ..spec }), Timestamp::UNIX_EPOCH, None);
        assert_eq!(placed.lock.map(|lock| lock.until), Some(Timestamp::MAX));
        assert_eq!(placement(None, Timestamp::UNIX_EPOCH, None), Placement::default());
    }
}
