//! What became of old dumps that were to be adopted.

use super::Style;
use super::table::table;
use crate::base::Size;
use crate::moving::{Adoption, Fate, OldDump};
use serde::Serialize;
use std::fmt::Write as _;

/// Files named that do not fit before the rest is only counted.
const OTHERS_SHOWN: usize = 5;

/// The outcome for people, ending with a line feed.
pub fn adoption(adoption: &Adoption, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "{} {}", style.bold(&adoption.storage), style.dim(&adoption.location));
    let rows: Vec<Vec<String>> = adoption.dumps.iter().map(|dump| row(dump, adoption.is_dry_run)).collect();
    let paint = |row: usize, column: usize, text: &str| match (column, &adoption.dumps[row].fate) {
        (3, Fate::Refused(_)) => style.red(text),
        (3, Fate::Adopted(_)) => style.green(text),
        _ => text.to_owned(),
    };
    out.push_str(&table(&["MADE", "SIZE", "FILE", "", "WHAT IT IS"], &rows, style, paint));
    let n_others = adoption.others.len();
    if n_others > 0 {
        let named: Vec<&str> = adoption.others.iter().take(OTHERS_SHOWN).map(String::as_str).collect();
        let more = n_others.saturating_sub(OTHERS_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(out, "\n{}", style.dim(&format!("other names, left alone: {}{more}", named.join(", "))));
    }
    let n_past = adoption.taken().filter(|(_, taken)| taken.is_past_keep).count();
    if n_past > 0 {
        let _ = writeln!(
            out,
            "\n{n_past} of them {} older than tier `{}` keeps backups at `{}`: `backstay plan` shows which of them it would \
             delete",
            if n_past == 1 { "is" } else { "are" },
            adoption.tier,
            adoption.storage
        );
    }
    let (n_taken, n_known, n_refused) = (adoption.taken().count(), adoption.n_known(), adoption.refused().count());
    let verb = if adoption.is_dry_run { "would be adopted" } else { "adopted" };
    let _ = writeln!(out, "\n{n_taken} {verb}, {n_known} known before, {n_refused} refused");
    out
}

fn row(dump: &OldDump, is_dry_run: bool) -> Vec<String> {
    let made = dump.at.map_or_else(|| "unknown".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let (fate, what) = match &dump.fate {
        Fate::Adopted(taken) => {
            let rows = taken.rows.map(|rows| format!(", {rows} rows")).unwrap_or_default();
            let digest = if taken.has_digest { ", its .sha256 agrees" } else { "" };
            (if is_dry_run { "would be" } else { "adopted" }, format!("{} {}{rows}{digest}", taken.id, taken.kind))
        }
        Fate::Known(id) => ("known", id.to_string()),
        Fate::Refused(reason) => ("refused", reason.clone()),
    };
    vec![made, Size(dump.bytes).to_string(), dump.key.clone(), fate.to_owned(), what]
}

/// JSON of `adopt`, format version 1. Additive changes only within a version.
#[derive(Debug, Serialize)]
struct AdoptionView<'a> {
    format_version: u32,
    storage: &'a str,
    tier: &'a str,
    dry_run: bool,
    dumps: Vec<DumpView<'a>>,
    others: &'a [String],
}

#[derive(Debug, Serialize)]
struct DumpView<'a> {
    key: &'a str,
    bytes: u64,
    made_at: Option<String>,
    /// `adopted` (in a dry run: would be), `known` or `refused`.
    fate: &'static str,
    id: Option<&'a str>,
    database: Option<&'a str>,
    kind: Option<&'a str>,
    rows: Option<u64>,
    digest_agrees: Option<bool>,
    beside: &'a [String],
    past_keep: Option<bool>,
    reason: Option<&'a str>,
}

/// The outcome as one JSON document, ending with a line feed.
pub fn adoption_json(adoption: &Adoption) -> String {
    let view = AdoptionView {
        format_version: 1,
        storage: &adoption.storage,
        tier: &adoption.tier,
        dry_run: adoption.is_dry_run,
        dumps: adoption.dumps.iter().map(dump_view).collect(),
        others: &adoption.others,
    };
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&view).unwrap_or_default() + "\n"
}

fn dump_view(dump: &OldDump) -> DumpView<'_> {
    let (fate, taken, id, reason) = match &dump.fate {
        Fate::Adopted(taken) => ("adopted", Some(taken), Some(taken.id.as_str()), None),
        Fate::Known(id) => ("known", None, Some(id.as_str()), None),
        Fate::Refused(reason) => ("refused", None, None, Some(reason.as_str())),
    };
    DumpView {
        key: &dump.key,
        bytes: dump.bytes,
        made_at: dump.at.map(|at| at.to_string()),
        fate,
        id,
        database: taken.map(|taken| taken.database.as_str()),
        kind: taken.map(|taken| taken.kind.as_str()),
        rows: taken.and_then(|taken| taken.rows),
        digest_agrees: taken.map(|taken| taken.has_digest),
        beside: taken.map_or(&[], |taken| &taken.beside),
        past_keep: taken.map(|taken| taken.is_past_keep),
        reason,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::moving::Taken;

    fn example() -> Adoption {
        let dump = |day: u8, fate: Fate| OldDump {
            key: format!("production/shop_202511{day:02}_020000.sql.gz"),
            bytes: u64::from(day) << 20,
            at: Some(format!("2025-11-{day:02}T02:00:00Z").parse().unwrap()),
            fate,
        };
        let taken = Taken {
            id: "20251101T020000Z-abcd".parse().unwrap(),
            database: "shop".to_owned(),
            kind: "SQL text in gzip".to_owned(),
            rows: Some(12),
            has_digest: true,
            beside: vec!["production/shop_20251101_020000.sql.gz.sha256".to_owned()],
            is_past_keep: true,
        };
        Adoption {
            storage: "local".to_owned(),
            location: "/backups".to_owned(),
            tier: "daily".to_owned(),
            dumps: vec![
                dump(1, Fate::Adopted(taken)),
                dump(2, Fate::Known("20251102T020000Z-abcd".parse().unwrap())),
                dump(3, Fate::Refused("it is empty".to_owned())),
            ],
            others: (1..8).map(|n| format!("production/notes{n}.txt")).collect(),
            is_dry_run: false,
        }
    }

    #[test]
    fn people_see_every_dump_and_why_not() {
        insta::assert_snapshot!(adoption(&example(), Style::PLAIN));
    }

    #[test]
    fn machines_see_a_document() {
        let json: serde_json::Value = serde_json::from_str(&adoption_json(&example())).unwrap();
        insta::assert_json_snapshot!(json);
    }
}
