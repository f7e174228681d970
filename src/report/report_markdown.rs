//! A report as evidence for auditors: what was asked, what was found, and digests by which the records can be checked
//! with `sha256sum`.

use super::Dossier;
use super::markdown::inline as cell;
use super::restorable::rows;
use super::standing_json::verdict;
use super::status::{about, drilled, summary, verified};
use super::{Style, table::plural};
use crate::base::{Period, Size};
use crate::standing::{DatabaseStanding, Evidence, Objective, concerns};
use jiff::Timestamp;
use std::fmt::Write as _;

/// The report of some policies, ending with a line feed.
pub fn report_markdown(dossiers: &[Dossier]) -> String {
    let mut out = String::new();
    for dossier in dossiers {
        policy(&mut out, dossier);
    }
    out
}

fn policy(out: &mut String, dossier: &Dossier) {
    let standing = &dossier.standing;
    let found = concerns(standing);
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "# Recoverability of {}\n", cell(&standing.policy));
    let _ = writeln!(
        out,
        "As of {}, by backstay {}, policy file `{}`.",
        moment(standing.at),
        env!("CARGO_PKG_VERSION"),
        standing.file
    );
    let _ = writeln!(out, "Result: {}.\n", summary(&found, Style::PLAIN));
    let _ = writeln!(out, "## Objectives\n");
    let _ =
        writeln!(out, "| Database | Loss allowed | Loss now | | Recovery allowed | Recovery | | Verified | Drilled |");
    let _ = writeln!(out, "|---|---|---|---|---|---|---|---|---|");
    for database in &standing.databases {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            cell(&database.name),
            objective(database.rpo),
            objective(database.rto),
            verified(&database.verify, standing.at),
            drilled(&database.drill, standing.at)
        );
    }
    if !found.is_empty() {
        let _ = writeln!(out, "\n## Concerns\n");
        for concern in &found {
            let _ =
                writeln!(out, "- **{}** {}: {}", concern.gravity.word(), cell(&about(concern)), cell(&concern.message));
        }
    }
    let _ = writeln!(out, "\n## Storages\n\n| Storage | Where | Copies | Stored |\n|---|---|---|---|");
    for storage in &standing.storages {
        let where_ =
            storage.problem.as_ref().map_or_else(|| cell(&storage.location), |p| format!("unreadable: {}", cell(p)));
        let stored = Size(storage.stored_bytes);
        let _ = writeln!(out, "| {} | {where_} | {} | {stored} |", cell(&storage.name), storage.n_copies);
    }
    for database in &standing.databases {
        points(out, dossier, database);
        moments(out, database);
    }
    let _ = writeln!(
        out,
        "\nEach digest is the SHA-256 of a manifest as it lies in the storage (`sha256sum` of \
         `manifest/<tier>/<database>/<id>.json`). A manifest holds the digests of the files of its backup, so whoever \
         keeps this page can tell later whether anything was changed.\n"
    );
}

/// Three cells.
fn objective(objective: Option<Objective>) -> String {
    let Some(objective) = objective else { return "none | – | –".to_owned() };
    let measured = objective.measured.map_or_else(|| "everything".to_owned(), Period::human);
    let how = if objective.evidence == Evidence::Estimate { " (estimate)" } else { "" };
    format!("{} | {measured}{how} | {}", objective.wanted, verdict(objective.verdict()))
}

fn points(out: &mut String, dossier: &Dossier, database: &DatabaseStanding) {
    let n: usize = database.tiers.iter().map(|tier| tier.points.len()).sum();
    let _ = writeln!(out, "\n## {}: {n} restore point{}\n", cell(&database.name), plural(n));
    if n == 0 {
        let _ = writeln!(out, "Nothing can be restored.");
        return;
    }
    let _ =
        writeln!(out, "| Backup | Tier | Taken | Stored | Encrypted | Verified | Storage | SHA-256 of its manifest |");
    let _ = writeln!(out, "|---|---|---|---|---|---|---|---|");
    for tier in &database.tiers {
        for point in tier.points.iter().rev() {
            let digests: Vec<_> = dossier.digests(&database.name, &tier.tier, &point.id).collect();
            let yes = |is| if is { "yes" } else { "no" };
            for storage in &point.storages {
                let digest = digests.iter().find(|(at, _)| at == storage).map(|(_, digest)| digest.to_string());
                let _ = writeln!(
                    out,
                    "| {} | {} | {} | {} | {} | {} | {} | {} |",
                    point.id,
                    cell(&tier.tier),
                    moment(point.started_at),
                    Size(point.stored_bytes),
                    yes(point.is_encrypted),
                    yes(point.is_verified),
                    cell(storage),
                    digest.map_or_else(|| "not read".to_owned(), |digest| format!("`{digest}`"))
                );
            }
        }
    }
}

/// To which moments WAL recovers it.
fn moments(out: &mut String, database: &DatabaseStanding) {
    let rows = rows(database);
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nWAL is archived: every moment of these stretches can be restored.\n");
    let _ = writeln!(out, "| From | To | By | After it |\n|---|---|---|---|");
    for row in rows {
        let _ = writeln!(out, "| {} |", row.map(|text| cell(&text)).join(" | "));
    }
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
