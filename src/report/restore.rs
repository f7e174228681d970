//! A restore, before and after, for people and machines.

use super::Style;
use super::age::ago;
use crate::base::Size;
use crate::plan::{OldOne, Restoration, RestoreOrigin, RestoreTarget, Restored, Safety, TargetKind};
use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;

/// What a restore will do, for people, ending with a line feed.
pub fn restoration(plan: &Restoration, now: Timestamp, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "{}", style.bold(&format!("Restore {}", plan.database)));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {}{value}", style.dim(&format!("{name:<10}")));
    };
    match &plan.origin {
        RestoreOrigin::Backup { id, tier, storage, taken_at, reasons, .. } => {
            line("backup", format!("{id} of {}, tier `{tier}`, from `{storage}`", ago(*taken_at, now)));
            line("because", reasons.join("; "));
        }
        RestoreOrigin::File { path, kind, has_digest } => {
            let digest = if *has_digest { ", its SHA-256 agrees" } else { ", no SHA-256 beside it" };
            line("file", format!("{path}: {kind}{digest}"));
        }
    }
    let target = match plan.target.kind {
        TargetKind::Replaced => "is replaced",
        TargetKind::Absent => "does not exist yet",
        TargetKind::Empty => "is empty",
    };
    line("target", format!("database `{}` on {}, which {target}", plan.target.database, plan.target.server));
    if !plan.tables.is_empty() {
        line("tables", plan.tables.join(", "));
    }
    let plain = plan.plain_bytes.map(|bytes| format!(", {} to restore", Size(bytes))).unwrap_or_default();
    line("size", format!("{} to read{plain}", Size(plan.stored_bytes)));
    if let Safety::NotNeeded(Some(reason)) = &plan.safety {
        line("safety", reason.clone());
    }
    if let Some((period, basis)) = &plan.expected {
        line("expected", format!("about {}: {basis}", period.human()));
    }
    let _ = writeln!(out, "\n{}", style.bold("Steps"));
    for (index, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(out, "  {}. {}", index + 1, step.title);
    }
    for warning in passed_over(&plan.origin).iter().chain(&plan.warnings) {
        let _ = writeln!(out, "{} {warning}", style.yellow("!"));
    }
    out
}

fn passed_over(origin: &RestoreOrigin) -> &[String] {
    match origin {
        RestoreOrigin::Backup { passed_over, .. } => passed_over,
        RestoreOrigin::File { .. } => &[],
    }
}

/// What a restore did, for people, ending with a line feed.
pub fn restored(done: &Restored, style: Style) -> String {
    let mut out = String::new();
    let what = if done.tables.is_empty() { "database".to_owned() } else { done.tables.join(", ") };
    let place = format!("`{}` on {}", done.target.database, done.target.server);
    let _ =
        writeln!(out, "{} {what} from {} into {place} in {}", style.green("Restored"), done.origin, done.took.human());
    if let Some((tables, rows)) = done.compared {
        let plural = |n: u64| if n == 1 { "" } else { "s" };
        let (many, each) = (plural(tables as u64), plural(rows));
        let _ = writeln!(out, "  {tables} table{many} with {rows} row{each}: as many as the manifest says");
    }
    if let Some(id) = &done.safety_backup {
        let _ = writeln!(out, "  what was there before is in backup {id}, which `--from latest` passes over");
    }
    if let Some(old) = &done.old {
        let _ = writeln!(out, "  the old one is kept; when it is not needed any more: {}", drop_statement(old));
    }
    let _ = writeln!(out, "  statistics for the query planner come with autovacuum; `ANALYZE` brings them now");
    for warning in &done.warnings {
        let _ = writeln!(out, "{} {warning}", style.yellow("!"));
    }
    out
}

fn drop_statement(old: &OldOne) -> String {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    match old {
        OldOne::Database(name) => format!("DROP DATABASE {};", quote(name)),
        OldOne::Schema(name) => format!("DROP SCHEMA {} CASCADE;", quote(name)),
    }
}

/// What a restore will do, for machines. Additive changes only within a version.
#[derive(Debug, Serialize)]
struct RestorationView<'a> {
    format_version: u32,
    database: &'a str,
    origin: OriginView<'a>,
    target: TargetView<'a>,
    tables: &'a [String],
    stored_bytes: u64,
    plain_bytes: Option<u64>,
    expected_seconds: Option<u64>,
    expected_basis: Option<&'a str>,
    steps: Vec<StepView<'a>>,
    warnings: &'a [String],
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum OriginView<'a> {
    Backup {
        id: &'a str,
        tier: &'a str,
        storage: &'a str,
        taken_at: String,
        reasons: &'a [String],
        passed_over: &'a [String],
    },
    File {
        path: &'a str,
        kind: &'a str,
        digest_checked: bool,
    },
}

#[derive(Debug, Serialize)]
struct TargetView<'a> {
    database: &'a str,
    server: &'a str,
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct StepView<'a> {
    step: String,
    title: &'a str,
}

