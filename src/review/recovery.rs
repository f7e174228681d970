//! How much would be lost, and how soon data is back, by schedules and storage classes.

use super::copies::class_at;
use super::draft::{Draft, own_or_default};
use super::pair::{Both, Pair};
use super::review::Reviewed;
use crate::base::Period;
use crate::diag::codes;
use crate::policy::model::{Run, Wal};
use crate::policy::{DatabaseSpec, Route, TierSpec, longest_gap};
use crate::schedule::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    let mut clock = Clock { gaps: BTreeMap::new(), intervals: BTreeMap::new(), now: pair.now };
    for both in &pair.databases {
        loss(pair, both, &mut clock, found);
        time(pair, both, &mut clock, found);
        wal(pair, both, found);
    }
    starter(pair, found);
}

/// What schedules say, each asked once: many databases share them.
struct Clock {
    gaps: BTreeMap<Vec<String>, Option<Period>>,
    intervals: BTreeMap<String, Option<Period>>,
    now: Timestamp,
}

impl Clock {
    fn gap(&mut self, tiers: &[(&str, &TierSpec)]) -> Option<Period> {
        let mut texts: Vec<String> = tiers.iter().map(|(_, tier)| tier.schedule.text().to_owned()).collect();
        texts.sort_unstable();
        texts.dedup();
        let schedules: Vec<&Schedule> = tiers.iter().map(|(_, tier)| &tier.schedule).collect();
        *self.gaps.entry(texts).or_insert_with(|| longest_gap(&schedules, self.now))
    }

    fn interval(&mut self, schedule: &Schedule) -> Option<Period> {
        let of = || schedule.longest_interval(self.now, &TimeZone::UTC);
        *self.intervals.entry(schedule.text().to_owned()).or_insert_with(of)
    }
}

fn scheduled<'a>(side: Reviewed<'a>, database: &'a DatabaseSpec) -> Vec<(&'a str, &'a TierSpec)> {
    let tiers = database.tiers.iter().filter_map(|name| side.desired.tiers.get_key_value(name));
    let by_clock = tiers.filter(|(_, tier)| tier.schedule != Schedule::Manual);
    by_clock.map(|(name, tier)| (name.as_str(), tier)).collect()
}

fn loss(pair: &Pair<'_>, both: &Both<'_>, clock: &mut Clock, found: &mut Vec<Draft>) {
    let (old, new) = (scheduled(pair.base, both.before), scheduled(pair.head, both.after));
    let (before, after) = (clock.gap(&old), clock.gap(&new));
    let (code, detail) = match (before, after) {
        (Some(before), Some(after)) if before < after => (&codes::LOSS_LARGER, "the longest time between two backups"),
        (Some(before), Some(after)) if before > after => (&codes::LOSS_SMALLER, "the longest time between two backups"),
        (Some(_), None) => (&codes::SCHEDULE_LOST, "every tier that is left is on demand, or never due"),
        (None, Some(_)) => (&codes::SCHEDULE_GAINED, "the longest time between two backups"),
        _ => return,
    };
    let said = |gap: Option<Period>| Some(gap.map_or_else(|| "unbounded".to_owned(), Period::human));
    // The tier whose schedule changed, or the list of tiers.
    let changed = new
        .iter()
        .find(|(name, tier)| pair.base.desired.tiers.get(*name).is_some_and(|old| old.schedule != tier.schedule));
    let gone = both.before.tiers.iter().find(|name| {
        let was = pair.base.desired.tiers.get(*name).map(|tier| &tier.schedule);
        both.after.tiers.contains(name) && was != pair.head.desired.tiers.get(*name).map(|tier| &tier.schedule)
    });
    let mut routes = own_or_default(both.name, &["tiers"]);
    if let Some(tier) = changed.map(|(name, _)| *name).or(gone.map(String::as_str)) {
        routes.insert(0, Route::of(["tiers", tier, "schedule"]));
    }
    found.push(
        Draft { routes, ..Draft::new(code, detail, Route::top()) }.of(both.name).change(said(before), said(after)),
    );
}

