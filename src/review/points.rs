//! Which restore points disappear sooner, and when the first one does. A restore point is there as long as one copy is.

use super::copies::is_at;
use super::draft::Draft;
use super::finding::{LostDay, LostPoint, LostPoints};
use super::pair::{Both, Pair};
use super::review::Reviewed;
use crate::base::{Period, quoted};
use crate::diag::codes;
use crate::plan::{ends, next_due};
use crate::policy::{PruneBy, Route, StorageKind, TierSpec};
use crate::schedule::Schedule;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Of a tier without a record, so many of the newest and so many of the oldest points are looked at.
const MOST_POINTS: usize = 400;

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    if pair.base.desired.name != pair.head.desired.name {
        return;
    }
    let mut tiers: BTreeMap<&str, Vec<(&Both<'_>, TierChange)>> = BTreeMap::new();
    let mut by_floor: BTreeMap<(&str, u32, u32), TierChange> = BTreeMap::new();
    // What has another name is left as it is, and never deleted.
    for both in pair.databases.iter().filter(|both| both.name == both.name_before) {
        for (tier, before, after) in pair.tiers(both) {
            let floors = (both.before.safety.keep_at_least, both.after.safety.keep_at_least);
            let is_changed = before.copies != after.copies || floors.0 != floors.1 || pruners_differ(pair, before);
            if !is_changed || before.copies.is_empty() {
                continue;
            }
            let change = match recorded(pair, both, tier) {
                Some(points) => change(pair, before, after, floors, &points),
                None => by_floor
                    .entry((tier, floors.0, floors.1))
                    .or_insert_with(|| change(pair, before, after, floors, &scheduled(pair, before, floors.0)))
                    .clone(),
            };
            tiers.entry(tier).or_default().push((both, change));
        }
    }
    for (tier, changes) in tiers {
        found.extend(lost(pair, tier, &changes));
        found.extend(kept(pair, tier, &changes));
    }
}

/// What one tier of one database has, or would have.
#[derive(Debug, Clone)]
struct Points {
    points: Vec<Point>,
    is_recorded: bool,
    is_partial: bool,
}

#[derive(Debug, Clone)]
struct Point {
    at: Timestamp,
    name: String,
    /// By storage before: whether the copy is good; `None`: wherever the tier has copies.
    copies: Option<BTreeMap<String, bool>>,
}

/// What happens to the points of one tier of one database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct TierChange {
    is_recorded: bool,
    is_partial: bool,
    /// By the day on which they go.
    sooner: BTreeMap<String, Vec<LostPoint>>,
    /// Of the next one that would have gone before: that day, and the new one.
    later: Option<(String, Option<String>)>,
}

fn recorded(pair: &Pair<'_>, both: &Both<'_>, tier: &str) -> Option<Points> {
    let recorded = pair.recorded?;
    let names = recorded.names(pair.base.desired, both.name_before);
    let backups = names.iter().flat_map(|name| recorded.backups(name, tier, pair.now));
    let point = |backup: &super::recorded::RecordedBackup| Point {
        at: backup.id.started(),
        name: backup.id.to_string(),
        copies: Some(backup.copies.iter().map(|(to, (_, is_good))| (to.clone(), *is_good)).collect()),
    };
    let points: Vec<Point> = backups.map(point).collect();
    Some(Points { points, is_recorded: true, is_partial: false })
}

/// The moments at which a tier was due that its retention would still hold, oldest first.
fn scheduled(pair: &Pair<'_>, tier: &TierSpec, keep_at_least: u32) -> Points {
    let (zone, now) = (&pair.base.desired.timezone, pair.now);
    let floor = tier.copies.iter().map(|copy| copy.keep.floor(keep_at_least)).max().unwrap_or(1) as usize;
    let age = tier.copies.iter().filter_map(|copy| copy.keep.period()).max().unwrap_or(Period(0));
    let edge = now.checked_sub(age.to_signed()).unwrap_or(Timestamp::MIN);
    let mut moments = BTreeSet::new();
    let mut is_partial = false;
    if tier.schedule != Schedule::Manual {
        let mut at = tier.schedule.last_at_or_before(now, zone);
        while let Some(due) = at.filter(|due| *due > edge || moments.len() < floor) {
            if moments.len() == MOST_POINTS {
                is_partial = true;
                break;
            }
            moments.insert(due);
            let earlier = due.checked_sub(jiff::SignedDuration::from_secs(1)).ok();
            at = earlier.and_then(|earlier| tier.schedule.last_at_or_before(earlier, zone));
        }
        let next = |at: &Timestamp| tier.schedule.next_after(*at, zone).filter(|due| *due <= now);
        let oldest = std::iter::successors(next(&edge), next).take(if is_partial { MOST_POINTS } else { 0 });
        moments.extend(oldest);
    }
    let point = |at: Timestamp| Point { at, name: at.strftime("%Y-%m-%d %H:%M UTC").to_string(), copies: None };
    Points { points: moments.into_iter().map(point).collect(), is_recorded: false, is_partial }
}

