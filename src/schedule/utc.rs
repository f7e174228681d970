//! A schedule for those who know no time zone: lines of cron in UTC that hold every instant of it, in winter and in
//! summer. They hold others as well; whoever is started then finds nothing due.

use super::{Fields, Schedule};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::collections::{BTreeMap, BTreeSet};

const MINUTES_OF_A_DAY: i32 = 24 * 60;

/// The lines; none for `manual`. What only some crons know becomes every hour.
pub(super) fn utc_lines(schedule: &Schedule, zone: &TimeZone) -> Vec<String> {
    if *schedule == Schedule::Manual {
        return Vec::new();
    }
    let Some(fields) = Fields::of(schedule) else { return vec!["0 * * * *".to_owned()] };
    let mut hours: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
    let mut shifts: BTreeSet<i32> = BTreeSet::new();
    for offset in offsets(zone) {
        for (hour, minute) in fields.hours.iter().flat_map(|hour| fields.minutes.iter().map(move |m| (*hour, *m))) {
            let at = i32::from(hour) * 60 + i32::from(minute) - offset;
            shifts.insert(at.div_euclid(MINUTES_OF_A_DAY));
            let at = at.rem_euclid(MINUTES_OF_A_DAY);
            let (hour, minute) = (u8::try_from(at / 60), u8::try_from(at % 60));
            if let (Ok(hour), Ok(minute)) = (hour, minute) {
                hours.entry(minute).or_default().insert(hour);
            }
        }
    }
    let days = days(&fields, &shifts);
    let mut minutes: BTreeMap<BTreeSet<u8>, BTreeSet<u8>> = BTreeMap::new();
    for (minute, hours) in hours {
        minutes.entry(hours).or_default().insert(minute);
    }
    minutes.iter().map(|(hours, minutes)| format!("{} {} {days}", list(minutes, 60), list(hours, 24))).collect()
}

/// How many minutes the zone is ahead of UTC at some time of a year.
fn offsets(zone: &TimeZone) -> BTreeSet<i32> {
    // Any year will do: what is asked is which offsets the zone has, week by week.
    let start = Timestamp::from_second(1_767_225_600).unwrap_or_default();
    let weeks = (0..53_i64).filter_map(|week| start.checked_add((week * 168).hours()).ok());
    weeks.map(|at| zone.to_offset(at).seconds() / 60).collect()
}

/// The fields of days, months and weekdays. A time that lies on another day in UTC takes weekdays along; days of a month
/// become every day.
fn days(fields: &Fields, shifts: &BTreeSet<i32>) -> String {
    let stays = shifts.iter().all(|shift| *shift == 0);
    match (&fields.days, &fields.months, &fields.weekdays) {
        (None, None, None) => "* * *".to_owned(),
        (None, None, Some(weekdays)) => {
            let shifted = |shift: &i32| {
                let days = weekdays.iter().map(move |day| (i32::from(*day) + shift).rem_euclid(7));
                days.filter_map(|day| u8::try_from(day).ok()).collect::<Vec<_>>()
            };
            format!("* * {}", list(&shifts.iter().flat_map(shifted).collect(), 7))
        }
        (days, months, weekdays) if stays => {
            let field = |set: &Option<BTreeSet<u8>>, all| set.as_ref().map_or("*".to_owned(), |set| list(set, all));
            format!("{} {} {}", field(days, 31), field(months, 12), field(weekdays, 7))
        }
        _ => "* * *".to_owned(),
    }
}

fn list(set: &BTreeSet<u8>, all: usize) -> String {
    if set.len() == all { "*".to_owned() } else { set.iter().map(u8::to_string).collect::<Vec<_>>().join(",") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn lines(text: &str, zone: &str) -> Vec<String> {
        utc_lines(&text.parse().unwrap(), &TimeZone::get(zone).unwrap())
    }

    #[test]
    fn winter_and_summer_are_both_there() {
        assert_eq!(lines("30 2 * * *", "UTC"), ["30 2 * * *"]);
        assert_eq!(lines("30 2 * * *", "Europe/Berlin"), ["30 0,1 * * *"]);
        assert_eq!(lines("30 0 * * MON", "Europe/Berlin"), ["30 22,23 * * 0"]);
        assert_eq!(lines("30 1 * * MON", "Europe/Berlin"), ["30 0,23 * * 0,1"]);
        assert_eq!(lines("0 4 1 * *", "Europe/Berlin"), ["0 2,3 1 * *"]);
        assert_eq!(lines("0 1 1 * *", "Europe/Berlin"), ["0 0,23 * * *"]);
        assert_eq!(lines("0 9 * * *", "Asia/Kolkata"), ["30 3 * * *"]);
        assert_eq!(lines("@hourly", "Europe/Berlin"), ["0 * * * *"]);
        assert_eq!(lines("0 4 L * *", "UTC"), ["0 * * * *"]);
        assert!(utc_lines(&Schedule::Manual, &TimeZone::UTC).is_empty());
    }

    proptest::proptest! {
        /// Whenever the schedule is due, one of the lines is.
        #[test]
        fn no_instant_is_missed(
            minute in "([0-5]?[0-9]|\\*/15)", hour in "(1?[0-9]|\\*/5|2[0-3])", day in "(\\*|[12]?[1-9]|31)",
            month in "(\\*|[1-9]|1[0-2])", weekday in "(\\*|[0-6]|MON-FRI)",
            zone in proptest::sample::select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kolkata", "Australia/Lord_Howe"]),
            at in 1_767_225_600_i64..1_830_000_000,
        ) {
            let schedule: Schedule = format!("{minute} {hour} {day} {month} {weekday}").parse().unwrap();
            let zone = TimeZone::get(zone).unwrap();
            let Some(next) = schedule.next_after(Timestamp::from_second(at).unwrap(), &zone) else { return Ok(()) };
            // A time that a change of clocks leaves out is due right after it; the line for it is that of the old offset.
            let local = next.to_zoned(zone.clone());
            let is_meant = Fields::of(&schedule).unwrap().minutes.contains(&u8::try_from(local.minute()).unwrap())
                && Fields::of(&schedule).unwrap().hours.contains(&u8::try_from(local.hour()).unwrap());
            proptest::prop_assume!(is_meant);
            let found = utc_lines(&schedule, &zone).iter().any(|line| {
                let line: Schedule = line.parse().unwrap();
                line.last_at_or_before(next, &TimeZone::UTC) == Some(next)
            });
            proptest::prop_assert!(found, "{schedule:?} {next} {:?}", utc_lines(&schedule, &zone));
        }
    }
}
