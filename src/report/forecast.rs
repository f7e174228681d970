//! What happens to backups day by day, for people.

use super::Style;
use super::table::plural;
use crate::plan::{Forecast, ForecastDay, Plan, Turn};
use std::fmt::Write as _;

/// So many tiers are shown, and so many days of each; JSON has them all.
const TIERS: usize = 8;
const DAYS: usize = 4;
const IDS: usize = 2;

/// The forecasts of a plan, cut to what can be read.
pub(super) fn forecasts(out: &mut String, plan: &Plan, style: Style) {
    let all = &plan.outlook.forecasts;
    if all.is_empty() {
        return;
    }
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "\n{}", style.bold("Over time"));
    for forecast in all.iter().take(TIERS) {
        tier(out, forecast);
    }
    if let Some(more) = all.len().checked_sub(TIERS).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and {more} more; `backstay plan --json` has them all");
    }
}

fn tier(out: &mut String, forecast: &Forecast) {
    let Forecast { database, tier, storage, moves, keep, days } = forecast;
    let moves: Vec<String> = moves.iter().map(|step| format!("{} after {}d", step.to, step.after_days)).collect();
    let moves = if moves.is_empty() { String::new() } else { format!(", moved to {}", moves.join(", ")) };
    let _ = writeln!(out, "  {database} {tier} at {storage}: each later backup kept for {keep}{moves}");
    for day in days.iter().take(DAYS) {
        let _ = writeln!(out, "      {}", line(day));
    }
    if let (true, Some(last)) = (days.len() > DAYS, days.last()) {
        let more = days.len() - DAYS;
        let _ = writeln!(out, "      and {more} more, the last on {}", last.on);
    }
}

/// `2027-02-03: 3 backups move to GLACIER (20261101T…, 20261201T… and 1 more)`.
fn line(day: &ForecastDay) -> String {
    let n = day.backups.len();
    let (moves, goes) = if n == 1 { ("moves", "goes") } else { ("move", "go") };
    let what = match day.change {
        Turn::Moves(class) => format!("{moves} to {class}"),
        Turn::Goes => goes.to_owned(),
    };
    let instead = match day.instead_of.as_deref() {
        None => String::new(),
        Some("kept") => ", without this plan no end is in sight".to_owned(),
        Some(before) => format!(", instead of on {before}"),
    };
    let then = match (day.change, day.oldest_then) {
        (Turn::Moves(_), _) => String::new(),
        (Turn::Goes, Some(at)) => format!("; oldest restorable then {}", at.strftime("%Y-%m-%d %H:%M UTC")),
        (Turn::Goes, None) => "; only later backups are left then".to_owned(),
    };
    let shown: Vec<&str> = day.backups.iter().take(IDS).map(|id| if id == "new" { "taken now" } else { id }).collect();
    let more = if n > IDS { format!(" and {} more", n - IDS) } else { String::new() };
    format!("{}: {n} backup{} {what} ({}{more}){instead}{then}", day.on, plural(n), shown.join(", "))
}
