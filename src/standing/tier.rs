//! One tier of one database.

use super::copies::{self, CopiesStanding};
use super::point::{self, Point};
use crate::base::{Period, total};
use crate::plan::{Due, Live, Slot};
use crate::policy::Desired;
use jiff::Timestamp;

/// How one tier of one database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierStanding {
    /// The tier.
    pub tier: String,
    /// Its schedule as the policy writes it.
    pub schedule: String,
    /// What the schedule says now.
    pub due: Due,
    /// When the next backup is due after now; `None` for a tier on demand.
    pub next_due: Option<Timestamp>,
    /// Since when a backup should have been there; `None` while none is overdue.
    pub overdue_since: Option<Timestamp>,
    /// Everything that can be restored, oldest first.
    pub points: Vec<Point>,
    /// Its copies at each storage, in the policy's order.
    pub copies: Vec<CopiesStanding>,
    /// Bytes of all copies everywhere.
    pub stored_bytes: u64,
}

impl TierStanding {
    /// The last good backup.
    pub fn last_good(&self) -> Option<&Point> {
        self.points.last()
    }

    /// Age of the last good backup.
    pub fn age(&self, now: Timestamp) -> Option<Period> {
        self.last_good().map(|point| Period::between(point.started_at, now))
    }

    /// The oldest and the newest moment that can be restored.
    pub fn window(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.points.first()?.started_at, self.points.last()?.started_at))
    }

    /// By how many percent the last good backup is larger than the one before of the same kind, full or incremental;
    /// negative when smaller.
    pub fn size_change(&self) -> Option<i64> {
        let (last, earlier) = self.points.split_last()?;
        let before = earlier.iter().rev().find(|before| before.is_incremental == last.is_incremental)?;
        let (before, last) = (i128::from(before.stored_bytes), i128::from(last.stored_bytes));
        i64::try_from((last - before) * 100 / before.max(1)).ok()
    }

    /// Copies that should be there and are not, of all storages.
    pub fn n_missing(&self) -> usize {
        self.copies.iter().map(|copies| copies.missing.len()).sum()
    }

    /// Copies that are known to be damaged, of all storages.
    pub fn n_damaged(&self) -> usize {
        self.copies.iter().map(|copies| copies.damaged.len()).sum()
    }

    /// Every storage that it should have copies in could be read, so that nothing counts as absent that is not.
    pub fn is_whole(&self) -> bool {
        self.copies.iter().all(|copies| copies.is_readable)
    }
}

pub(super) fn tier(desired: &Desired, live: &Live, slot: &Slot<'_>, now: Timestamp) -> TierStanding {
    let overdue_since = match &slot.due {
        Due::Since { due, .. } if slot.due.is_overdue(now) => Some(*due),
        _ => None,
    };
    TierStanding {
        tier: slot.tier.to_owned(),
        schedule: slot.spec.schedule.text().to_owned(),
        due: slot.due.clone(),
        next_due: slot.spec.schedule.next_after(now, &desired.timezone),
        overdue_since,
        points: point::points(slot, now),
        copies: copies::copies(desired, live, slot, now),
        stored_bytes: total(slot.copies.values().flatten().map(|backup| backup.stored_bytes())),
    }
}
