//! How recoverability stands, on one screen for people.

use super::Style;
use super::age::age;
use super::restorable::archives;
use super::table::{plural, table};
use crate::base::{Period, Size};
use crate::catalog::VerifyLevel;
use crate::plan::Due;
use crate::standing::{
    Concern, DatabaseStanding, DrillStanding, Gravity, Standing, TierStanding, Verdict, VerifyStanding, concerns,
};
use jiff::Timestamp;
use std::fmt::Write as _;

/// Databases and tiers, storages, and what is a concern with what to run. Ends with a line feed.
pub fn status(standing: &Standing, style: Style) -> String {
    let found = concerns(standing);
    let mut out = format!(
        "{} ({}) at {}: {}\n\n",
        style.bold(&standing.policy),
        standing.file,
        standing.at.strftime("%Y-%m-%d %H:%M UTC"),
        summary(&found, style)
    );
    out.push_str(&databases(standing, style));
    out.push('\n');
    let archives = archives(standing, style);
    if !archives.is_empty() {
        out.push_str(&archives);
        out.push('\n');
    }
    out.push_str(&storages(standing, style));
    if !found.is_empty() {
        out.push('\n');
    }
    for concern in &found {
        let word = gravity(concern.gravity, style);
        // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
        let _ = writeln!(out, "{word} {}: {}", about(concern), concern.message);
        let _ = writeln!(out, "  {}", style.dim(&concern.command));
    }
    out
}

/// `2 critical, 1 warning`, or that all is well.
pub(super) fn summary(found: &[Concern], style: Style) -> String {
    let words: Vec<String> = [Gravity::Critical, Gravity::Unknown, Gravity::Warning]
        .into_iter()
        .filter_map(|gravity| {
            let n = found.iter().filter(|concern| concern.gravity == gravity).count();
            let word =
                if gravity == Gravity::Warning { format!("warning{}", plural(n)) } else { gravity.word().into() };
            (n > 0).then(|| painted(gravity, &format!("{n} {word}"), style))
        })
        .collect();
    if words.is_empty() { style.green("all is well") } else { words.join(", ") }
}

/// `app daily at local`: what a concern is about.
pub(super) fn about(concern: &Concern) -> String {
    let words: Vec<&str> =
        [concern.database.as_str(), &concern.tier].into_iter().filter(|word| !word.is_empty()).collect();
    match (words.join(" "), concern.storage.as_str()) {
        (words, "") => words,
        (words, storage) if words.is_empty() => format!("storage {storage}"),
        (words, storage) => format!("{words} at {storage}"),
    }
}

fn gravity(gravity: Gravity, style: Style) -> String {
    painted(gravity, gravity.word(), style)
}

fn painted(gravity: Gravity, text: &str, style: Style) -> String {
    match gravity {
        Gravity::Critical => style.red(text),
        Gravity::Warning | Gravity::Unknown => style.yellow(text),
    }
}

const HEADINGS: [&str; 10] =
    ["DATABASE", "TIER", "LAST GOOD", "LOSS", "NEXT DUE", "COPIES", "VERIFIED", "DRILLED", "SIZE", "RESTORABLE"];

