//! How often something that lasts is told: at first, after a day, then every week.

use crate::base::Period;
use crate::policy::AlertSeverity;
use jiff::Timestamp;

/// What is not over after this long is told again, one step louder.
const LOUDER_AFTER: Period = Period::days(1);

/// And then again each time this long.
const AGAIN_EVERY: Period = Period::days(7);

/// How many times a channel should have heard by `now` of what was first found at `raised`, the first time not counted.
pub fn level(raised: Timestamp, now: Timestamp) -> u32 {
    let lasted = Period::between(raised, now).0;
    match lasted.checked_sub(LOUDER_AFTER.0) {
        None => 0,
        Some(beyond) => u32::try_from(1 + beyond / AGAIN_EVERY.0).unwrap_or(u32::MAX),
    }
}

/// How loud it is at a level.
pub(super) fn louder(severity: AlertSeverity, level: u32) -> AlertSeverity {
    match severity {
        AlertSeverity::Warning if level > 0 => AlertSeverity::Critical,
        severity => severity,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn a_day_and_then_every_week() {
        let at = |hours: i64| Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap();
        let levels: Vec<u32> = [0, 23, 24, 24 * 8 - 1, 24 * 8, 24 * 15, -5].map(|h| level(at(0), at(h))).to_vec();
        assert_eq!(levels, [0, 0, 1, 1, 2, 3, 0]);
    }
}
