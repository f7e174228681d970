//! What came of drills, said to people and to machines.

use super::Style;
use super::table::plural;
use crate::base::Period;
use crate::catalog::{DrillCheck, DrillRecord};
use serde::Serialize;
use std::fmt::Write as _;

/// One drill for people, ending with a line feed.
pub fn drill(record: &DrillRecord, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let verdict = if record.has_passed() { style.green("passed") } else { style.red("failed") };
    let what = style.dim(&format!("{} {} from {}", record.database, record.tier, record.storage));
    let _ = writeln!(out, "{verdict} {} {what}", style.bold(record.id.as_str()));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {}{value}", style.dim(&format!("{name:<12}")));
    };
    if !record.server_version.is_empty() {
        line("server", format!("PostgreSQL {}", record.server_version));
    }
    if let Some(took) = record.restore_ms {
        let within = record.rto_seconds.map(|rto| format!(", to be within {}", Period(rto).human()));
        line("restored", format!("in {}{}", duration(took), within.unwrap_or_default()));
    }
    if let Some(rows) = record.compared {
        let tables = usize::try_from(rows.tables).unwrap_or(usize::MAX);
        let (n_tables, n_rows) = (rows.tables, rows.rows);
        let ending = if n_rows == 1 { "" } else { "s" };
        let text = format!("{n_tables} table{} with {n_rows} row{ending}: as the manifest says", plural(tables));
        line("compared", text);
    }
    for check in &record.checks {
        line(if check.problem.is_none() { "asked" } else { "asked !" }, asked(check));
    }
    line("took", duration(record.total_ms));
    for problem in &record.problems {
        let _ = writeln!(out, "  {} {problem}", style.red("!"));
    }
    out
}

fn asked(check: &DrillCheck) -> String {
    let answer = check.answer.as_deref().unwrap_or("nothing");
    format!("{} → {answer} (expected {})", check.sql.trim(), check.expect)
}

/// Milliseconds for people: tenths of a second while they matter.
fn duration(ms: u64) -> String {
    if ms < 60_000 { format!("{}.{}s", ms / 1000, ms % 1000 / 100) } else { Period(ms.div_ceil(1000)).human() }
}

/// A drill that could not be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotHeld {
    /// The database's name in the catalog.
    pub database: String,
    /// Code of the reason.
    pub code: &'static str,
    /// The reason.
    pub problem: String,
}

#[derive(Debug, Serialize)]
struct DrillsView<'a> {
    format_version: u32,
    passed: bool,
    drills: Vec<DrillView<'a>>,
    not_held: &'a [NotHeld],
}

#[derive(Debug, Serialize)]
struct DrillView<'a> {
    passed: bool,
    #[serde(flatten)]
    record: &'a DrillRecord,
}

/// Drills as one JSON document, ending with a line feed.
pub fn drills_json(records: &[DrillRecord], not_held: &[NotHeld]) -> String {
    let view = DrillsView {
        format_version: 1,
        passed: not_held.is_empty() && records.iter().all(DrillRecord::has_passed),
        drills: records.iter().map(|record| DrillView { passed: record.has_passed(), record }).collect(),
        not_held,
    };
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&view).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::drill_that_passed;

    #[test]
    fn people_see_what_was_done_and_what_is_wrong() {
        let mut record = drill_that_passed("app", "daily", 1_795_000_000);
        record.rto_seconds = Some(3600);
        record.checks = vec![DrillCheck {
            sql: "SELECT count(*) FROM orders".to_owned(),
            expect: "> 0".to_owned(),
            answer: Some("7".to_owned()),
            problem: None,
        }];
        insta::assert_snapshot!(drill(&record, Style::PLAIN));
        record.compared = None;
        record.checks[0].answer = None;
        record.checks[0].problem = Some("it is null".to_owned());
        record.problems = vec!["`SELECT count(*) FROM orders` must answer `> 0`: it is null".to_owned()];
        insta::assert_snapshot!(drill(&record, Style::PLAIN));
        let json: serde_json::Value = serde_json::from_str(&drills_json(&[record], &[])).unwrap_or_default();
        assert_eq!((&json["passed"], &json["drills"][0]["tier"]), (&false.into(), &"daily".into()));
    }
}