fn time(pair: &Pair<'_>, both: &Both<'_>, clock: &mut Clock, found: &mut Vec<Draft>) {
    let (Some(before), Some(after)) = (thaw(pair.base, both.before, clock), thaw(pair.head, both.after, clock)) else {
        return;
    };
    let code = match before.0.cmp(&after.0) {
        std::cmp::Ordering::Equal => return,
        std::cmp::Ordering::Less => &codes::RESTORE_SLOWER,
        std::cmp::Ordering::Greater => &codes::RESTORE_FASTER,
    };
    let said =
        |thaw: Period| if thaw == Period(0) { "no thaw".to_owned() } else { format!("up to {} of thaw", thaw.human()) };
    let tier = if code == &codes::RESTORE_SLOWER { after.1 } else { before.1 };
    let detail = "until the newest backup can be read";
    let mut routes = vec![Route::of(["tiers", tier, "copies"])];
    routes.extend(own_or_default(both.name, &["tiers"]));
    let draft = Draft { routes, ..Draft::new(code, detail, Route::top()) }.of(both.name);
    found.push(draft.change(said(before.0), said(after.0)));
}

/// How long the newest backup thaws at worst, just before the next one, from the copy that is quickest to read. The newest
/// one is of the tier that is due most often.
fn thaw<'a>(side: Reviewed<'a>, database: &'a DatabaseSpec, clock: &mut Clock) -> Option<(Period, &'a str)> {
    let mut tiers = scheduled(side, database);
    if tiers.is_empty() {
        let all = database.tiers.iter().filter_map(|name| side.desired.tiers.get_key_value(name));
        tiers = all.map(|(name, tier)| (name.as_str(), tier)).collect();
    }
    let every = |clock: &mut Clock, tier: &TierSpec| clock.interval(&tier.schedule).unwrap_or(Period(u64::MAX));
    let most_often = tiers.iter().map(|(_, tier)| every(clock, tier)).min()?;
    let mut quickest: Option<(Period, &str)> = None;
    for (name, tier) in tiers {
        if every(clock, tier) != most_often {
            continue;
        }
        // Just before the next one takes its place; nobody can tell how old one on demand gets.
        let age = if most_often.0 == u64::MAX { Period(0) } else { Period(most_often.0.saturating_sub(1)) };
        for copy in &tier.copies {
            let thaw = class_at(copy, age).thaw_time();
            if quickest.is_none_or(|(least, _)| thaw < least) {
                quickest = Some((thaw, name));
            }
        }
    }
    quickest
}

fn wal(pair: &Pair<'_>, both: &Both<'_>, found: &mut Vec<Draft>) {
    let wal = |side: Reviewed<'_>, name: &str| -> Option<Wal> { side.document.model.databases.get(name)?.wal.clone() };
    let (old, new) = (wal(pair.base, both.name_before), wal(pair.head, both.name));
    let (code, detail) = match (&old, &new) {
        (Some(_), None) => (&codes::LOSS_LARGER, "no write-ahead log is archived: no recovery to a point in time"),
        (None, Some(_)) => (&codes::LOSS_SMALLER, "the write-ahead log is archived"),
        (old, new) if old == new => return,
        _ => (&codes::SETTING_CHANGED, "`wal`: the write-ahead log is archived another way"),
    };
    found.push(Draft::new(code, detail, Route::of(["databases", both.name, "wal"])).of(both.name));
}

/// Who starts the scheduled work.
fn starter(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    let (old, new) = (&pair.base.document.model.run, &pair.head.document.model.run);
    if old == new || pair.databases.is_empty() {
        return;
    }
    let starts = |run: &Option<Run>| run.as_ref().is_some_and(|run| !matches!(run, Run::None(_)));
    let (code, detail) = match (starts(old), starts(new)) {
        (true, false) => (&codes::SCHEDULE_LOST, "`run`: nothing that this policy installs starts the scheduled work"),
        (false, true) => (&codes::SCHEDULE_GAINED, "`run`: what this policy installs starts the scheduled work"),
        (true, true) => (&codes::SETTING_CHANGED, "`run`: something else starts the scheduled work"),
        (false, false) => return,
    };
    let said = |run: &Option<Run>| Some(by(run.as_ref()).to_owned());
    found.push(Draft::new(code, detail, Route::of(["run"])).change(said(old), said(new)));
}

fn by(run: Option<&Run>) -> &'static str {
    match run {
        None | Some(Run::None(_)) => "none",
        Some(Run::Systemd(_)) => "systemd",
        Some(Run::Cron(_)) => "cron",
        Some(Run::GithubActions(_)) => "github-actions",
        Some(Run::Kubernetes(_)) => "kubernetes",
        Some(Run::Agent(_)) => "agent",
    }
}
