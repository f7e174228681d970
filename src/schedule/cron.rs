//! A schedule as policies write it: five-field cron, `@daily` and its kin, or `manual`.

use crate::base::Period;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::str::FromStr;

/// When something is due. Reading the cron text is separate from a time zone, which every question takes.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// Only on demand.
    Manual,
    /// By a cron expression.
    Cron {
        /// As the policy writes it.
        text: String,
        /// As understood.
        cron: Box<Cron>,
    },
}

/// The text is neither `manual` nor a cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a schedule: {problem}")]
pub struct InvalidSchedule {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        if text == "manual" {
            return Ok(Schedule::Manual);
        }
        let invalid = |problem: String| InvalidSchedule { text: text.to_owned(), problem };
        if text.trim() != text || text.contains(['\n', '\t', '\r']) {
            return Err(invalid("it has white space around it or in place of single spaces".to_owned()));
        }
        CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(text)
            .map(|cron| Schedule::Cron { text: text.to_owned(), cron: Box::new(cron) })
            .map_err(|e| invalid(e.to_string()))
    }
}

impl Schedule {
    /// The text as the policy writes it.
    pub fn text(&self) -> &str {
        match self {
            Schedule::Manual => "manual",
            Schedule::Cron { text, .. } => text,
        }
    }

    /// The latest instant at or before `now` at which it was due; `None` for `manual` or a cron that never fires.
    pub fn last_at_or_before(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let Schedule::Cron { cron, .. } = self else { return None };
        let now = Zoned::new(now, zone.clone());
        cron.find_previous_occurrence(&now, true).ok().map(|found| found.timestamp())
    }

    /// The first instant after `now` at which it is due; `None` for `manual` or a cron that never fires.
    pub fn next_after(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let Schedule::Cron { cron, .. } = self else { return None };
        let now = Zoned::new(now, zone.clone());
        cron.find_next_occurrence(&now, false).ok().map(|found| found.timestamp())
    }

    /// The longest time between two instants after `now`, looked for over one whole turn of the expression: two days,
    /// a week, or a little more than a year, whichever its fields repeat in.
    pub fn longest_interval(&self, now: Timestamp, zone: &TimeZone) -> Option<Period> {
        let first = self.next_after(now, zone)?;
        let turn = self.turn();
        let (mut at, mut longest) = (first, None);
        while longest.is_none() || Period::between(first, at) < turn {
            let Some(next) = self.next_after(at, zone) else { break };
            longest = longest.max(Some(Period::between(at, next)));
            at = next;
        }
        longest
    }

    /// In what time the expression repeats, rounded up.
    fn turn(&self) -> Period {
        let fields: Vec<&str> = self.text().split(' ').collect();
        match fields.as_slice() {
            ["@hourly" | "@daily" | "@midnight"] | [_, _, "*", "*", "*"] => Period::days(2),
            ["@weekly"] | [_, _, "*", "*", _] => Period::days(8),
            _ => Period::days(400),
        }
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Schedule) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Schedule {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn last_and_next_follow_the_zone() {
        let daily: Schedule = "0 2 * * *".parse().unwrap_or(Schedule::Manual);
        let berlin = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
        assert_eq!(
            daily.last_at_or_before(at("2026-11-20T12:00:00Z"), &TimeZone::UTC),
            Some(at("2026-11-20T02:00:00Z"))
        );
        assert_eq!(
            daily.last_at_or_before(at("2026-11-20T02:00:00Z"), &TimeZone::UTC),
            Some(at("2026-11-20T02:00:00Z"))
        );
        assert_eq!(daily.next_after(at("2026-11-20T02:00:00Z"), &TimeZone::UTC), Some(at("2026-11-21T02:00:00Z")));
        assert_eq!(daily.next_after(at("2026-11-20T12:00:00Z"), &berlin), Some(at("2026-11-21T01:00:00Z")));
        assert_eq!(daily.longest_interval(at("2026-11-20T12:00:00Z"), &TimeZone::UTC), Some(Period::days(1)));
    }

    #[test]
    fn the_longest_interval_sees_a_whole_turn() {
        let longest = |text: &str| {
            let schedule: Schedule = text.parse().unwrap_or(Schedule::Manual);
            schedule.longest_interval(at("2026-11-20T12:00:00Z"), &TimeZone::UTC).map(|period| period.to_string())
        };
        assert_eq!(longest("*/5 9-17 * * MON-FRI").as_deref(), Some("3785m"));
        assert_eq!(longest("0 3 * * SUN").as_deref(), Some("7d"));
        assert_eq!(longest("0 4 1 * *").as_deref(), Some("31d"));
        assert_eq!(longest("0 4 1 1,7 *").as_deref(), Some("184d"));
        assert_eq!(longest("0 1,23 * * *").as_deref(), Some("22h"));
        assert_eq!(longest("manual"), None);
    }

    #[test]
    fn manual_is_never_due_and_nonsense_is_refused() {
        assert_eq!(
            "manual".parse::<Schedule>().ok().and_then(|s| s.next_after(at("2026-11-20T12:00:00Z"), &TimeZone::UTC)),
            None
        );
        for bad in ["", "daily", "* * * *", "0 0 2 * * *", "61 * * * *", "0 2 * * *\n"] {
            assert!(bad.parse::<Schedule>().is_err(), "{bad:?}");
        }
        for good in ["@daily", "@hourly", "@weekly", "@monthly", "*/15 * * * *", "0 3 * * SUN", "0 4 1 JAN *"] {
            assert!(good.parse::<Schedule>().is_ok(), "{good}");
        }
    }
}
