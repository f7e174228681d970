//! How often: every schedule of a policy, and the time between backups.
//!
//! Time between backups is taken on a clock without daylight saving, so that a daily schedule is one of 24 hours all
//! year round; what the change of clocks does is a rule of its own.

use crate::base::Period;
use crate::policy::desired::{DatabaseSpec, TierSpec};
use crate::policy::document::Document;
use crate::policy::route::Route;
use crate::policy::rule::Subject;
use crate::schedule::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// How many instants are looked at: more than a year of days.
const LOOKAHEAD: usize = 400;

/// Every schedule that a policy writes, with its place.
pub(in crate::policy) fn schedules(document: &Document) -> Vec<(Route, &Schedule)> {
    let mut all = Vec::new();
    for (name, tier) in &document.model.tiers {
        all.push((Route::of(["tiers", name, "schedule"]), tier.schedule.value()));
    }
    for (name, database) in &document.model.databases {
        let route = Route::of(["databases", name]);
        let verify = database.verify.as_ref().map(|verify| verify.schedule.value());
        let drill = database.drill.as_ref().map(|drill| drill.schedule.value());
        all.extend(verify.map(|schedule| (route.key("verify").key("schedule"), schedule)));
        all.extend(drill.map(|schedule| (route.key("drill").key("schedule"), schedule)));
    }
    if let Some(defaults) = &document.model.defaults {
        let verify = defaults.verify.as_ref().map(|verify| verify.schedule.value());
        let drill = defaults.drill.as_ref().map(|drill| drill.schedule.value());
        all.extend(verify.map(|schedule| (Route::of(["defaults", "verify", "schedule"]), schedule)));
        all.extend(drill.map(|schedule| (Route::of(["defaults", "drill", "schedule"]), schedule)));
    }
    all
}

/// The tiers of a database that a schedule starts, by name.
pub(in crate::policy) fn scheduled_tiers<'a>(
    subject: &Subject<'a>,
    database: &'a DatabaseSpec,
) -> impl Iterator<Item = (&'a str, &'a TierSpec)> {
    let tiers = &subject.desired.tiers;
    database
        .tiers
        .iter()
        .filter_map(move |name| tiers.get_key_value(name))
        .filter(|(_, tier)| !matches!(tier.schedule, Schedule::Manual))
        .map(|(name, tier)| (name.as_str(), tier))
}

/// The longest time between two backups by this schedule; `None` for `manual` and what never fires twice.
pub(in crate::policy) fn interval(schedule: &Schedule, now: Timestamp) -> Option<Period> {
    schedule.longest_interval(now, &TimeZone::UTC)
}

/// The [`interval`] of every tier by name. Each walks a year of instants: rules that look at many databases ask once.
pub(in crate::policy) fn intervals<'a>(subject: &Subject<'a>) -> BTreeMap<&'a str, Period> {
    let tiers = subject.desired.tiers.iter();
    tiers.filter_map(|(name, tier)| Some((name.as_str(), interval(&tier.schedule, subject.now)?))).collect()
}

/// The longest time without any backup when all these schedules run; `None` when none of them fires.
pub fn longest_gap(schedules: &[&Schedule], now: Timestamp) -> Option<Period> {
    let mut at = now;
    let mut next: Vec<(&Schedule, Option<Timestamp>)> =
        schedules.iter().map(|schedule| (*schedule, schedule.next_after(now, &TimeZone::UTC))).collect();
    let mut longest = None;
    for step in 0..LOOKAHEAD {
        let Some(first) = next.iter().filter_map(|(_, due)| *due).min() else { break };
        if step > 0 {
            longest = longest.max(Some(Period::between(at, first)));
        }
        at = first;
        for (schedule, due) in next.iter_mut().filter(|(_, due)| *due == Some(first)) {
            *due = schedule.next_after(first, &TimeZone::UTC);
        }
    }
    longest
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn schedules_together_leave_shorter_gaps() {
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let schedules: Vec<Schedule> = ["0 2 * * *", "0 14 * * *", "0 3 * * SUN"].map(|s| s.parse().unwrap()).into();
        let all: Vec<&Schedule> = schedules.iter().collect();
        assert_eq!(longest_gap(&all, now), Some(Period::hours(12)));
        assert_eq!(longest_gap(&all[2..], now), Some(Period::days(7)));
        assert_eq!(longest_gap(&[&Schedule::Manual], now), None);
        assert_eq!(interval(&"0 2 * * MON-FRI".parse().unwrap(), now), Some(Period::days(3)));
    }
}
