//! A review for people: what changes, worst first, and what to ask.

use super::Style;
use super::table::plural;
use crate::base::{Money, visible};
use crate::diag::Severity;
use crate::review::{CostChange, Finding, LostDay, LostPoints, Place, PolicyReview, Review};
use std::fmt::Write as _;

/// So many databases are named, days told and restore points of a day named; JSON has them all.
const DATABASES: usize = 6;
const DAYS: usize = 4;
const POINTS: usize = 4;

/// The whole review as text, ending with a line feed.
pub fn review(review: &Review, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    for (index, policy) in review.policies.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let _ = writeln!(out, "{} {}", style.bold(&policy.name), style.dim(&format!("({})", files(policy))));
        for note in &policy.notes {
            let _ = writeln!(out, "{} {note}", style.yellow("!"));
        }
        for finding in &policy.findings {
            one(&mut out, finding, style);
        }
        if let Some(cost) = &policy.cost {
            money(&mut out, cost, style);
        }
        if !policy.questions.is_empty() {
            let _ = writeln!(out, "\n{}", style.bold("Questions to ask"));
        }
        for question in &policy.questions {
            let _ = writeln!(out, "  - {question}");
        }
        let gap = if policy.findings.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}{}", verdict(policy));
    }
    if review.policies.is_empty() {
        let _ = writeln!(out, "{QUIET}");
    }
    out
}

const QUIET: &str = "No change in meaning.";

/// One line: what was found, or that nothing changes.
pub(super) fn verdict(policy: &PolicyReview) -> String {
    if policy.is_quiet() {
        return QUIET.to_owned();
    }
    let words: Vec<String> = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "remark")]
        .into_iter()
        .map(|(severity, word)| (policy.count(severity), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", plural(count)))
        .collect();
    match (words.is_empty(), policy.is_valid) {
        (true, true) => "Nothing was found.".to_owned(),
        (_, true) => format!("Review: {}.", words.join(", ")),
        (_, false) => format!("Review: {}. The policy after the change is invalid.", words.join(", ")),
    }
}

/// `backstay.yaml`, or what it was and what it is.
pub(super) fn files(policy: &PolicyReview) -> String {
    let shown = |file: &Option<String>| file.as_deref().map(visible);
    match (shown(&policy.base), shown(&policy.head)) {
        (Some(base), Some(head)) if base == head => head,
        (Some(base), Some(head)) => format!("{base} → {head}"),
        (None, Some(head)) => format!("{head}, new"),
        (Some(base), None) => format!("{base}, removed"),
        (None, None) => "no policy".to_owned(),
    }
}

/// `error`, `warning` or `info`.
pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// Title and particulars.
pub(super) fn headline(finding: &Finding) -> String {
    format!("{}: {}", finding.code.title, finding.detail)
}

/// `backstay.yaml:12:3`; of what is gone, that it is.
pub(super) fn place(place: &Place) -> String {
    let before = if place.is_after { "" } else { " (before)" };
    format!("{}:{}:{}{before}", visible(&place.file), place.start.line, place.start.column)
}

/// Names in backticks, cut to what can be read.
pub(super) fn databases(names: &[String], most: usize) -> String {
    let shown: Vec<String> = names.iter().take(most).map(|name| format!("`{name}`")).collect();
    let more = names.len() - shown.len();
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

fn one(out: &mut String, finding: &Finding, style: Style) {
    let level = format!("{}[{}]", word(finding.code.severity), finding.code.id);
    let level = match finding.code.severity {
        Severity::Error => style.red(&level),
        Severity::Warning => style.yellow(&level),
        Severity::Info => style.cyan(&level),
    };
    let _ = writeln!(out, "\n{level}: {}", headline(finding));
    if let Some(at) = &finding.place {
        let _ = writeln!(out, "  {} {}", style.dim("-->"), place(at));
    }
    if let (Some(before), Some(after)) = (&finding.before, &finding.after) {
        let _ = writeln!(out, "  {} → {}", style.red(before), style.green(after));
    }
    if !finding.databases.is_empty() {
        let _ = writeln!(out, "  of {}", databases(&finding.databases, DATABASES));
    }
    for lost in &finding.lost {
        for line in points(lost, finding.lost.len() > 1) {
            let _ = writeln!(out, "  {line}");
        }
    }
    if let Some(why) = &finding.why {
        let _ = writeln!(out, "  {} {why}", style.dim("why:"));
    }
    if let Some(hint) = &finding.hint {
        let _ = writeln!(out, "  {} {hint}", style.dim("hint:"));
    }
}

/// What goes when: `on 2026-11-27 go 9: 2025-12-01 04:00 UTC, …`.
pub(super) fn points(lost: &LostPoints, names_databases: bool) -> Vec<String> {
    let basis = match (lost.is_recorded, lost.is_partial) {
        (true, _) => "of the recorded backups",
        (false, false) => "of the backups that the schedule has made by now",
        (false, true) => "of the oldest and newest backups that the schedule has made by now",
    };
    let of =
        if names_databases { format!(" for each of {}", databases(&lost.databases, DATABASES)) } else { String::new() };
    let mut lines = vec![format!("{} {basis} go sooner{of}:", lost.n_points)];
    for day in lost.days.iter().take(DAYS) {
        let shown: Vec<&str> = day.points.iter().take(POINTS).map(|point| point.name.as_str()).collect();
        let more = day.points.len() - shown.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("  {}{}: {}{more}", day.on, instead_of(day), shown.join(", ")));
    }
    if let (true, Some(last)) = (lost.days.len() > DAYS, lost.days.last()) {
        lines.push(format!("  and so on, the last on {}", last.on));
    }
    lines
}

/// ` instead of 2026-12-01`, or the first and the last of such days.
fn instead_of(day: &LostDay) -> String {
    let days = || day.points.iter().filter_map(|point| point.instead_of.as_deref());
    match (days().min(), days().max()) {
        (Some(first), Some(last)) if first == last => format!(" instead of {first}"),
        (Some(first), Some(last)) => format!(" instead of {first} to {last}"),
        _ => ", without this no day is in sight".to_owned(),
    }
}

fn money(out: &mut String, cost: &CostChange, style: Style) {
    let CostChange { prices_of, prices_region, currency, storages } = cost;
    let basis = style.dim(&format!("(an estimate in {currency}: prices of {prices_of}, region {prices_region})"));
    let _ = writeln!(out, "\n{} {basis}", style.bold("Cost a month, once retention has settled"));
    for storage in storages {
        let _ = writeln!(out, "  {}", bill(storage));
    }
}

/// `offsite: 12.30 → 4.10`.
pub(super) fn bill(storage: &crate::review::StorageCostChange) -> String {
    let said = |amount: Option<Money>| amount.map_or_else(|| "no known price".to_owned(), |amount| amount.to_string());
    let unknown = match storage.n_unknown {
        0 => String::new(),
        n => format!(" ({n} tier{} without a recorded size not counted)", plural(n)),
    };
    format!("{}: {} → {}{unknown}", storage.storage, said(storage.month_before), said(storage.month_after))
}
