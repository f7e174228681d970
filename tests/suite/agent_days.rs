//! The agent over many days under a clock that the test sets: everything promised is done, nothing twice.
//!
//! `BACKSTAY_DAYS` lets another number of days pass than sixty.

use crate::support::{Agent, Site, at, later, rounds};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::fs;

const PROMISES: &str = "verify: { schedule: '0 4 * * SUN' }, drill: { schedule: '0 5 1 * *', \
                        checks: [{ sql: 'SELECT count(*) FROM t', expect: '= 1' }] }, tiers: [daily, weekly],";

/// What has happened so far.
struct Days {
    site: Site,
    agent: Agent,
    seen: BTreeSet<String>,
    n_done: usize,
}

impl Days {
    /// Goes on to an instant at which exactly one job is due, waits for its end, and returns what it stored.
    #[track_caller]
    fn until(&mut self, instant: Timestamp, job: &str) -> Vec<String> {
        let before = self.begun(job);
        self.site.clock(instant);
        self.n_done += 1;
        self.agent.says("done in", self.n_done);
        assert_eq!(self.begun(job), before + 1, "{job} at {instant}: {}", self.agent.log());
        self.news()
    }

    fn begun(&self, job: &str) -> usize {
        self.agent.times(&format!("test app {job}: begins"))
    }

    fn news(&mut self) -> Vec<String> {
        let now = self.site.manifests();
        let new = now.difference(&self.seen).cloned().collect();
        self.seen.extend(now);
        new
    }

    fn kept(&self, tier: &str) -> usize {
        self.site.manifests().iter().filter(|file| file.contains(&format!("/{tier}/"))).count()
    }

    /// Moments of all records that end like this: verification or drills.
    fn records(&self, ending: &str, field: &str) -> Vec<Timestamp> {
        let files = self.site.project.files("near").into_iter();
        let mut moments = Vec::new();
        for file in files.filter(|file| file.starts_with("manifest/") && file.ends_with(ending)) {
            let text = fs::read_to_string(self.site.path("near").join(file)).unwrap();
            let head = format!("\"{field}\": \"");
            let parts = text.split(&head).skip(1);
            moments.extend(parts.map(|part| at(part.split('"').next().unwrap())));
        }
        moments.sort();
        moments
    }
}

/// Show 5: days pass, and what the policy promises is done, none of it twice, and memory stays as it is.
#[test]
fn sixty_days_pass_and_everything_promised_is_done_once() {
    let days = i64::from(rounds("BACKSTAY_DAYS", 60));
    let site = Site::new("days", |policy| {
        policy
            .replace(
                "databases:",
                "  weekly: { schedule: '0 3 * * SUN', copies: [{ to: near, keep: 30d }] }\ndatabases:",
            )
            .replace("tiers: [daily],", PROMISES)
    });
    let agent = site.agent("log");
    // All four jobs look at once: nobody knows what was missed. There was nothing yet to be proven.
    agent.says("done in", 4);
    let mut all = Days { site, agent, seen: BTreeSet::new(), n_done: 4 };
    assert_eq!(all.news().len(), 2, "{}", all.agent.log());
    let (mut n_weekly, mut n_verified, mut drilled) = (1, 1, Vec::new());
    let mut memory = 0;
    for day in 0..days {
        // Day 0 is a Tuesday.
        let midnight = later(at("2027-01-05T00:00:00Z"), 24 * day);
        let five_past = |hour: i64| later(midnight, hour) + SignedDuration::from_mins(5);
        let made = all.until(five_past(2), "run daily");
        assert!(made.len() == 1 && made[0].contains("/daily/"), "day {day}: {made:?}");
        // Made every day, and kept for seven; the first was made before the first night.
        let kept = usize::try_from(day.min(6)).unwrap() + 1;
        assert!((kept..=kept + 1).contains(&all.kept("daily")), "day {day}: {} are kept", all.kept("daily"));
        if day % 7 == 5 {
            let made = all.until(five_past(3), "run weekly");
            assert!(made.len() == 1 && made[0].contains("/weekly/"), "day {day}: {made:?}");
            n_weekly += 1;
            assert_eq!(all.until(five_past(4), "verify"), Vec::<String>::new());
            n_verified += 1;
            // Every copy that is kept was read on this day.
            let read = all.records(".verified.json", "at");
            assert_eq!(read.len(), all.site.manifests().len(), "day {day}");
            assert!(read.iter().all(|moment| *moment > midnight), "day {day}: {read:?}");
        }
        if midnight.to_zoned(jiff::tz::TimeZone::UTC).day() == 1 {
            all.until(five_past(5), "drill");
            drilled.push(midnight);
        }
        if day == 5 {
            memory = all.agent.memory();
        }
    }
    // The night is over; nothing else begins.
    all.site.clock(later(at("2027-01-05T00:00:00Z"), 24 * (days - 1) + 20));
    all.agent.looks();
    let n_days = usize::try_from(days).unwrap();
    let begun = ["run daily", "run weekly", "verify", "drill"].map(|job| all.begun(job));
    assert_eq!(begun, [n_days + 1, n_weekly, n_verified, drilled.len() + 1]);
    assert_eq!(all.agent.times("done in"), begun.iter().sum::<usize>(), "{}", all.agent.log());
    assert_eq!(all.agent.times("begins"), begun.iter().sum::<usize>());
    assert_eq!(all.seen.len(), n_days + 1 + n_weekly);
    // Thirty days of weekly ones.
    assert!(all.kept("weekly") <= 6, "{}", all.kept("weekly"));
    let held = all.records("drills.json", "at");
    assert_eq!(held.len(), drilled.len(), "{held:?}");
    for (held, day) in held.iter().zip(&drilled) {
        assert!(held > day && *held < later(*day, 6), "{held}");
    }
    let grown = all.agent.memory().saturating_sub(memory);
    assert!(memory == 0 || grown < 2048, "{grown} KiB more than after six days");
    all.agent.stops();
}
