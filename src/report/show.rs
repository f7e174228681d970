//! One backup in full: its manifest, and every copy of it.

use super::Style;
use super::age::ago;
use super::list::cold_words;
use super::list_json::{CopyView, copy_view, level_name, state_name};
use super::table::table;
use crate::base::{Period, Size, total};
use crate::catalog::{Cluster, CopyState, Layer, Manifest, RestorePoint};
use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;

/// Tables shown to people; machines get all.
const TABLES_SHOWN: usize = 15;

/// The backup for people, ending with a line feed. `manifest` is that of the best copy; `None` when none can be read.
pub fn show(point: &RestorePoint, manifest: Option<&Manifest>, now: Timestamp, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ =
        writeln!(out, "{} {}", style.bold(point.id.as_str()), style.dim(&format!("{} {}", point.database, point.tier)));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {}{value}", style.dim(&format!("{name:<12}")));
    };
    let moment = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    line("taken", format!("{} ({})", moment(point.started_at), ago(point.started_at, now)));
    if let Some(manifest) = manifest {
        let source = &manifest.source;
        if let Some(adopted) = &manifest.adopted {
            let keys: Vec<&str> = manifest.objects.iter().filter_map(|object| object.key.as_deref()).collect();
            line("adopted", format!("{}, {}", moment(adopted.at), manifest.dump_format.word()));
            line("lies at", if keys.is_empty() { "its folder, as a copy".to_owned() } else { keys.join(", ") });
        } else {
            line("took", Period::between(manifest.started_at, manifest.finished_at).human());
        }
        match (source.database.as_str(), source.host.as_str()) {
            ("", _) => {}
            (database, "") => line("database", database.to_owned()),
            (database, host) => line("database", format!("{database} on {host}")),
        }
        let role = if source.in_recovery { ", a standby" } else { "" };
        match (source.server_version.as_str(), &manifest.adopted) {
            ("", _) => {}
            (version, Some(_)) => line("server", format!("PostgreSQL {version}")),
            (version, None) => line("server", format!("PostgreSQL {version}{role}, encoding {}", source.encoding)),
        }
        if let Some(lsn) = &source.start_lsn {
            let system = source.system_identifier.as_deref().map(|id| format!(" of system {id}")).unwrap_or_default();
            line("position", format!("{lsn}{system}"));
        }
        let plain = total(manifest.objects.iter().map(|object| object.plain_bytes));
        let stored = total(manifest.objects.iter().map(|object| object.stored_bytes));
        let database = Size(source.database_bytes);
        let on_server = if manifest.adopted.is_some() { String::new() } else { format!(", {database} on the server") };
        line("size", format!("{} stored, {} plain{on_server}", Size(stored), Size(plain)));
        if let Some(kind) = kind(manifest) {
            line("kind", kind);
        }
        line("layers", layers(&manifest.layers));
        if !source.extensions.is_empty() {
            let all: Vec<String> = source.extensions.iter().map(|e| format!("{} {}", e.name, e.version)).collect();
            line("extensions", all.join(", "));
        }
        if !manifest.constraints_not_valid.is_empty() {
            line("not valid", manifest.constraints_not_valid.join(", "));
        }
        let origin = &manifest.origin;
        let by = if manifest.adopted.is_some() { "adopted by" } else { "made by" };
        line(by, format!("{} as {} on {}, run {}", origin.tool, origin.user, origin.host, origin.run));
        if !origin.dump_program.is_empty() {
            line("dumped by", origin.dump_program.clone());
        }
    }
    copies(&mut out, point, now, style);
    if let Some(manifest) = manifest {
        objects(&mut out, manifest, style);
        match &manifest.cluster {
            Some(whole) => cluster(&mut out, whole, style),
            None => tables(&mut out, manifest, style),
        }
    }
    out
}

/// Whether a backup of a cluster is full or on what; `None` for a dump.
pub(super) fn kind(manifest: &Manifest) -> Option<String> {
    let cluster = manifest.cluster.as_ref()?;
    let Some(incremental) = &cluster.incremental else { return Some("full".to_owned()) };
    let others: Vec<&str> = incremental.references.iter().map(|reference| reference.backup.as_str()).collect();
    let refers = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
    let unread = incremental.unread.map(|unread| format!("; {} of it not read again", Size(unread.bytes)));
    Some(format!("incremental on {}, refers to {refers}{}", incremental.on, unread.unwrap_or_default()))
}

