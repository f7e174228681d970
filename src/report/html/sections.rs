//! The sections of the page.

use super::charts::sizes;
use super::text;
use super::timeline::timeline;
use crate::base::{Period, Size};
use crate::plan::Cost;
use crate::report::Dossier;
use crate::report::restorable::rows;
use crate::report::standing_json::verdict;
use crate::report::status::{about, drilled, due, verified};
use crate::report::table::plural;
use crate::standing::{Concern, DatabaseStanding, Evidence, Gravity, Objective, Standing, TierStanding, Verdict};
use jiff::Timestamp;
use std::fmt::Write as _;

/// What should be looked at, with what to run.
pub(super) fn concerns(out: &mut String, found: &[Concern]) {
    if found.is_empty() {
        return;
    }
    out.push_str("<section><h2>Concerns</h2><ul class=\"concerns\">\n");
    for concern in found {
        let state = if concern.gravity == Gravity::Critical { "bad" } else { "warn" };
        // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
        let _ = writeln!(
            out,
            "<li class=\"{state}\"><b>{}</b> <span><strong>{}</strong>: {}</span><code>{}</code></li>",
            concern.gravity.word(),
            text(&about(concern)),
            text(&concern.message),
            text(&concern.command)
        );
    }
    out.push_str("</ul></section>\n");
}

/// Every database against its objectives, with its proofs.
pub(super) fn objectives(out: &mut String, standing: &Standing) {
    out.push_str(
        "<section><h2>Objectives and proofs</h2>\n<div class=\"wide\"><table><thead><tr><th>Database<th>Loss, if it failed \
         now<th>Allowed<th>Time to recover<th>Allowed<th>Verified<th>Drilled<th>Restorable from</tr></thead><tbody>\n",
    );
    for database in &standing.databases {
        let newest = database.loss(standing.at).map(Period::human);
        let recovery = database.recovery().map_or_else(
            || "–".to_owned(),
            |(takes, evidence)| match evidence {
                Evidence::Drill => takes.human(),
                Evidence::Estimate | Evidence::Age | Evidence::Wal => format!("about {}", takes.human()),
            },
        );
        let _ = writeln!(
            out,
            "<tr><th>{}<td>{}<td>{}<td>{recovery}<td>{}<td class=\"{}\">{}<td class=\"{}\">{}<td>{}</tr>",
            text(&database.name),
            newest.unwrap_or_else(|| "everything".to_owned()),
            objective(database.rpo),
            objective(database.rto),
            if database.verify.damaged.is_empty() { "" } else { "bad" },
            verified(&database.verify, standing.at),
            if database.drill.last.is_some() && !database.drill.passed { "bad" } else { "" },
            drilled(&database.drill, standing.at),
            database.window().map_or_else(|| "–".to_owned(), |(oldest, _)| day(oldest))
        );
    }
    out.push_str("</tbody></table></div></section>\n");
}

fn objective(objective: Option<Objective>) -> String {
    let Some(objective) = objective else { return "<span class=\"dim\">none</span>".to_owned() };
    let state = match objective.verdict() {
        Verdict::Met => "good",
        Verdict::Unproven => "warn",
        Verdict::Missed => "bad",
    };
    format!("{} <em class=\"{state}\">{}</em>", objective.wanted, verdict(objective.verdict()))
}

/// A chapter: timeline, sizes, tiers, and the records.
pub(super) fn database(out: &mut String, dossier: &Dossier, database: &DatabaseStanding) {
    let now = dossier.standing.at;
    let _ = writeln!(out, "<section class=\"chapter\"><h2>{}</h2>", text(&database.name));
    if database.window().is_none() {
        out.push_str("<p class=\"bad\">Nothing can be restored.</p>\n");
    } else {
        out.push_str(
            "<h3>Restore points</h3><p class=\"keys\"><span><i class=\"dot proved\"></i>verified</span><span><i \
             class=\"dot unproved\"></i>not verified yet</span><span><i class=\"dot partly\"></i>a copy is \
             damaged</span></p>\n",
        );
        timeline(out, database, now);
        if database.tiers.iter().any(|tier| tier.points.len() > 1) {
            out.push_str("<h3>Size of a backup as stored</h3>\n");
            sizes(out, database, now);
        }
    }
    tiers(out, database, now);
    moments(out, database);
    records(out, dossier, database);
    out.push_str("</section>\n");
}

