//! To which moments databases can be restored whose WAL is archived, for people.

use super::Style;
use super::table::plural;
use crate::base::Period;
use crate::plan::{MissingWal, Plan, Restorability, RestorableWindow};
use crate::standing::{DatabaseStanding, Standing, WalStanding};
use jiff::Timestamp;
use std::fmt::Write as _;

/// Windows beyond these are counted: the newest ones are shown.
const SHOWN: usize = 8;

/// The section of a plan.
pub(super) fn restorable(out: &mut String, plan: &Plan, style: Style) {
    if plan.restorable.is_empty() {
        return;
    }
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "\n{}", style.bold("Restorable to any moment"));
    for one in &plan.restorable {
        database(out, one, style);
    }
}

fn database(out: &mut String, one: &Restorability, style: Style) {
    let _ = writeln!(out, "  {}:", one.database);
    for line in windows(&one.windows) {
        let _ = writeln!(out, "    {line}");
    }
    for gap in &one.gaps {
        let _ = writeln!(out, "    {} {}", mark(gap, style), missing(gap));
    }
    // What a gap cuts off, it has said itself.
    let is_said = one.gaps.iter().any(|gap| gap.is_settled && gap.closed_by.is_none());
    if let Some(cut) = one.cut_off.as_ref().filter(|_| !is_said) {
        let _ = writeln!(out, "    {} {cut}", style.red("!"));
    }
    for storage in &one.unreadable_storages {
        let _ = writeln!(out, "    {} `{storage}` could not be read: there may be more", style.yellow("!"));
    }
    if let Some(after) = &one.windows_after {
        let oldest = |windows: &[RestorableWindow]| {
            windows.iter().map(|window| window.from).min().map_or_else(|| "none".to_owned(), moment)
        };
        let (was, is) = (oldest(&one.windows), oldest(after));
        let change = if was == is { format!("oldest moment {is}") } else { format!("oldest moment {was} → {is}") };
        let _ = writeln!(out, "    after this plan: {change}");
        if after.len() != one.windows.len() {
            windows(after).into_iter().for_each(|line| {
                let _ = writeln!(out, "      {line}");
            });
        }
    }
}

fn mark(gap: &MissingWal, style: Style) -> String {
    if gap.is_settled && gap.closed_by.is_none() { style.red("!") } else { style.yellow("!") }
}

/// A line for each of the newest windows.
pub(super) fn windows(windows: &[RestorableWindow]) -> Vec<String> {
    let left_out = windows.len().saturating_sub(SHOWN);
    let mut lines = Vec::new();
    if windows.is_empty() {
        lines.push("no moment: no good base backup".to_owned());
    }
    if left_out > 0 {
        lines.push(format!("{left_out} older stretch{}", if left_out == 1 { "" } else { "es" }));
    }
    let is_one = windows.windows(2).all(|pair| pair[0].system_id == pair[1].system_id);
    lines.extend(windows.iter().skip(left_out).map(|one| window(one, is_one)));
    lines
}

/// `is_one`: all are of one cluster, which need not be named.
fn window(window: &RestorableWindow, is_one: bool) -> String {
    let (n, cluster) = (window.backups.len(), &window.system_id);
    let cluster = if is_one { String::new() } else { format!(", cluster {cluster}") };
    format!(
        "{} to {} ({} to {} of timeline {}, {n} base backup{}{cluster})",
        moment(window.from),
        moment(window.until),
        window.from_lsn,
        window.until_lsn,
        window.timeline,
        plural(n)
    )
}

/// What is missing and what that takes.
pub(super) fn missing(gap: &MissingWal) -> String {
    let segments = match gap.n_segments {
        1 => gap.first.clone(),
        n => format!("{} to {} ({n} segments)", gap.first, gap.last),
    };
    format!(
        "WAL is missing: {segments}, {} to {} of timeline {}; {}",
        gap.start_lsn,
        gap.end_lsn,
        gap.timeline,
        lost(gap)
    )
}

fn lost(gap: &MissingWal) -> String {
    if !gap.is_settled {
        return "it may be on its way".to_owned();
    }
    let from = gap.lost_from.map_or_else(|| "the base backup before it".to_owned(), moment);
    match gap.lost_until {
        Some(until) => format!("no moment between {from} and {} can be restored", moment(until)),
        None => format!("no moment after {from} can be restored"),
    }
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A line for each database of a standing, and one for each stretch of WAL that is missing.
pub(super) fn archives(standing: &Standing, style: Style) -> String {
    let mut out = String::new();
    for database in &standing.databases {
        let Some(wal) = &database.wal else { continue };
        let _ = writeln!(out, "{}: {}", database.name, archive(wal, standing.at));
        for gap in wal.restorable.gaps.iter().map(MissingWal::of) {
            let _ = writeln!(out, "  {} {}", mark(&gap, style), missing(&gap));
        }
        for (storage, problem) in &wal.unreadable {
            let _ = writeln!(out, "  {} its WAL at {storage} could not be read: {problem}", style.yellow("!"));
        }
    }
    out
}

/// `any moment from … to …; newest WAL 40s old, nothing waits`.
fn archive(wal: &WalStanding, now: Timestamp) -> String {
    let restorable = &wal.restorable;
    let moments = match restorable.oldest().zip(restorable.newest()) {
        None => "no base backup to recover from".to_owned(),
        Some((oldest, newest)) => {
            let (n, from, to) = (restorable.windows.len(), moment(oldest), moment(newest));
            if n == 1 {
                format!("any moment from {from} to {to}")
            } else {
                format!("{n} stretches from {from} to {to}")
            }
        }
    };
    let newest = wal.newest_at.map_or_else(
        || "no WAL is archived".to_owned(),
        |at| format!("newest WAL {} old", Period::between(at, now).human()),
    );
    let waiting = match wal.lag.filter(|_| wal.is_server_asked) {
        Some(Period(0)) => ", nothing waits".to_owned(),
        Some(lag) => format!(", WAL waits for {}", lag.human()),
        None => String::new(),
    };
    format!("{moments}; {newest}{waiting}")
}

/// Cells of a report: database, from, to, what is missing; a row for each window, and what is missing after it.
pub(super) fn rows(database: &DatabaseStanding) -> Vec<[String; 4]> {
    let Some(wal) = &database.wal else { return Vec::new() };
    let gaps: Vec<MissingWal> = wal.restorable.gaps.iter().map(MissingWal::of).collect();
    let row = |window: RestorableWindow| {
        let after = gaps.iter().find(|gap| gap.system_id == window.system_id && gap.lost_from == Some(window.until));
        let n = window.backups.len();
        [
            moment(window.from),
            moment(window.until),
            format!("{n} base backup{}, timeline {}, cluster {}", plural(n), window.timeline, window.system_id),
            after.map_or_else(String::new, missing),
        ]
    };
    wal.restorable.windows.iter().map(|window| row(RestorableWindow::of(window))).collect()
}
