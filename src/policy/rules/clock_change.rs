//! A schedule falls into an hour that the change of clocks skips or repeats.

use crate::diag::{Diagnostic, codes};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use crate::schedule::Schedule;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::CLOCK_CHANGE, judge };

/// How far ahead changes of clocks are looked for: each kind comes once a year where there are any.
const LOOKAHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);

/// One change of clocks: the wall clock jumps from `before` to `after` at `instant`.
struct Change {
    instant: Timestamp,
    before: DateTime,
    after: DateTime,
}

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let changes = changes(&subject.desired.timezone, subject.now);
    let mut found = Vec::new();
    for (name, tier) in &subject.desired.tiers {
        // The worst that happens within a year is told, so that advice does not change with the season.
        let worst = changes
            .iter()
            .filter_map(|change| {
                let at = struck(change, &tier.schedule)?;
                Some((change, at, outcome(at, &runs_around(change, &tier.schedule, &subject.desired.timezone))))
            })
            .max_by_key(|(_, _, outcome)| *outcome);
        let Some((change, at, outcome)) = worst else { continue };
        let date = change.before.date();
        let zone = subject.desired.timezone.iana_name().unwrap_or("the policy's zone");
        let time = at.strftime("%H:%M");
        let detail = if change.after > change.before {
            format!("{time} does not exist on {date} in {zone}: {}", outcome.words())
        } else {
            format!("{time} comes twice on {date} in {zone}: {}", outcome.words())
        };
        found.push(
            subject
                .document
                .diagnostic(&codes::CLOCK_CHANGE, &Route::of(["tiers", name, "schedule"]), detail)
                .with_why("Backups around a change of clocks come late, twice or not at all, and look like a fault.")
                .with_hint(format!("Choose a time outside {}, or set `timezone: UTC`.", window(change))),
        );
    }
    found
}

/// What happens to a run that was meant for a wall clock time; the worse, the later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Once,
    Moved(DateTime),
    Twice,
    Nothing,
}

impl Outcome {
    fn words(self) -> String {
        match self {
            Outcome::Once => "it runs once, at the first of the two".to_owned(),
            Outcome::Moved(to) => format!("it runs at {} instead", to.strftime("%H:%M")),
            Outcome::Twice => "it runs twice".to_owned(),
            Outcome::Nothing => "nothing runs in its place".to_owned(),
        }
    }
}

fn outcome(at: DateTime, runs: &[DateTime]) -> Outcome {
    match runs {
        [] => Outcome::Nothing,
        [once] if *once == at => Outcome::Once,
        [once] => Outcome::Moved(*once),
        [_, ..] => Outcome::Twice,
    }
}

fn window(change: &Change) -> String {
    let (low, high) =
        if change.after > change.before { (change.before, change.after) } else { (change.after, change.before) };
    format!("{} to {}", low.strftime("%H:%M"), high.strftime("%H:%M"))
}

fn changes(zone: &TimeZone, now: Timestamp) -> Vec<Change> {
    let Ok(end) = now.checked_add(LOOKAHEAD) else { return Vec::new() };
    let mut changes = Vec::new();
    for transition in zone.following(now).take_while(|transition| transition.timestamp() < end) {
        let instant = transition.timestamp();
        let Ok(just_before) = instant.checked_sub(SignedDuration::from_secs(1)) else { continue };
        let earlier: Offset = zone.to_offset(just_before);
        let change =
            Change { instant, before: earlier.to_datetime(instant), after: transition.offset().to_datetime(instant) };
        // Some transitions only rename the zone.
        if change.before != change.after {
            changes.push(change);
        }
    }
    changes
}

/// The first wall clock time in the skipped or repeated stretch at which the schedule is due, unless it is due so
/// often that one run more or less does not matter.
fn struck(change: &Change, schedule: &Schedule) -> Option<DateTime> {
    let (low, high) = (change.before.min(change.after), change.before.max(change.after));
    // The wall clock alone, as if it were UTC.
    let civil = |at: DateTime| Offset::UTC.to_timestamp(at).ok();
    let from = civil(low)?.checked_sub(SignedDuration::from_secs(1)).ok()?;
    let at = schedule.next_after(from, &TimeZone::UTC).filter(|at| civil(high).is_some_and(|high| *at < high))?;
    let next = schedule.next_after(at, &TimeZone::UTC)?;
    let rare = next.duration_since(at) > SignedDuration::from_mins(90);
    rare.then(|| Offset::UTC.to_datetime(at))
}

/// The real runs on the day of a change, near it, by wall clock.
fn runs_around(change: &Change, schedule: &Schedule, zone: &TimeZone) -> Vec<DateTime> {
    let stretch = change.before.duration_until(change.after).abs();
    let early = if change.after > change.before { SignedDuration::ZERO } else { stretch };
    let Ok(start) = change.instant.checked_sub(early).and_then(|at| at.checked_sub(SignedDuration::from_secs(1)))
    else {
        return Vec::new();
    };
    let Ok(end) = change.instant.checked_add(stretch.max(SignedDuration::from_hours(1))) else { return Vec::new() };
    let mut runs = Vec::new();
    let mut at = start;
    while let Some(next) = schedule.next_after(at, zone).filter(|next| *next < end) {
        runs.push(zone.to_datetime(next));
        at = next;
    }
    runs
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn worst(schedule: &str, zone: &str) -> Option<(String, String)> {
        let zone = TimeZone::get(zone).unwrap();
        let schedule: Schedule = schedule.parse().unwrap();
        changes(&zone, "2026-11-20T12:00:00Z".parse().unwrap())
            .iter()
            .filter_map(|change| {
                Some((outcome(struck(change, &schedule)?, &runs_around(change, &schedule, &zone)), change))
            })
            .max_by_key(|(outcome, _)| *outcome)
            .map(|(outcome, change)| (change.before.date().to_string(), outcome.words()))
    }

    fn told(date: &str, words: &str) -> Option<(String, String)> {
        Some((date.to_owned(), words.to_owned()))
    }

    #[test]
    fn says_what_happens_on_the_day() {
        assert_eq!(worst("30 2 * * *", "Europe/Berlin"), told("2027-03-28", "it runs at 03:00 instead"));
        assert_eq!(worst("30 2,14 * * *", "Europe/Berlin"), told("2027-03-28", "nothing runs in its place"));
        assert_eq!(
            worst("30 1 * * *", "America/New_York"),
            told("2027-11-07", "it runs once, at the first of the two")
        );
        assert_eq!(worst("30 1,13 * * *", "America/New_York"), told("2027-11-07", "it runs twice"));
        assert_eq!(worst("30 2 * * SUN", "Europe/Berlin"), told("2027-03-28", "it runs at 03:00 instead"));
    }

    #[test]
    fn frequent_runs_and_quiet_zones_are_left_alone() {
        assert_eq!(worst("30 3 * * *", "Europe/Berlin"), None);
        assert_eq!(worst("30 2 * * MON", "Europe/Berlin"), None);
        assert_eq!(worst("*/15 * * * *", "Europe/Berlin"), None);
        assert_eq!(worst("30 2 * * *", "UTC"), None);
        assert_eq!(worst("30 2 * * *", "Asia/Kolkata"), None);
        assert_eq!(worst("@hourly", "Europe/Berlin"), None);
    }
}
