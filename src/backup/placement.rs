//! What the objects of a copy get beside their bytes, as the policy says.

use crate::policy::CopySpec;
use crate::resource::LockedUntil;
use crate::storage::Placement;
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
