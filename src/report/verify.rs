//! What a verification found, said to people and to machines.

use super::Style;
use super::list_json::level_name;
use super::table::table;
use crate::base::Size;
use crate::catalog::{CopyInspection, CopyVerdict, Inspection, VerifyLevel};
use serde::Serialize;
use std::fmt::Write as _;

/// The result for people, ending with a line feed: every copy, then every damaged file, then one line that counts.
pub fn inspection(inspection: &Inspection, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    if !inspection.copies.is_empty() {
        let rows: Vec<Vec<String>> = inspection.copies.iter().map(row).collect();
        let paint = |row: usize, column: usize, text: &str| match (column, &inspection.copies[row].verdict) {
            (5, CopyVerdict::Good) => style.green(text),
            (5, CopyVerdict::Damaged(_)) => style.red(text),
            (5, CopyVerdict::Cold(_) | CopyVerdict::Undecided(_)) => style.yellow(text),
            _ => text.to_owned(),
        };
        out.push_str(&table(&["STORAGE", "DATABASE", "TIER", "ID", "STORED", "RESULT"], &rows, style, paint));
    }
    let damage = inspection.damage();
    if !damage.is_empty() {
        let _ = writeln!(out, "\n{}", style.bold("Damaged"));
        for file in &damage {
            let _ = writeln!(out, "  {} {}: {}", style.red("!"), file.storage, file.key);
            let _ = writeln!(out, "      {}", file.problem);
        }
    }
    for copy in &inspection.copies {
        if let CopyVerdict::Undecided(reason) = &copy.verdict {
            let _ = writeln!(out, "\n{} {} {} in {}:", style.yellow("!"), copy.database, copy.id, copy.storage);
            let _ = writeln!(out, "      {reason}");
        }
    }
    for (storage, problem) in &inspection.unreadable {
        let _ = writeln!(out, "\n{} storage `{storage}` could not be verified: {problem}", style.yellow("!"));
    }
    for (storage, problem) in &inspection.unkept {
        let _ = writeln!(out, "\n{} results cannot be kept in `{storage}`: {problem}", style.yellow("!"));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{}", summary(inspection, style));
    out
}

fn row(copy: &CopyInspection) -> Vec<String> {
    let result = match &copy.verdict {
        CopyVerdict::Good => "good".to_owned(),
        CopyVerdict::Damaged(_) => "damaged".to_owned(),
        CopyVerdict::Cold(class) => format!("not read: {class}"),
        CopyVerdict::Undecided(_) => "undecided".to_owned(),
    };
    vec![
        copy.storage.clone(),
        copy.database.clone(),
        copy.tier.clone(),
        copy.id.to_string(),
        Size(copy.bytes).to_string(),
        result,
    ]
}

fn summary(inspection: &Inspection, style: Style) -> String {
    let count =
        |wanted: fn(&CopyVerdict) -> bool| inspection.copies.iter().filter(|copy| wanted(&copy.verdict)).count();
    let good = count(|verdict| *verdict == CopyVerdict::Good);
    let undecided = count(|verdict| matches!(verdict, CopyVerdict::Undecided(_)));
    let cold = count(|verdict| matches!(verdict, CopyVerdict::Cold(_)));
    let damaged_files = inspection.damage().len();
    let how = match inspection.level {
        VerifyLevel::Checksum => "by size and digest",
        VerifyLevel::Deep => "down to every row",
    };
    let mut parts = vec![format!("{good} of {} verified {how}", plural(inspection.copies.len(), "copy", "copies"))];
    if cold > 0 {
        parts.push(style.yellow(&format!("{cold} in a cold class, complete by size")));
    }
    if undecided > 0 {
        parts.push(style.yellow(&format!("{undecided} undecided")));
    }
    if damaged_files > 0 {
        parts.push(style.red(&plural(damaged_files, "damaged file", "damaged files")));
    }
    let read = format!("{}, {} read", plural_u64(inspection.n_files, "file", "files"), Size(inspection.bytes));
    format!("{}; {read}", parts.join(", "))
}

fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn plural_u64(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[derive(Debug, Serialize)]
struct InspectionView {
    format_version: u32,
    level: &'static str,
    good: bool,
    copies: Vec<CopyView>,
    damaged: Vec<FileView>,
    unreadable_storages: Vec<UnreadableView>,
    unkept_results: Vec<UnreadableView>,
    files_read: u64,
    bytes_read: u64,
}

#[derive(Debug, Serialize)]
struct CopyView {
    storage: String,
    database: String,
    tier: String,
    id: String,
    stored_bytes: u64,
    result: &'static str,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct FileView {
    storage: String,
    key: String,
    problem: String,
}

#[derive(Debug, Serialize)]
struct UnreadableView {
    storage: String,
    problem: String,
}

fn storages(problems: &[(String, String)]) -> Vec<UnreadableView> {
    let view =
        |(storage, problem): &(String, String)| UnreadableView { storage: storage.clone(), problem: problem.clone() };
    problems.iter().map(view).collect()
}

/// The result as one JSON document, ending with a line feed. Additive changes only within a version.
pub fn inspection_json(inspection: &Inspection) -> String {
    let copy = |copy: &CopyInspection| {
        let (result, reason) = match &copy.verdict {
            CopyVerdict::Good => ("good", None),
            CopyVerdict::Damaged(_) => ("damaged", None),
            CopyVerdict::Cold(class) => ("cold", Some(format!("its bytes lie in {class} and are not thawed"))),
            CopyVerdict::Undecided(reason) => ("undecided", Some(reason.clone())),
        };
        CopyView {
            storage: copy.storage.clone(),
            database: copy.database.clone(),
            tier: copy.tier.clone(),
            id: copy.id.to_string(),
            stored_bytes: copy.bytes,
            result,
            reason,
        }
    };
    let damage = inspection.damage();
    let view = InspectionView {
        format_version: 1,
        level: level_name(inspection.level),
        good: damage.is_empty() && !inspection.is_partial(),
        copies: inspection.copies.iter().map(copy).collect(),
        damaged: damage
            .into_iter()
            .map(|file| FileView { storage: file.storage, key: file.key, problem: file.problem })
            .collect(),
        unreadable_storages: storages(&inspection.unreadable),
        unkept_results: storages(&inspection.unkept),
        files_read: inspection.n_files,
        bytes_read: inspection.bytes,
    };
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&view).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::at;
    use super::*;
    use crate::base::BackupId;
    use crate::catalog::{FileProblem, VerifyProblem};
    use crate::resource::StorageClass;

    fn copy(storage: &str, day: u8, verdict: CopyVerdict) -> CopyInspection {
        CopyInspection {
            storage: storage.to_owned(),
            database: "app".to_owned(),
            tier: "daily".to_owned(),
            id: BackupId::new(at(&format!("2026-11-{day:02}T02:00:00Z")), u32::from(day)),
            bytes: 310 << 20,
            verdict,
        }
    }

    fn sample() -> Inspection {
        let key = "data/daily/app/20261102T020000Z-caaa/dump.zst.age".to_owned();
        let problem = "the SHA-256 of its stored bytes is 0123456789ab… instead of ba9876543210…".to_owned();
        let no_key =
            "`data/daily/app/20261101T020000Z-baaa/dump.zst.age`: it is encrypted and no age identity is configured";
        Inspection {
            level: VerifyLevel::Deep,
            copies: vec![
                copy("local", 3, CopyVerdict::Good),
                copy("local", 2, CopyVerdict::Damaged(vec![VerifyProblem { key, problem }])),
                copy("offsite", 3, CopyVerdict::Cold(StorageClass::DeepArchive)),
                copy("offsite", 1, CopyVerdict::Undecided(no_key.to_owned())),
            ],
            files: vec![FileProblem {
                storage: "local".to_owned(),
                key: "index/app.json".to_owned(),
                problem: "its content does not match its own digest: it was changed after it was written".to_owned(),
            }],
            unreadable: vec![("nas".to_owned(), "permission denied".to_owned())],
            unkept: vec![("offsite".to_owned(), "the filesystem is read-only".to_owned())],
            n_files: 17,
            bytes: 930 << 20,
        }
    }

    #[test]
    fn people_see_every_damaged_file() {
        insta::assert_snapshot!(inspection(&sample(), Style::PLAIN));
        insta::assert_snapshot!(
            inspection(&Inspection::empty(VerifyLevel::Checksum), Style::PLAIN),
            @"0 of 0 copies verified by size and digest; 0 files, 0 B read"
        );
    }

    #[test]
    fn machines_see_a_document() {
        insta::assert_snapshot!(inspection_json(&sample()));
    }
}