fn databases(standing: &Standing, style: Style) -> String {
    let tiers: Vec<(&DatabaseStanding, &TierStanding, usize)> = standing
        .databases
        .iter()
        .flat_map(|database| database.tiers.iter().enumerate().map(move |(index, tier)| (database, tier, index)))
        .collect();
    if tiers.is_empty() {
        return "  no database has a tier that is taken\n".to_owned();
    }
    let rows = |room: Room| -> Vec<Vec<String>> {
        tiers.iter().map(|(database, tier, index)| row(database, tier, *index == 0, standing.at, room)).collect()
    };
    let paint = |row: usize, column: usize, text: &str| {
        let (database, tier, _) = tiers[row];
        let is_bad = match column {
            2 => tier.last_good().is_none() || tier.overdue_since.is_some(),
            3 => database.rpo.is_some_and(|rpo| rpo.verdict() == Verdict::Missed),
            4 => tier.overdue_since.is_some(),
            5 => tier.n_missing() + tier.n_damaged() > 0 || !tier.is_whole(),
            6 => !database.verify.damaged.is_empty(),
            7 => database.drill.last.is_some() && !database.drill.passed,
            _ => false,
        };
        if is_bad { style.red(text) } else { text.to_owned() }
    };
    // One table, or two below each other where its lines would not fit, or two with fewer words.
    let whole: Vec<usize> = (0..HEADINGS.len()).collect();
    let halves = || vec![vec![0, 1, 2, 3, 4, 5], vec![0, 1, 6, 7, 8, 9]];
    let fits = |rows: &[Vec<String>], parts: &[Vec<usize>]| parts.iter().all(|part| width(rows, part) <= style.width);
    let wide = rows(Room::Wide);
    let (rows, parts) = if fits(&wide, std::slice::from_ref(&whole)) {
        (wide, vec![whole])
    } else if fits(&wide, &halves()) {
        (wide, halves())
    } else {
        (rows(Room::Narrow), halves())
    };
    let part = |columns: &Vec<usize>| {
        let headings: Vec<&str> = columns.iter().map(|column| HEADINGS[*column]).collect();
        let cells: Vec<Vec<String>> =
            rows.iter().map(|row| columns.iter().map(|column| row[*column].clone()).collect()).collect();
        table(&headings, &cells, style, |row, column, text| paint(row, columns[column], text))
    };
    parts.iter().map(part).collect::<Vec<_>>().join("\n")
}

/// How much a cell may say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Wide,
    Narrow,
}

/// Columns of the screen that a table of some columns takes.
fn width(rows: &[Vec<String>], columns: &[usize]) -> usize {
    let widest = |column: &usize| {
        let cells = rows.iter().map(|row| row[*column].chars().count());
        cells.max().unwrap_or(0).max(HEADINGS[*column].chars().count())
    };
    columns.iter().map(|column| widest(column) + 2).sum()
}

/// What holds for the database as a whole stands in its first row only.
fn row(database: &DatabaseStanding, tier: &TierStanding, is_first: bool, now: Timestamp, room: Room) -> Vec<String> {
    let first = |text: String| if is_first { text } else { String::new() };
    let points = tier.points.len();
    vec![
        first(database.name.clone()),
        tier.tier.clone(),
        tier.last_good().map_or_else(|| "none".to_owned(), |point| format!("{} ago", age(point.started_at, now))),
        first(loss(database)),
        due(tier, now),
        copies(tier, room),
        first(verified(&database.verify, now)),
        first(drilled(&database.drill, now)),
        size(tier, room),
        tier.window().map_or_else(
            || "nothing".to_owned(),
            |(oldest, _)| format!("{points} since {}", oldest.strftime("%Y-%m-%d")),
        ),
    ]
}

fn loss(database: &DatabaseStanding) -> String {
    let Some(rpo) = database.rpo else { return "-".to_owned() };
    let verdict = if rpo.verdict() == Verdict::Missed { "over" } else { "within" };
    format!("{verdict} {}", rpo.wanted)
}

/// When the next backup is due.
pub(super) fn due(tier: &TierStanding, now: Timestamp) -> String {
    match (&tier.due, tier.overdue_since, tier.next_due) {
        (_, Some(since), _) => format!("overdue {}", Period::between(since, now).human()),
        (Due::OnDemand, ..) => "on demand".to_owned(),
        (due, ..) if due.is_due() => "now".to_owned(),
        (_, _, Some(next)) => format!("in {}", Period::between(now, next).human()),
        (_, _, None) => "never".to_owned(),
    }
}

