//! The five fields of a cron expression as sets of numbers, for writers of other notations.

use super::Schedule;
use std::collections::BTreeSet;

/// When a cron expression is due, field by field. A day is meant when `days` or `weekdays` names it, as cron has it, if
/// both are restricted; else when the restricted one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// 0 to 59.
    pub minutes: BTreeSet<u8>,
    /// 0 to 23.
    pub hours: BTreeSet<u8>,
    /// 1 to 31; `None` for every day.
    pub days: Option<BTreeSet<u8>>,
    /// 1 to 12; `None` for every month.
    pub months: Option<BTreeSet<u8>>,
    /// 0 (Sunday) to 6; `None` for every day.
    pub weekdays: Option<BTreeSet<u8>>,
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Fields {
    /// The fields of a schedule; `None` for `manual`, and for what only some crons know (`L`, `W`, `#`).
    pub fn of(schedule: &Schedule) -> Option<Fields> {
        let Schedule::Cron { text, .. } = schedule else { return None };
        let text = match text.as_str() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return None };
        // Sunday is 0 and 7.
        let weekdays = restricted(weekdays, 0, 7, &WEEKDAYS)?.map(|set| set.into_iter().map(|day| day % 7).collect());
        Some(Fields {
            minutes: set(minutes, 0, 59, &[])?,
            hours: set(hours, 0, 23, &[])?,
            days: restricted(days, 1, 31, &[])?,
            months: restricted(months, 1, 12, &MONTHS)?,
            weekdays,
        })
    }
}

/// `Some(None)` for a field that says every value.
fn restricted(field: &str, min: u8, max: u8, names: &[&str]) -> Option<Option<BTreeSet<u8>>> {
    if field == "*" || field == "?" { Some(None) } else { set(field, min, max, names).map(Some) }
}

fn set(field: &str, min: u8, max: u8, names: &[&str]) -> Option<BTreeSet<u8>> {
    let mut all = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u8>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let value = |text: &str| -> Option<u8> {
            let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
            // Names of months count from 1, those of days from 0.
            let number = named.and_then(|at| u8::try_from(at).ok()).map(|at| at + min);
            number.or_else(|| text.parse().ok()).filter(|number| (min..=max).contains(number))
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (min, max),
            Some((first, last)) => (value(first)?, value(last)?),
            None => (value(range)?, if step.is_some() { max } else { value(range)? }),
        };
        if first > last {
            return None;
        }
        all.extend((first..=last).step_by(usize::from(step.unwrap_or(1))));
    }
    Some(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    fn fields(text: &str) -> Option<Fields> {
        Fields::of(&text.parse().unwrap())
    }

    #[test]
    fn fields_are_sets() {
        let found = fields("*/20 9-17/4 1,15 JAN-MAR,12 MON-FRI").unwrap();
        assert_eq!(Vec::from_iter(found.minutes), [0, 20, 40]);
        assert_eq!(Vec::from_iter(found.hours), [9, 13, 17]);
        assert_eq!(Vec::from_iter(found.days.unwrap()), [1, 15]);
        assert_eq!(Vec::from_iter(found.months.unwrap()), [1, 2, 3, 12]);
        assert_eq!(Vec::from_iter(found.weekdays.unwrap()), [1, 2, 3, 4, 5]);
        assert_eq!(Vec::from_iter(fields("0 0 * * 5-7").unwrap().weekdays.unwrap()), [0, 5, 6]);
        assert_eq!(fields("@weekly"), fields("0 0 * * SUN"));
        assert!(fields("0 0 L * *").is_none() && Fields::of(&Schedule::Manual).is_none());
    }

    proptest::proptest! {
        /// The sets say what the cron library says, over more than a year of instants.
        #[test]
        fn sets_mean_what_the_expression_means(
            minute in "([0-5]?[0-9]|\\*/(7|15|30))", hour in "(1?[0-9]|\\*|\\*/(5|6)|[1-9]-1[0-9])",
            day in "(\\*|[12]?[1-9]|1-(7|14)|\\*/9)", month in "(\\*|[1-9]|1[0-2]|APR-JUN)", weekday in "(\\*|[0-7]|MON-FRI|SUN,WED)",
            at in 1_700_000_000_i64..1_740_000_000,
        ) {
            // With a step over every day crons differ in what counts as restricted; policies that need it are rare.
            proptest::prop_assume!(!(day.starts_with("*/") && weekday != "*"));
            let schedule: Schedule = format!("{minute} {hour} {day} {month} {weekday}").parse().unwrap();
            let fields = Fields::of(&schedule).unwrap();
            if let Some(next) = schedule.next_after(Timestamp::from_second(at).unwrap(), &TimeZone::UTC) {
                let time = next.to_zoned(TimeZone::UTC);
                let has = |set: &BTreeSet<u8>, value: i8| set.contains(&u8::try_from(value).unwrap());
                proptest::prop_assert!(has(&fields.minutes, time.minute()) && has(&fields.hours, time.hour()));
                proptest::prop_assert!(fields.months.as_ref().is_none_or(|months| has(months, time.month())));
                let day = fields.days.as_ref().map(|days| has(days, time.day()));
                let weekday = fields.weekdays.as_ref().map(|days| has(days, time.weekday().to_sunday_zero_offset()));
                let is_meant = match (day, weekday) {
                    (Some(day), Some(weekday)) => day || weekday,
                    (one, other) => one.or(other).unwrap_or(true),
                };
                proptest::prop_assert!(is_meant, "{schedule:?} {time}");
            }
        }
    }
}