fn change(pair: &Pair<'_>, before: &TierSpec, after: &TierSpec, floors: (u32, u32), points: &Points) -> TierChange {
    let mut was = vec![None; points.points.len()];
    let mut is = vec![None; points.points.len()];
    let (future_before, future_after) = (
        next_due(before, floors.0, &pair.base.desired.timezone, pair.now),
        next_due(after, floors.1, &pair.head.desired.timezone, pair.now),
    );
    for copy in &before.copies {
        let held = held(points, Some(&copy.to));
        let fate = |of| ends(&starts(points, &held), copy, pruner(pair.base, &copy.to), floors.0, of, pair.now);
        latest(&mut was, &held, fate(&future_before));
        if !after.copies.iter().any(|new| is_at(pair, copy, new)) {
            // Nobody deletes what no tier asks for.
            latest(&mut is, &held, vec![None; held.len()]);
        }
    }
    for copy in &after.copies {
        let old = before.copies.iter().find(|old| is_at(pair, old, copy));
        let held = held(points, old.map(|old| old.to.as_str()));
        let ends = ends(&starts(points, &held), copy, pruner(pair.head, &copy.to), floors.1, &future_after, pair.now);
        latest(&mut is, &held, ends);
    }
    let mut change = TierChange {
        is_recorded: points.is_recorded,
        is_partial: points.is_partial,
        sooner: BTreeMap::new(),
        later: None,
    };
    let rounds = pruners_differ(pair, before);
    for (point, (was, is)) in points.points.iter().zip(was.into_iter().zip(is)) {
        let (Some(was), Some(is)) = (was, is) else { continue };
        // What goes anyway, goes not because of this; and S3 counts to the next midnight, which is no change.
        let is_rounded = rounds && was.duration_since(is).abs() < jiff::SignedDuration::from_hours(24);
        if was <= pair.now || is_rounded {
            continue;
        }
        let (before, after) = (day(was), day(is.max(pair.now)));
        match (before, after) {
            (before, after) if before == after => {}
            (instead_of, Some(on)) if is < was => {
                change.sooner.entry(on).or_default().push(LostPoint { name: point.name.clone(), instead_of });
            }
            (Some(on), until) => {
                let next = (on, until);
                if change.later.as_ref().is_none_or(|later| next < *later) {
                    change.later = Some(next);
                }
            }
            (None, _) => {}
        }
    }
    change
}

/// The points with a copy at a storage of the policy before, and whether it is good; all for a storage that is new.
fn held(points: &Points, storage: Option<&str>) -> Vec<(usize, bool)> {
    let copy = |point: &Point| match (&point.copies, storage) {
        (Some(copies), Some(storage)) => copies.get(storage).copied(),
        (Some(copies), None) => copies.values().any(|is_good| *is_good).then_some(true),
        (None, _) => Some(true),
    };
    points.points.iter().enumerate().filter_map(|(index, point)| Some((index, copy(point)?))).collect()
}

fn starts(points: &Points, held: &[(usize, bool)]) -> Vec<(Timestamp, bool)> {
    held.iter().map(|(index, is_good)| (points.points[*index].at, *is_good)).collect()
}

/// Keeps of each point the later end; no end in sight is the latest.
fn latest(of: &mut [Option<Timestamp>], held: &[(usize, bool)], ends: Vec<Option<Timestamp>>) {
    for ((index, _), end) in held.iter().zip(ends) {
        of[*index] = of[*index].max(Some(end.unwrap_or(Timestamp::MAX)));
    }
}

fn pruner(side: Reviewed<'_>, storage: &str) -> PruneBy {
    match side.desired.storages.get(storage).map(|spec| &spec.kind) {
        Some(StorageKind::S3(bucket)) => bucket.prune,
        _ => PruneBy::Backstay,
    }
}

