//! When a process that is kept running is started again after it ended: after a pause that doubles while it ends early, and
//! is short again once it ran for a while.

use crate::base::Period;

/// Who ran for so long ran well.
pub const RAN_WELL: Period = Period(60);
/// The longest pause.
const LONGEST: u64 = 60;

/// How one process fares. Times are seconds of a clock that is never set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restart {
    /// How often in a row it ended early.
    n_early: u32,
    not_before: Period,
}

impl Restart {
    /// It ended after it ran for so long.
    pub fn ended(&mut self, ran: Period, now: Period) {
        if ran >= RAN_WELL {
            self.n_early = 0;
        }
        let pause = 1_u64.checked_shl(self.n_early).unwrap_or(LONGEST).min(LONGEST);
        self.n_early = self.n_early.saturating_add(1).min(LONGEST.ilog2() + 1);
        self.not_before = Period(now.0.saturating_add(pause));
    }

    /// It ended because it was asked to: nothing is wrong with it.
    pub fn stopped(&mut self) {
        *self = Restart::default();
    }

    /// Whether it may be started.
    pub fn is_due(&self, now: Period) -> bool {
        self.not_before <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses after ends that each came so long after the start.
    fn pauses(ran: &[u64]) -> Vec<u64> {
        let (mut restart, mut now) = (Restart::default(), 1000);
        let pause = |ran: &u64| {
            now += ran;
            restart.ended(Period(*ran), Period(now));
            let pause = (0..).find(|pause| restart.is_due(Period(now + pause))).unwrap_or_default();
            now += pause;
            pause
        };
        ran.iter().map(pause).collect()
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_who_ran_well_is_started_at_once_again() {
        assert_eq!(pauses(&[0; 9]), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pauses(&[0, 0, 59, 60, 0, 3600]), [1, 2, 4, 1, 2, 1]);
        assert_eq!(pauses(&[0; 200]).last(), Some(&60));
    }

    #[test]
    fn who_was_asked_to_end_does_not_wait() {
        let mut restart = Restart::default();
        restart.ended(Period(0), Period(5));
        assert!(!restart.is_due(Period(5)) && restart.is_due(Period(6)));
        restart.stopped();
        assert!(restart.is_due(Period(5)));
    }
}
