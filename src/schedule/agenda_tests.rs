//! What is started when, over days that go well and days that do not.

use super::{Agenda, Ending, JobKey, Timing};
use crate::base::Period;
use crate::schedule::{Schedule, Task};
use jiff::Timestamp;
use jiff::tz::TimeZone;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_default()
}

fn key(database: &str, task: Task) -> JobKey {
    JobKey { policy: "shop".to_owned(), database: database.to_owned(), task }
}

fn daily(database: &str) -> JobKey {
    key(database, Task::Tier("daily".to_owned()))
}

fn timing(schedule: &str, jitter: Period) -> Timing {
    let schedule: Schedule = schedule.parse().unwrap_or(Schedule::Manual);
    Timing { schedule, zone: TimeZone::UTC, jitter }
}

fn agenda(jobs: &[(JobKey, &str)]) -> Agenda {
    let mut agenda = Agenda::default();
    agenda.set(jobs.iter().map(|(key, schedule)| (key.clone(), timing(schedule, Period(0)))));
    agenda
}

/// Asks every minute from one time to another, and ends at once what is begun.
fn starts(agenda: &mut Agenda, from: &str, to: &str, ending: Ending) -> Vec<(String, JobKey)> {
    let (mut now, to) = (at(from), at(to));
    let mut begun = Vec::new();
    let start = now;
    while now <= to {
        let uptime = Period::between(start, now);
        for key in agenda.begin(now, uptime, 10) {
            agenda.end(&key, ending, uptime);
            begun.push((now.strftime("%d %H:%M").to_string(), key));
        }
        now = now.checked_add(Period::minutes(1).to_signed()).unwrap_or(Timestamp::MAX);
    }
    begun
}

fn times(begun: &[(String, JobKey)]) -> Vec<&str> {
    begun.iter().map(|(time, _)| time.as_str()).collect()
}

#[test]
fn a_job_is_started_at_the_beginning_and_then_once_an_instant() {
    let mut agenda = agenda(&[(daily("app"), "0 2 * * *")]);
    let begun = starts(&mut agenda, "2026-11-20T12:00:00Z", "2026-11-23T12:00:00Z", Ending::Settled);
    assert_eq!(times(&begun), ["20 12:00", "21 02:00", "22 02:00", "23 02:00"]);
}

#[test]
fn three_missed_days_are_caught_up_once() {
    let mut agenda = agenda(&[(daily("app"), "0 2 * * *")]);
    starts(&mut agenda, "2026-11-20T12:00:00Z", "2026-11-20T12:01:00Z", Ending::Settled);
    // The machine slept.
    let begun = starts(&mut agenda, "2026-11-23T15:00:00Z", "2026-11-24T03:00:00Z", Ending::Settled);
    assert_eq!(times(&begun), ["23 15:00", "24 02:00"]);
}

#[test]
fn an_hour_that_comes_twice_is_done_once_and_a_wrong_clock_is_forgotten() {
    let mut agenda = agenda(&[(daily("app"), "0 * * * *")]);
    starts(&mut agenda, "2026-11-20T12:00:00Z", "2026-11-20T14:30:00Z", Ending::Settled);
    let begun = starts(&mut agenda, "2026-11-20T13:30:00Z", "2026-11-20T15:10:00Z", Ending::Settled);
    assert_eq!(times(&begun), ["20 15:00"]);
    // For a moment it was ten years later.
    starts(&mut agenda, "2036-11-20T12:00:00Z", "2036-11-20T12:01:00Z", Ending::Settled);
    let begun = starts(&mut agenda, "2026-11-20T16:30:00Z", "2026-11-20T17:10:00Z", Ending::Settled);
    assert_eq!(times(&begun), ["20 16:30", "20 17:00"]);
}