fn pruners_differ(pair: &Pair<'_>, tier: &TierSpec) -> bool {
    let differs =
        |old: &str| pair.storages.get(old).is_some_and(|new| pruner(pair.base, old) != pruner(pair.head, new));
    tier.copies.iter().any(|copy| differs(&copy.to))
}

/// The day, in UTC; `None` for no end in sight.
fn day(at: Timestamp) -> Option<String> {
    (at != Timestamp::MAX).then(|| at.strftime("%Y-%m-%d").to_string())
}

fn lost(pair: &Pair<'_>, tier: &str, changes: &[(&Both<'_>, TierChange)]) -> Option<Draft> {
    let mut groups: Vec<(&TierChange, Vec<&Both<'_>>)> = Vec::new();
    for (both, change) in changes.iter().filter(|(_, change)| !change.sooner.is_empty()) {
        match groups.iter_mut().find(|(same, _)| *same == change) {
            Some((_, databases)) => databases.push(both),
            None => groups.push((change, vec![both])),
        }
    }
    let points = |(change, databases): (&TierChange, Vec<&Both<'_>>)| LostPoints {
        databases: databases.iter().map(|both| both.name.to_owned()).collect(),
        tier: tier.to_owned(),
        is_recorded: change.is_recorded,
        is_partial: change.is_partial,
        n_points: change.sooner.values().map(Vec::len).sum(),
        days: change.sooner.iter().map(|(on, points)| LostDay { on: on.clone(), points: points.clone() }).collect(),
    };
    let mut lost: Vec<LostPoints> = groups.into_iter().map(points).collect();
    lost.sort_by(|a, b| (first(a), &a.databases).cmp(&(first(b), &b.databases)));
    let first_day = lost.iter().filter_map(first).min()?.to_owned();
    let n: usize = lost.iter().map(|one| one.n_points * one.databases.len()).sum();
    let more = if lost.iter().any(|one| one.is_partial) { "more than " } else { "" };
    let detail = format!("{more}{n} of {}, the first on {first_day}", quoted(tier));
    let databases: Vec<&str> = lost.iter().flat_map(|one| &one.databases).map(String::as_str).collect();
    let draft =
        Draft { routes: places(pair, tier, &databases), ..Draft::new(&codes::POINTS_LOST, detail, Route::top()) };
    let draft = draft.of_all(databases.iter().copied());
    Some(Draft { lost, ..draft })
}

fn first(lost: &LostPoints) -> Option<&str> {
    lost.days.first().map(|day| day.on.as_str())
}

fn kept(pair: &Pair<'_>, tier: &str, changes: &[(&Both<'_>, TierChange)]) -> Option<Draft> {
    let changed = || changes.iter().filter_map(|(both, change)| Some((both, change.later.as_ref()?)));
    let (on, until) = changed().map(|(_, later)| later).min()?;
    let until = until.as_ref().map_or_else(|| "for as long as can be seen".to_owned(), |day| format!("until {day}"));
    let detail = format!("{}: the next that would go, on {on}, stays {until}", quoted(tier));
    let databases: Vec<&str> = changed().map(|(both, _)| both.name).collect();
    let draft =
        Draft { routes: places(pair, tier, &databases), ..Draft::new(&codes::POINTS_KEPT, detail, Route::top()) };
    Some(draft.of_all(databases))
}

/// Where the cause is written: the `keep` that changed, a copy that did, or a floor.
fn places(pair: &Pair<'_>, tier: &str, databases: &[&str]) -> Vec<Route> {
    let (old, new) = (pair.base.desired.tiers.get(tier), pair.head.desired.tiers.get(tier));
    let (before, after) = (old.map(|t| t.copies.as_slice()), new.map(|t| t.copies.as_slice()));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let copies = Route::of(["tiers", tier, "copies"]);
    let changed = after.iter().position(|new| before.iter().any(|old| is_at(pair, old, new) && old.keep != new.keep));
    let mut routes: Vec<Route> = changed.map(|index| copies.index(index).key("keep")).into_iter().collect();
    if routes.is_empty() && before != after {
        routes.push(copies.clone());
    }
    if routes.is_empty() {
        routes.extend(databases.first().map(|name| Route::of(["databases", name, "safety", "keep_at_least"])));
        routes.push(Route::of(["defaults", "safety", "keep_at_least"]));
        routes.push(Route::of(["safety", "keep_at_least"]));
        let storage = |copy: &crate::policy::CopySpec| Route::of(["storage", &copy.to, "prune"]);
        routes.extend(after.iter().map(storage));
        routes.push(copies);
    }
    routes
}
