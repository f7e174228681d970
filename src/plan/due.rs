//! Whether a backup of a tier is due, and since when.

use crate::base::Period;
use crate::catalog::wal::Cut;
use crate::schedule::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How long a due backup may take to appear before it counts as overdue and stops pruning.
pub const GRACE: Period = Period::hours(1);

/// What the schedule says at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// The tier is taken on demand only.
    OnDemand,
    /// There is no good backup yet.
    Never,
    /// No base backup leads to the newest WAL.
    CutOff(Cut),
    /// The last good one is older than the last time it was due.
    Since {
        /// When it became due.
        due: Timestamp,
        /// When the last good one started.
        last_good: Timestamp,
    },
    /// The last good one is recent enough.
    No {
        /// When the next is due, if ever.
        next: Option<Timestamp>,
    },
}

impl Due {
    /// True when a backup should be taken now.
    pub fn is_due(&self) -> bool {
        matches!(self, Due::Never | Due::CutOff(_) | Due::Since { .. })
    }

    /// True when it should have been taken more than [`GRACE`] ago.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        matches!(self, Due::Since { due, .. } if Period::between(*due, now) > GRACE)
    }
}

/// Judges a tier whose newest good backup started at `last_good`.
pub fn judge(schedule: &Schedule, zone: &TimeZone, last_good: Option<Timestamp>, now: Timestamp) -> Due {
    if matches!(schedule, Schedule::Manual) {
        return Due::OnDemand;
    }
    let Some(last_good) = last_good else { return Due::Never };
    match schedule.last_at_or_before(now, zone) {
        Some(due) if last_good < due => Due::Since { due, last_good },
        _ => Due::No { next: schedule.next_after(now, zone) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_due_once_per_instant_of_the_schedule() {
        let daily: Schedule = "0 2 * * *".parse().unwrap_or(Schedule::Manual);
        let at = |text: &str| text.parse::<Timestamp>().unwrap_or_default();
        let judged = |last: Option<&str>, now: &str| judge(&daily, &TimeZone::UTC, last.map(at), at(now));
        assert_eq!(judged(None, "2026-11-20T12:00:00Z"), Due::Never);
        assert!(judged(Some("2026-11-19T02:00:01Z"), "2026-11-20T02:00:00Z").is_due());
        assert!(!judged(Some("2026-11-19T02:00:01Z"), "2026-11-20T02:30:00Z").is_overdue(at("2026-11-20T02:30:00Z")));
        assert!(judged(Some("2026-11-19T02:00:01Z"), "2026-11-20T04:00:00Z").is_overdue(at("2026-11-20T04:00:00Z")));
        assert!(!judged(Some("2026-11-20T02:00:00Z"), "2026-11-20T23:00:00Z").is_due());
        // After three missed days one backup is due, not three.
        assert!(judged(Some("2026-11-16T02:00:00Z"), "2026-11-20T12:00:00Z").is_due());
        assert!(!judged(Some("2026-11-20T12:00:00Z"), "2026-11-20T12:00:01Z").is_due());
    }
}