#[test]
fn what_failed_is_tried_again_less_and_less_often() {
    let mut agenda = agenda(&[(daily("app"), "0 2 * * *")]);
    let begun = starts(&mut agenda, "2026-11-20T12:00:00Z", "2026-11-20T16:00:00Z", Ending::Again);
    assert_eq!(times(&begun), ["20 12:00", "20 12:05", "20 12:15", "20 12:35", "20 13:15", "20 14:15", "20 15:15"]);
    let begun = starts(&mut agenda, "2026-11-20T16:00:00Z", "2026-11-21T03:00:00Z", Ending::Settled);
    assert_eq!(times(&begun).last(), Some(&"21 02:00"), "{begun:?}");
}

#[test]
fn one_database_has_one_job_at_a_time_and_backups_come_first() {
    let jobs = [(key("app", Task::Verify), "0 2 * * *"), (daily("app"), "0 2 * * *"), (daily("crm"), "0 2 * * *")];
    let mut agenda = agenda(&jobs);
    let now = at("2026-11-20T12:00:00Z");
    assert_eq!(agenda.begin(now, Period(0), 1), [daily("app")]);
    assert_eq!(agenda.begin(now, Period(1), 5), [daily("crm")]);
    assert!(agenda.begin(now, Period(2), 5).is_empty());
    agenda.end(&daily("app"), Ending::Settled, Period(3));
    assert_eq!(agenda.begin(now, Period(3), 5), [key("app", Task::Verify)]);
    assert_eq!(agenda.running().count(), 2);
}

#[test]
fn jobs_that_stay_are_remembered_and_those_that_go_end_by_themselves() {
    let mut agenda = agenda(&[(daily("app"), "0 2 * * *"), (daily("crm"), "0 2 * * *")]);
    let now = at("2026-11-20T12:00:00Z");
    assert_eq!(agenda.begin(now, Period(0), 5).len(), 2);
    agenda.end(&daily("app"), Ending::Settled, Period(1));
    let jobs = [(daily("app"), timing("0 3 * * *", Period(0))), (daily("new"), timing("0 2 * * *", Period(0)))];
    agenda.set(jobs);
    assert_eq!(agenda.begin(now, Period(2), 5), [daily("new")]);
    assert_eq!(agenda.len(), 3);
    agenda.end(&daily("crm"), Ending::Again, Period(3));
    assert_eq!(agenda.len(), 2);
}

proptest::proptest! {
    /// However irregularly it is asked, each instant is started once, and none is left out unless the next has come, too.
    #[test]
    fn every_instant_is_started_once(steps in proptest::collection::vec(1_u64..50_000, 1..200)) {
        let mut agenda = agenda(&[(daily("app"), "30 */6 * * *")]);
        let schedule: Schedule = "30 */6 * * *".parse().unwrap_or(Schedule::Manual);
        let start = at("2026-11-20T12:00:00Z");
        let (mut now, mut last) = (start, None);
        for step in steps {
            now = now.checked_add(Period(step).to_signed()).unwrap_or(Timestamp::MAX);
            let begun = agenda.begin(now, Period::between(start, now), 3);
            let instant = schedule.last_at_or_before(now, &TimeZone::UTC);
            proptest::prop_assert_eq!(begun.len(), usize::from(last < instant), "{} {:?}", now, last);
            last = instant;
            for key in &begun {
                agenda.end(key, Ending::Settled, Period::between(start, now));
            }
        }
    }

    /// A start is late by the job's own moment, which is never more than the jitter.
    #[test]
    fn jitter_is_a_bound(jitter in 0_u64..3000, name in "[a-z]{1,8}") {
        let mut agenda = Agenda::default();
        agenda.set([(daily(&name), timing("0 */2 * * *", Period(jitter)))]);
        let begun = starts(&mut agenda, "2026-11-20T12:00:00Z", "2026-11-21T11:59:00Z", Ending::Settled);
        proptest::prop_assert!((12..=13).contains(&begun.len()), "{:?}", begun);
        let minutes: std::collections::BTreeSet<&str> = begun.iter().skip(1).map(|(time, _)| &time[6..]).collect();
        proptest::prop_assert_eq!(minutes.len(), 1);
        let late: u64 = minutes.first().and_then(|minute| minute.parse().ok()).unwrap_or(u64::MAX);
        proptest::prop_assert!(late <= jitter.div_ceil(60));
    }
}
