//! Tables that were brought back beside the live ones.

use serde::Serialize;
use serde_json::json;
use std::fmt::Write;

/// A table that was brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RescuedTable {
    /// Its schema.
    pub schema: String,
    /// Its name in the backup.
    pub name: String,
    /// Its name now.
    pub becomes: String,
    /// Its rows.
    pub rows: u64,
}

/// For people.
pub fn rescued(tables: &[RescuedTable], last_transaction: Option<&str>, seconds: u64) -> String {
    let mut text = String::new();
    for table in tables {
        let RescuedTable { schema, name, becomes, rows } = table;
        // Writing into a String never fails.
        let _ = writeln!(text, "Rescued `{schema}.{name}` as `{schema}.{becomes}` with {rows} rows, in {seconds}s");
    }
    match last_transaction {
        Some(at) => drop(writeln!(text, "  the last transaction in it was committed at {at}")),
        None => drop(writeln!(text, "  it is as in the backup: nothing was replayed")),
    }
    text.push_str("  columns and rows only: indexes, constraints and defaults are those of the live table\n");
    text
}

/// For programs.
pub fn rescued_json(tables: &[RescuedTable], last_transaction: Option<&str>, seconds: u64) -> String {
    let value =
        json!({ "format_version": 1, "tables": tables, "last_transaction": last_transaction, "seconds": seconds });
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}
