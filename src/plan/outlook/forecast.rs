//! What happens to the copies of a tier day by day, where a plan changes that.

use super::life::Life;
use super::rules::Move;
use super::shelf::Shelf;
use crate::plan::days::{day, midnight};
use crate::resource::StorageClass;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The days ahead of the copies of one tier of one database at one storage: given where the plan changes the lifecycle
/// rules that fall on them, or deletes more of them than a day brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// The database entry.
    pub database: String,
    /// The tier.
    pub tier: String,
    /// The storage.
    pub storage: String,
    /// Where every later backup moves, by days after it is written.
    pub moves: Vec<ForecastMove>,
    /// How long every later backup is kept, as the policy says it.
    pub keep: String,
    /// What happens to the copies that exist once the plan is carried out, soonest first.
    pub days: Vec<ForecastDay>,
}

/// A move of every later backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForecastMove {
    /// Days after it is written, rounded up to midnight UTC.
    pub after_days: u64,
    /// Where to.
    pub to: StorageClass,
}

/// Copies to which the same happens on the same day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForecastDay {
    /// The day, `2027-02-03`, in UTC.
    pub on: String,
    /// What happens.
    pub change: Turn,
    /// Ids of the backups, oldest first; `new` is the one that this plan takes.
    pub backups: Vec<String>,
    /// The day on which they would have moved there, or gone, without this plan, if it was another; `kept` for such as
    /// go now and had no day in sight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// Only with `goes`: the oldest moment that can then be restored from the backups of this tier that exist once the
    /// plan is carried out, wherever their copies lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub oldest_then: Option<Timestamp>,
}

/// What happens to a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It moves to a class.
    Moves(StorageClass),
    /// It is deleted: by S3 on that day, or by the first `apply` from then on.
    Goes,
}

/// The forecasts of one tier of one database.
pub(super) fn forecasts(database: &str, tier: &str, shelves: &[Shelf<'_>]) -> Vec<Forecast> {
    let changed = shelves.iter().filter(|shelf| shelf.rules_change || shelf.shrinks);
    changed.map(|shelf| forecast(database, tier, shelf, shelves)).collect()
}

fn forecast(database: &str, tier: &str, shelf: &Shelf<'_>, all: &[Shelf<'_>]) -> Forecast {
    let mut days: BTreeMap<(String, Turn, Option<String>), Vec<&Life<'_>>> = BTreeMap::new();
    for life in &shelf.after {
        let before = shelf.before.iter().find(|before| before.id().is_some() && before.id() == life.id());
        for (at, class) in &life.moves {
            let on = day(*at);
            let moved = before.and_then(|before| before.moves.iter().find(|(_, to)| to == class));
            let instead = moved.map(|(at, _)| day(*at)).filter(|instead| *instead != on);
            days.entry((on, Turn::Moves(*class), instead)).or_default().push(life);
        }
        if let Some(end) = life.end {
            let end = day(end);
            let instead = before.map(|before| before.end.map_or_else(|| "kept".to_owned(), day));
            let instead = instead.filter(|instead| *instead != end);
            days.entry((end, Turn::Goes, instead)).or_default().push(life);
        }
    }
    let days = days.into_iter().map(|((on, change, instead_of), mut lives)| {
        lives.sort_by_key(|life| (life.started, life.id()));
        let last = lives.iter().filter_map(|life| life.end).max().filter(|_| change == Turn::Goes);
        ForecastDay {
            on,
            change,
            backups: lives.iter().map(|life| name(life)).collect(),
            instead_of,
            oldest_then: last.and_then(|end| oldest(all, midnight(end))),
        }
    });
    Forecast {
        database: database.to_owned(),
        tier: tier.to_owned(),
        storage: shelf.storage.to_owned(),
        moves: later_moves(shelf),
        keep: shelf.copy.keep.to_string(),
        days: days.collect(),
    }
}

/// The moves of a copy in the policy that rules of the bucket carry out.
fn later_moves(shelf: &Shelf<'_>) -> Vec<ForecastMove> {
    let has_rules = shelf.place.is_some();
    let moves = shelf.copy.transitions.iter().filter(|_| has_rules);
    moves.map(|(after, to)| ForecastMove { after_days: after.0.div_ceil(86_400), to: *to }).collect()
}

fn name(life: &Life<'_>) -> String {
    life.id().map_or_else(|| "new".to_owned(), ToString::to_string)
}

/// The oldest start of a good backup of which a copy is left at an instant.
fn oldest(shelves: &[Shelf<'_>], at: Timestamp) -> Option<Timestamp> {
    let left = shelves.iter().flat_map(|shelf| &shelf.after);
    left.filter(|life| life.is_good && life.end.is_none_or(|end| end > at)).map(|life| life.started).min()
}

/// The moves of copies that exist, with how long each stayed in the class before; for what leaving early costs.
pub(super) fn stays<'a>(life: &'a Life<'_>) -> impl Iterator<Item = (StorageClass, Timestamp, Option<Timestamp>)> + 'a {
    let starts = std::iter::once((life.arrived, life.class)).chain(life.moves.iter().copied());
    let ends = life.moves.iter().map(|(at, _): &Move| Some(*at)).chain([life.end]);
    starts.zip(ends).map(|((from, class), to)| (class, from, to))
}