fn tiers(out: &mut String, database: &DatabaseStanding, now: Timestamp) {
    out.push_str(
        "<div class=\"wide\"><table><thead><tr><th>Tier<th>Schedule<th>Last good<th>Next due<th>Restore points<th>Size<th>Took\
         <th>Copies</tr></thead><tbody>\n",
    );
    for tier in &database.tiers {
        let last = tier.last_good();
        let _ = writeln!(
            out,
            "<tr><th>{}<td><code>{}</code><td class=\"{}\">{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            text(&tier.tier),
            text(&tier.schedule),
            if tier.overdue_since.is_some() { "bad" } else { "" },
            tier.age(now).map_or_else(|| "none".to_owned(), |age| format!("{} ago", age.human())),
            next(tier, now),
            tier.points.len(),
            last.map_or_else(|| "–".to_owned(), |point| Size(point.stored_bytes).to_string()),
            last.map_or_else(|| "–".to_owned(), |point| point.duration.human()),
            copies(tier)
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn next(tier: &TierStanding, now: Timestamp) -> String {
    let words = due(tier, now);
    if tier.overdue_since.is_some() { format!("<em class=\"bad\">{words}</em>") } else { words }
}

fn copies(tier: &TierStanding) -> String {
    let one = |copies: &crate::standing::CopiesStanding| {
        let name = text(&copies.storage);
        match (copies.is_readable, copies.missing.len(), copies.damaged.len()) {
            (false, ..) => format!("<em class=\"warn\">{name} cannot be read</em>"),
            (true, 0, 0) => format!("{name} {}", copies.n_good),
            (true, n, 0) => format!("{name} {} <em class=\"warn\">{n} missing</em>", copies.n_good),
            (true, 0, m) => format!("{name} {} <em class=\"bad\">{m} damaged</em>", copies.n_good),
            (true, n, m) => format!("{name} {} <em class=\"bad\">{n} missing, {m} damaged</em>", copies.n_good),
        }
    };
    tier.copies.iter().map(one).collect::<Vec<_>>().join("<br>")
}

/// To which moments WAL recovers it.
fn moments(out: &mut String, database: &DatabaseStanding) {
    let rows = rows(database);
    if rows.is_empty() {
        return;
    }
    out.push_str(
        "<h3>Restorable to any moment</h3><div class=\"wide\"><table><thead><tr><th>From<th>To<th>By<th>After it</tr></thead>\
         <tbody>\n",
    );
    for [from, to, by, after] in rows {
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td>{}<td class=\"{}\">{}</tr>",
            text(&from),
            text(&to),
            text(&by),
            if after.is_empty() { "" } else { "bad" },
            text(&after)
        );
    }
    out.push_str("</tbody></table></div>\n");
}

/// Every restore point with the digests of its manifests, folded away on a screen.
fn records(out: &mut String, dossier: &Dossier, database: &DatabaseStanding) {
    let n: usize = database.tiers.iter().map(|tier| tier.points.len()).sum();
    if n == 0 || dossier.manifests.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<details><summary>{n} record{} with the SHA-256 of each manifest</summary><div class=\"wide\"><table \
         class=\"records\"><thead><tr><th>Backup<th>Tier<th>Taken<th>Stored<th>Manifest</tr></thead><tbody>",
        plural(n)
    );
    for tier in &database.tiers {
        for point in tier.points.iter().rev() {
            let digests = dossier.digests(&database.name, &tier.tier, &point.id);
            let digests: Vec<String> =
                digests.map(|(storage, digest)| format!("<code>{digest}</code> {}", text(storage))).collect();
            let _ = writeln!(
                out,
                "<tr><td><code>{}</code><td>{}<td>{}<td>{}<td>{}</tr>",
                point.id,
                text(&tier.tier),
                point.started_at.strftime("%Y-%m-%d %H:%M UTC"),
                Size(point.stored_bytes),
                digests.join("<br>")
            );
        }
    }
    out.push_str("</tbody></table></div></details>\n");
}

/// Storages and how full they are.
pub(super) fn storages(out: &mut String, standing: &Standing) {
    out.push_str(
        "<section><h2>Storages</h2>\n<div class=\"wide\"><table><thead><tr><th>Storage<th>Where<th>Copies<th>Stored<th>Disk\
         </tr></thead><tbody>\n",
    );
    for storage in &standing.storages {
        let name = text(&storage.name);
        if let Some(problem) = &storage.problem {
            let _ =
                writeln!(out, "<tr><th>{name}<td colspan=\"4\" class=\"bad\">cannot be read: {}</tr>", text(problem));
            continue;
        }
        let disk = match (storage.used_percent(), storage.space) {
            (Some(used), Some((free, _))) => {
                let state = if storage.is_low() { "bad" } else { "" };
                let free = Size(free);
                format!(
                    "<span class=\"gauge {state}\"><i style=\"width:{used}%\"></i></span> {used}% used, {free} free"
                )
            }
            _ => "<span class=\"dim\">no limit</span>".to_owned(),
        };
        let _ = writeln!(
            out,
            "<tr><th>{name}<td><code>{}</code><td>{}<td>{}<td>{disk}</tr>",
            text(&storage.location),
            storage.n_copies,
            Size(storage.stored_bytes)
        );
    }
    out.push_str("</tbody></table></div></section>\n");
}

/// What storage costs a month.
pub(super) fn cost(out: &mut String, cost: &Cost) {
    let _ = writeln!(
        out,
        "<section><h2>Cost of storage</h2>\n<p class=\"dim\">An estimate in {}: prices of {}, region {}.</p><div \
         class=\"wide\"><table><thead><tr><th>Storage<th>Class<th>Backups<th>Stored<th>A month</tr></thead><tbody>",
        text(&cost.currency),
        text(&cost.prices_of),
        text(&cost.prices_region)
    );
    let money = |amount: Option<crate::base::Money>| amount.map_or_else(|| "unknown".to_owned(), |m| m.to_string());
    for storage in &cost.storages {
        for class in &storage.before {
            let _ = writeln!(
                out,
                "<tr><th>{}<td>{}<td>{}<td>{}<td>{}</tr>",
                text(&storage.storage),
                class.class,
                class.n_backups,
                Size(class.bytes),
                money(class.month)
            );
        }
        let month = money(storage.month_before);
        let _ =
            writeln!(out, "<tr class=\"sum\"><th>{}<td colspan=\"3\">together<td>{month}</tr>", text(&storage.storage));
    }
    out.push_str("</tbody></table></div></section>\n");
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