fn copies(out: &mut String, point: &RestorePoint, now: Timestamp, style: Style) {
    let _ = writeln!(out, "\n{}", style.bold("Copies"));
    // Where everything can be read at once, a column of `STANDARD` tells nothing.
    let has_classes = point.copies.iter().any(|copy| !copy.backup.class().is_standard());
    let rows: Vec<Vec<String>> = point
        .copies
        .iter()
        .map(|copy| {
            let verified = copy.backup.verified.as_ref().map_or_else(
                || "never".to_owned(),
                |record| format!("{} ({})", ago(record.at, now), level_name(record.level)),
            );
            let class = cold_words(copy.backup.availability).unwrap_or_else(|| copy.backup.class().to_string());
            let mut row = vec![copy.storage.clone(), state_name(copy.state()).to_owned(), verified];
            row.extend(has_classes.then_some(class));
            row.push(copy.problems().join(", "));
            row
        })
        .collect();
    let paint = |row: usize, column: usize, text: &str| match (column, point.copies[row].state()) {
        (1, CopyState::Damaged) => style.red(text),
        (1, CopyState::Verified) => style.green(text),
        _ => text.to_owned(),
    };
    let headings: &[&str] = if has_classes {
        &["STORAGE", "STATE", "VERIFIED", "CLASS", "PROBLEMS"]
    } else {
        &["STORAGE", "STATE", "VERIFIED", "PROBLEMS"]
    };
    out.push_str(&table(headings, &rows, style, paint));
}

fn objects(out: &mut String, manifest: &Manifest, style: Style) {
    let _ = writeln!(out, "\n{}", style.bold("Files"));
    let rows: Vec<Vec<String>> = manifest
        .objects
        .iter()
        .map(|object| {
            vec![
                object.name.clone(),
                Size(object.stored_bytes).to_string(),
                Size(object.plain_bytes).to_string(),
                object.stored_sha256.to_string(),
            ]
        })
        .collect();
    out.push_str(&table(&["NAME", "STORED", "PLAIN", "SHA-256 AS STORED"], &rows, style, |_, _, text| text.to_owned()));
}

fn cluster(out: &mut String, cluster: &Cluster, style: Style) {
    let title = format!("A cluster: {} files, {}", cluster.files, Size(cluster.bytes));
    let _ = writeln!(out, "\n{}", style.bold(&title));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {}{value}", style.dim(&format!("{name:<12}")));
    };
    line("timeline", format!("{}, from {} to {}", cluster.timeline.0, cluster.start_lsn, cluster.stop_lsn));
    line("checksums", if cluster.checksums { "on".to_owned() } else { "off".to_owned() });
    let databases: Vec<&str> = cluster.databases.iter().map(|database| database.name.as_str()).collect();
    line("databases", databases.join(", "));
    for tablespace in &cluster.tablespaces {
        line("tablespace", format!("{} at {}", tablespace.oid, tablespace.location));
    }
    for page in &cluster.bad_pages {
        line("damaged", format!("page {} of {}", page.page, page.file));
    }
}

fn tables(out: &mut String, manifest: &Manifest, style: Style) {
    let mut largest: Vec<_> = manifest.tables.iter().collect();
    largest.sort_by(|a, b| (b.rows, &a.schema, &a.name).cmp(&(a.rows, &b.schema, &b.name)));
    let all = total(manifest.tables.iter().map(|table| table.rows));
    let title = if manifest.counts_rows() {
        format!("{} tables with data, {all} rows", manifest.tables.len())
    } else {
        "Its rows cannot be counted".to_owned()
    };
    let _ = writeln!(out, "\n{}", style.bold(&title));
    let rows: Vec<Vec<String>> = largest
        .iter()
        .take(TABLES_SHOWN)
        .map(|table| vec![format!("{}.{}", table.schema, table.name), table.rows.to_string()])
        .collect();
    if !rows.is_empty() {
        out.push_str(&table(&["TABLE", "ROWS"], &rows, style, |_, _, text| text.to_owned()));
    }
    if largest.len() > TABLES_SHOWN {
        let _ =
            writeln!(out, "  {}", style.dim(&format!("and {} more; `--json` lists all", largest.len() - TABLES_SHOWN)));
    }
}

fn layers(layers: &[Layer]) -> String {
    let words: Vec<String> = layers
        .iter()
        .map(|layer| match layer {
            // A level that is not known is 0.
            Layer::Zstd { level: 0 } => "zstd".to_owned(),
            Layer::Gzip { level: 0 } => "gzip".to_owned(),
            Layer::Zstd { level } => format!("zstd level {level}"),
            Layer::Gzip { level } => format!("gzip level {level}"),
            Layer::Age { recipients } if recipients.is_empty() => "age with a passphrase".to_owned(),
            Layer::Age { recipients } if recipients == &["unknown"] => "age".to_owned(),
            Layer::Age { recipients } => format!("age to {}", recipients.join(", ")),
            Layer::Gpg => "gpg with a passphrase".to_owned(),
        })
        .collect();
    if words.is_empty() { "none: stored as dumped".to_owned() } else { words.join(", then ") }
}