/// What a restore will do, as one JSON document, ending with a line feed.
pub fn restoration_json(plan: &Restoration) -> String {
    let origin = match &plan.origin {
        RestoreOrigin::Backup { id, tier, storage, taken_at, reasons, passed_over } => {
            OriginView::Backup { id: id.as_str(), tier, storage, taken_at: taken_at.to_string(), reasons, passed_over }
        }
        RestoreOrigin::File { path, kind, has_digest } => OriginView::File { path, kind, digest_checked: *has_digest },
    };
    let view = RestorationView {
        format_version: 1,
        database: &plan.database,
        origin,
        target: target_view(&plan.target),
        tables: &plan.tables,
        stored_bytes: plan.stored_bytes,
        plain_bytes: plan.plain_bytes,
        expected_seconds: plan.expected.as_ref().map(|(period, _)| period.0),
        expected_basis: plan.expected.as_ref().map(|(_, basis)| basis.as_str()),
        steps: plan.steps.iter().map(|step| StepView { step: step_name(step.deed), title: &step.title }).collect(),
        warnings: &plan.warnings,
    };
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&view).unwrap_or_default() + "\n"
}

fn step_name(deed: crate::plan::RestoreDeed) -> String {
    use crate::plan::RestoreDeed::{Check, Create, DropOld, Exchange, Fill, HooksAfter, HooksBefore, SafetyBackup};
    match deed {
        HooksBefore => "hooks_before",
        SafetyBackup => "safety_backup",
        Create => "create",
        Fill => "fill",
        Check => "check",
        Exchange => "exchange",
        DropOld => "drop_old",
        HooksAfter => "hooks_after",
    }
    .to_owned()
}

fn target_view(target: &RestoreTarget) -> TargetView<'_> {
    let state = match target.kind {
        TargetKind::Replaced => "replaced",
        TargetKind::Absent => "absent",
        TargetKind::Empty => "empty",
    };
    TargetView { database: &target.database, server: &target.server, state }
}

#[derive(Debug, Serialize)]
struct RestoredView<'a> {
    format_version: u32,
    database: &'a str,
    origin: &'a str,
    target: TargetView<'a>,
    tables: &'a [String],
    compared_tables: Option<usize>,
    compared_rows: Option<u64>,
    old_database: Option<&'a str>,
    old_schema: Option<&'a str>,
    safety_backup: Option<&'a str>,
    took_seconds: u64,
    warnings: &'a [String],
}

/// What a restore did, as one JSON document, ending with a line feed.
pub fn restored_json(done: &Restored) -> String {
    let (old_database, old_schema) = match &done.old {
        Some(OldOne::Database(name)) => (Some(name.as_str()), None),
        Some(OldOne::Schema(name)) => (None, Some(name.as_str())),
        None => (None, None),
    };
    let view = RestoredView {
        format_version: 1,
        database: &done.database,
        origin: &done.origin,
        target: target_view(&done.target),
        tables: &done.tables,
        compared_tables: done.compared.map(|(tables, _)| tables),
        compared_rows: done.compared.map(|(_, rows)| rows),
        old_database,
        old_schema,
        safety_backup: done.safety_backup.as_ref().map(crate::base::BackupId::as_str),
        took_seconds: done.took.0,
        warnings: &done.warnings,
    };
    serde_json::to_string_pretty(&view).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::Period;
    use crate::plan::{RestoreFacts, Safety, restoration as decide};

    fn plan() -> Restoration {
        decide(RestoreFacts {
            database: "app".to_owned(),
            origin: RestoreOrigin::Backup {
                id: "20261120T020000Z-k3f9".parse().unwrap(),
                tier: "daily".to_owned(),
                storage: "local".to_owned(),
                taken_at: "2026-11-20T02:00:00Z".parse().unwrap(),
                reasons: vec!["the newest backup that is not damaged".to_owned(), "only `local` holds it".to_owned()],
                passed_over: vec!["20261121T020000Z-abcd at `local` is damaged: `dump.zst` is missing".to_owned()],
            },
            target: RestoreTarget {
                kind: TargetKind::Replaced,
                database: "app".to_owned(),
                server: "db1:5432".to_owned(),
            },
            tables: Vec::new(),
            safety: Safety::Taken { tier: "now".to_owned(), reason: "the server was written to since".to_owned() },
            beside: Some("app_restoring_20261120T020000Z-k3f9".to_owned()),
            aside: Some("app_before_20261120T020000Z-k3f9".to_owned()),
            drops_old: true,
            jobs: 4,
            has_manifest: true,
            hooks: (1, 2),
            warnings: vec!["replication slot `x` stays with the old database".to_owned()],
            stored_bytes: 310 << 20,
            plain_bytes: Some(1200 << 20),
            backup_took: Some(Period(200)),
        })
    }

    fn done(old: OldOne) -> Restored {
        Restored {
            database: "app".to_owned(),
            target: plan().target,
            tables: Vec::new(),
            origin: "20261120T020000Z-k3f9".to_owned(),
            compared: Some((12, 34_567)),
            old: Some(old),
            safety_backup: Some("20261120T090000Z-aaaa".parse().unwrap()),
            took: Period(75),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn people_see_the_plan() {
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        insta::assert_snapshot!(restoration(&plan(), now, Style::PLAIN));
    }

    #[test]
    fn machines_see_the_plan() {
        insta::assert_snapshot!(restoration_json(&plan()));
    }

    #[test]
    fn people_see_what_was_done() {
        insta::assert_snapshot!(restored(&done(OldOne::Database("app_before_x".to_owned())), Style::PLAIN));
    }

    #[test]
    fn machines_see_what_was_done() {
        insta::assert_snapshot!(restored_json(&done(OldOne::Schema("before_x".to_owned()))));
    }
}
