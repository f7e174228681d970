//! Days as S3 counts them in lifecycle rules: from when an object was written, rounded up to the next midnight UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The midnight at or after `at` plus so many days.
pub(super) fn day_after(at: Timestamp, days: u32) -> Timestamp {
    midnight(later(at, SignedDuration::from_hours(24 * i64::from(days))))
}

/// `at` plus a time; the end of time where that is beyond it.
pub(super) fn later(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}

/// The midnight UTC at or after an instant.
pub(super) fn midnight(at: Timestamp) -> Timestamp {
    let seconds = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    let day = seconds.div_euclid(86_400) + i64::from(seconds.rem_euclid(86_400) > 0);
    Timestamp::from_second(day * 86_400).unwrap_or(Timestamp::MAX)
}

/// The midnight UTC with which a day such as `2027-01-31` begins.
pub(super) fn date(text: &str) -> Option<Timestamp> {
    let day: Date = text.get(..10)?.parse().ok()?;
    day.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp())
}

/// A day as said to people: `2027-01-31`, in UTC.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_rounded_up_to_midnight() {
        // The user guide's own example: January 15 at 10:30 plus three days is January 19.
        assert_eq!(day_after(at("2027-01-15T10:30:00Z"), 3), at("2027-01-19T00:00:00Z"));
        assert_eq!(day_after(at("2027-01-15T00:00:00Z"), 3), at("2027-01-18T00:00:00Z"));
        assert_eq!(midnight(at("2027-01-15T00:00:00.5Z")), at("2027-01-16T00:00:00Z"));
        assert_eq!(date("2027-01-31T00:00:00Z"), Some(at("2027-01-31T00:00:00Z")));
        assert_eq!(date("soon"), None);
    }
}