/// The backup for machines. Additive changes only within a version; `manifest` is as `schemas/manifest.v1.json` says.
#[derive(Debug, Serialize)]
struct ShowView<'a> {
    format_version: u32,
    id: &'a str,
    database: &'a str,
    tier: &'a str,
    started_at: String,
    age_seconds: u64,
    copies: Vec<CopyView>,
    manifest: Option<&'a Manifest>,
}

/// The backup as one JSON document, ending with a line feed.
pub fn show_json(point: &RestorePoint, manifest: Option<&Manifest>, now: Timestamp) -> String {
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&show_view(point, manifest, now)).unwrap_or_default() + "\n"
}

fn show_view<'a>(point: &'a RestorePoint, manifest: Option<&'a Manifest>, now: Timestamp) -> ShowView<'a> {
    ShowView {
        format_version: 1,
        id: point.id.as_str(),
        database: &point.database,
        tier: &point.tier,
        started_at: point.started_at.to_string(),
        age_seconds: Period::between(point.started_at, now).0,
        copies: point.copies.iter().map(copy_view).collect(),
        manifest,
    }
}

#[cfg(test)]
pub(in crate::report) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::super::list::tests::{at, backup};
    use super::*;
    use crate::base::{Blake3, Sha256};
    use crate::catalog::{
        Contents, Extension, Method, ObjectRole, Origin, Source, StoredObject, TableRows, restore_points,
    };
    use crate::codec::DumpFormat;

    pub(in crate::report) fn example() -> (RestorePoint, Manifest) {
        let layers = vec![Layer::Zstd { level: 3 }, Layer::Age { recipients: vec!["age1abc".to_owned()] }];
        let backup = backup(20, layers.clone());
        let manifest = Manifest {
            format: 1,
            id: backup.id.clone(),
            policy: "demo".to_owned(),
            database: backup.database.clone(),
            tier: backup.tier.clone(),
            method: Method::Logical,
            started_at: backup.started_at,
            finished_at: backup.finished_at,
            source: Source {
                database: "app".to_owned(),
                host: "db1".to_owned(),
                server_version: "15.18".to_owned(),
                server_version_num: 150_018,
                system_identifier: Some("7123".to_owned()),
                start_lsn: Some("16/B374D848".parse().unwrap()),
                encoding: "UTF8".to_owned(),
                database_bytes: 2 << 30,
                table_count: 12,
                extensions: vec![Extension { name: "citext".to_owned(), version: "1.6".to_owned() }],
                in_recovery: false,
            },
            origin: Origin {
                tool: "backstay 0.1.0".to_owned(),
                dump_program: "pg_dump (PostgreSQL) 15.18".to_owned(),
                host: "ops1".to_owned(),
                user: "backup".to_owned(),
                run: "r1".to_owned(),
            },
            layers,
            objects: vec![StoredObject {
                name: "dump.zst.age".to_owned(),
                role: ObjectRole::Dump,
                stored_bytes: 310 << 20,
                stored_sha256: Sha256::of(b"stored"),
                plain_bytes: 1200 << 20,
                plain_blake3: Blake3::of(b"plain"),
                frames: 7,
                class: crate::resource::StorageClass::Standard,
                lock: None,
                key: None,
                beside: Vec::new(),
            }],
            tables: (0..17)
                .map(|n| TableRows { schema: "public".to_owned(), name: format!("t{n}"), rows: n * 1000 })
                .collect(),
            constraints_not_valid: vec!["public.legacy.amount_positive".to_owned()],
            dump_format: DumpFormat::Custom,
            adopted: None,
            cluster: None,
        };
        let contents = Contents { backups: vec![backup], ..Contents::default() };
        (restore_points([("local", &contents)]).remove(0), manifest)
    }

    #[test]
    fn people_see_everything() {
        let (point, manifest) = example();
        insta::assert_snapshot!(show(&point, Some(&manifest), at("2026-11-20T08:00:00Z"), Style::PLAIN));
    }

    #[test]
    fn machines_see_a_document() {
        let (point, manifest) = example();
        insta::assert_json_snapshot!(show_view(&point, Some(&manifest), at("2026-11-20T08:00:00Z")));
    }

    #[test]
    fn a_backup_without_a_readable_manifest_is_shown_too() {
        let (point, _) = example();
        assert!(show(&point, None, at("2026-11-20T08:00:00Z"), Style::PLAIN).contains("Copies"));
    }
}
