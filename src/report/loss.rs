//! What going back to a backup loses, for people.

use super::Style;
use super::age::ago;
use crate::catalog::{Manifest, TableRows};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Tables named before the rest is only counted.
const NAMED: usize = 20;

/// Which backup it is, and the tables that are not as they were then, ending with a line feed. `live` is what is there
/// now, with about how many rows; `None` when that could not be looked at.
pub fn loss(manifest: &Manifest, live: Option<&[TableRows]>, now: Timestamp, style: Style) -> String {
    let mut out = String::new();
    let taken = manifest.started_at;
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(
        out,
        "Back to {} of {} ({}): whatever was written since is lost here.",
        style.bold(manifest.id.as_str()),
        taken.strftime("%Y-%m-%d %H:%M:%S UTC"),
        ago(taken, now)
    );
    let Some(live) = live else { return out };
    let lines = differences(&manifest.tables, live);
    if lines.is_empty() {
        let _ = writeln!(out, "  By the counts of the server every table has about as many rows as then.");
    }
    let more = lines.len().saturating_sub(NAMED);
    for line in lines.iter().take(NAMED) {
        let _ = writeln!(out, "  {} {line}", style.yellow("!"));
    }
    if more > 0 {
        let _ = writeln!(out, "  and {more} more");
    }
    out
}

fn differences(then: &[TableRows], live: &[TableRows]) -> Vec<String> {
    fn by_name(tables: &[TableRows]) -> BTreeMap<(&str, &str), u64> {
        tables.iter().map(|table| ((table.schema.as_str(), table.name.as_str()), table.rows)).collect()
    }
    let (then, live) = (by_name(then), by_name(live));
    let names: std::collections::BTreeSet<_> = then.keys().chain(live.keys()).collect();
    let told = |name: &&(&str, &str)| {
        let (schema, table) = **name;
        match (then.get(*name), live.get(*name)) {
            (None, Some(now)) => Some(format!("{schema}.{table} goes, with about {now} rows: it was not there then")),
            (Some(then), None) => Some(format!("{schema}.{table} comes back, with {then} rows")),
            (Some(then), Some(now)) if then != now => {
                Some(format!("{schema}.{table} has about {now} rows and gets back the {then} of then"))
            }
            _ => None,
        }
    };
    names.iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_what_comes_back_and_what_changes_is_named() {
        let table = |name: &str, rows| TableRows { schema: "public".to_owned(), name: name.to_owned(), rows };
        let then = [table("orders", 100), table("legacy", 5), table("same", 1)];
        let live = [table("audit", 7), table("orders", 120), table("same", 1)];
        assert_eq!(
            differences(&then, &live),
            [
                "public.audit goes, with about 7 rows: it was not there then",
                "public.legacy comes back, with 5 rows",
                "public.orders has about 120 rows and gets back the 100 of then",
            ]
        );
    }
}