/// The storages that have what they should; the others with what they lack.
fn copies(tier: &TierStanding, room: Room) -> String {
    if room == Room::Narrow && tier.points.is_empty() {
        return "-".to_owned();
    }
    if room == Room::Narrow {
        let is_whole = |c: &&crate::standing::CopiesStanding| c.is_readable && c.missing.len() + c.damaged.len() == 0;
        return format!("{} of {} whole", tier.copies.iter().filter(is_whole).count(), tier.copies.len());
    }
    let one = |copies: &crate::standing::CopiesStanding| {
        let name = &copies.storage;
        match (copies.is_readable, copies.missing.len(), copies.damaged.len()) {
            (false, ..) => format!("{name} (unreadable)"),
            (true, 0, 0) => name.clone(),
            (true, n, 0) => format!("{name} ({n} missing)"),
            (true, 0, n) => format!("{name} ({n} damaged)"),
            (true, n, m) => format!("{name} ({n} missing, {m} damaged)"),
        }
    };
    tier.copies.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `2d ago`, `2d ago, deep`, `damaged`.
pub(super) fn verified(verify: &VerifyStanding, now: Timestamp) -> String {
    match (verify.last, verify.damaged.len()) {
        (None, _) => "never".to_owned(),
        (Some(_), n) if n > 0 => format!("{n} damaged"),
        (Some(last), _) => {
            let deep = if verify.level == Some(VerifyLevel::Deep) { ", deep" } else { "" };
            format!("{} ago{deep}", age(last, now))
        }
    }
}

/// `5d ago in 12s`, `failed 5d ago`, `never`.
pub(super) fn drilled(drill: &DrillStanding, now: Timestamp) -> String {
    match (drill.last, drill.passed, drill.restore) {
        (None, ..) => "never".to_owned(),
        (Some(last), false, _) => format!("failed {} ago", age(last, now)),
        (Some(last), true, Some(restore)) => format!("{} ago in {}", age(last, now), restore.human()),
        (Some(last), true, None) => format!("{} ago", age(last, now)),
    }
}

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// So many of the last backups make the curve.
const SHOWN: usize = 8;

/// The size of the last good backup, and how it came to be so.
fn size(tier: &TierStanding, room: Room) -> String {
    let Some(last) = tier.last_good() else { return "-".to_owned() };
    let sizes: Vec<u64> = tier.points.iter().rev().take(SHOWN).rev().map(|point| point.stored_bytes).collect();
    let curve = if sizes.len() < 3 || room == Room::Narrow { String::new() } else { format!(" {}", curve(&sizes)) };
    let change = match tier.size_change() {
        Some(change) if change != 0 => format!(" {change:+}%"),
        _ => String::new(),
    };
    format!("{}{curve}{change}", Size(last.stored_bytes))
}

/// One bar a number, from nothing to the largest.
fn curve(sizes: &[u64]) -> String {
    let largest = sizes.iter().copied().max().unwrap_or(0).max(1);
    let bar = |size: &u64| BARS[usize::try_from(u128::from(*size) * 7 / u128::from(largest)).unwrap_or(0).min(7)];
    sizes.iter().map(bar).collect()
}

fn storages(standing: &Standing, style: Style) -> String {
    let rows: Vec<Vec<String>> = standing
        .storages
        .iter()
        .map(|storage| {
            if storage.problem.is_some() {
                return vec![storage.name.clone(), "unreadable".to_owned(), String::new(), String::new()];
            }
            let copies = format!("{} in {} cop{}", Size(storage.stored_bytes), storage.n_copies, ies(storage.n_copies));
            let disk = match (storage.used_percent(), storage.space) {
                (Some(used), Some((free, _))) => format!("{used}% used, {} free", Size(free)),
                _ => "no limit".to_owned(),
            };
            vec![storage.name.clone(), copies, disk, storage.location.clone()]
        })
        .collect();
    table(&["STORAGE", "STORED", "DISK", "WHERE"], &rows, style, |row, column, text| {
        let storage = &standing.storages[row];
        let is_bad = (column == 1 && storage.problem.is_some()) || (column == 2 && storage.is_low());
        if is_bad { style.red(text) } else { text.to_owned() }
    })
}

fn ies(n: u64) -> &'static str {
    if n == 1 { "y" } else { "ies" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_from_nothing_to_the_largest() {
        assert_eq!(curve(&[0, 50, 100]), "▁▄█");
        assert_eq!(curve(&[0, 0, 0]), "▁▁▁");
        assert_eq!(curve(&[u64::MAX, 1, u64::MAX]), "█▁█");
    }
}
