//! The unchanged program over more than a year: exactly the promised backups remain after each day.
//!
//! `BACKSTAY_DAYS=400` runs every one of so many days. Without it the first weeks run day by day and the rest of 400
//! days in steps that meet every kind of day.

use crate::support::{Database, Project, Server, assert_leftover_free, faketime, rounds};
use jiff::civil::{Date, Weekday, date};
use std::collections::BTreeSet;

const POLICY: &str = "\
version: 1
name: calendar
storage:
  near: { type: filesystem, path: {folder}/near }
  far: { type: filesystem, path: {folder}/far }
tiers:
  daily:
    schedule: \"0 2 * * *\"
    copies: [{ to: near, keep: 30d }, { to: far, keep: { last: 7 } }]
  weekly:
    schedule: \"0 3 * * SUN\"
    copies: [{ to: far, keep: { for: 90d, at_least: 4 } }]
  monthly:
    schedule: \"0 4 1 * *\"
    copies: [{ to: far, keep: 1y }]
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [daily, weekly, monthly]
    dump: { globals: false }
safety: { keep_at_least: 3, max_prune: 100% }
";

/// What the policy promises, told without the program's code: the days on which a tier was taken, and of those the
/// days that are kept.
#[derive(Default)]
struct Promise {
    taken: BTreeSet<Date>,
}

impl Promise {
    /// A backup is due when its tier was never taken, or not since the last day of its schedule.
    fn day(&mut self, today: Date, is_scheduled: impl Fn(Date) -> bool) {
        let mut last = today;
        while !is_scheduled(last) {
            last = last.yesterday().unwrap();
        }
        if self.taken.last().is_none_or(|taken| *taken < last) {
            self.taken.insert(today);
        }
    }

    /// Those younger than so many days, and at least so many of the newest.
    fn kept(&self, today: Date, days: i32, at_least: usize) -> BTreeSet<Date> {
        let young = |day: &Date| (today - *day).get_days() < days;
        let newest = self.taken.iter().rev().take(at_least);
        self.taken.iter().filter(|day| young(day)).chain(newest).copied().collect()
    }
}

/// The days of the backups of a tier that stand in a storage.
fn found(project: &Project, storage: &str, tier: &str) -> BTreeSet<Date> {
    let prefix = format!("manifest/{tier}/app/");
    let files = project.files(storage);
    let ids = files.iter().filter_map(|file| file.strip_prefix(&prefix)?.strip_suffix(".json"));
    ids.map(|id| Date::strptime("%Y%m%d", &id[..8]).unwrap()).collect()
}

/// The days on which something runs, counted from the first.
fn days() -> Vec<i32> {
    let all = rounds("BACKSTAY_DAYS", 0).cast_signed();
    if all > 0 {
        return (0..all).collect();
    }
    // These steps meet all weekdays, days after missed ones, and firsts of months taken late.
    let steps = [6, 9, 1, 17].into_iter().cycle();
    let later = steps.scan(35, |day, step| {
        *day += step;
        Some(*day)
    });
    (0..35).chain(later.take_while(|day| *day < 400)).collect()
}

#[test]
fn exactly_the_promised_backups_remain_each_day() {
    let source = Database::create(Server::any(), "calendar");
    source.psql("CREATE TABLE t AS SELECT 1 AS n");
    let project = Project::without_repositories(&source, "");
    project.write_policy(POLICY);
    let first = date(2026, 1, 1);
    let [mut daily, mut weekly, mut monthly] = [(); 3].map(|()| Promise::default());
    for number in days() {
        let today = first + jiff::Span::new().days(number);
        // Later by a minute each day, so that an age in days is never a matter of milliseconds.
        let now = today.at(5, 0, 0, 0) + jiff::Span::new().minutes(number);
        let at = |arguments: &[&str]| faketime(project.backstay(arguments), &now.strftime("%F %T").to_string()).run();
        at(&["apply", "--yes", "-q"]).expect(0);

        daily.day(today, |_| true);
        weekly.day(today, |day| day.weekday() == Weekday::Sunday);
        monthly.day(today, |day| day.day() == 1);
        let what = format!("on {today}");
        // Floors: `at_least` where it is said, `keep_at_least` elsewhere.
        assert_eq!(found(&project, "near", "daily"), daily.kept(today, 30, 3), "{what}");
        assert_eq!(found(&project, "far", "daily"), daily.kept(today, 0, 7), "{what}");
        assert_eq!(found(&project, "far", "weekly"), weekly.kept(today, 90, 4), "{what}");
        assert_eq!(found(&project, "far", "monthly"), monthly.kept(today, 365, 3), "{what}");
        assert!(found(&project, "near", "weekly").is_empty() && found(&project, "near", "monthly").is_empty());
        at(&["plan", "--detailed-exitcode", "-q"]).expect(0);
        if number % 100 == 0 {
            at(&["verify", "--deep", "-q"]).expect(0);
        }
    }
    assert_leftover_free(&project);
}
