//! A report as one page of HTML: nothing is loaded, nothing runs, and it prints. Colours follow light and dark.

mod charts;
mod scale;
mod sections;
mod timeline;

use super::Dossier;
use super::status::summary;
use super::{Style, table::plural};
use crate::base::{Period, Size, total};
use crate::standing::{Gravity, Standing, concerns, worst};
use std::fmt::Write as _;

const STYLE: &str = include_str!("page.css");

/// So many databases get a chapter of their own; those with concerns come first.
const CHAPTERS: usize = 100;

/// The page of some policies.
pub fn report_html(dossiers: &[Dossier]) -> String {
    let title = dossiers.iter().map(|dossier| dossier.standing.policy.as_str()).collect::<Vec<_>>().join(", ");
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Recoverability of {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        text(&title)
    );
    for dossier in dossiers {
        policy(&mut out, dossier);
    }
    let _ = writeln!(out, "<footer>Made by backstay {}.</footer>\n</body>\n</html>", env!("CARGO_PKG_VERSION"));
    out
}

fn policy(out: &mut String, dossier: &Dossier) {
    let standing = &dossier.standing;
    let found = concerns(standing);
    let state = match worst(&found) {
        None => "good",
        Some(Gravity::Critical) => "bad",
        Some(_) => "warn",
    };
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(
        out,
        "<header><p class=\"over\">Recoverability</p><h1>{}</h1><p class=\"verdict {state}\">{}</p><p class=\"dim\">{} \
         · {}</p></header>\n<main>",
        text(&standing.policy),
        text(&summary(&found, Style::PLAIN)),
        standing.at.strftime("%Y-%m-%d %H:%M UTC"),
        text(&standing.file)
    );
    tiles(out, standing);
    sections::concerns(out, &found);
    sections::objectives(out, standing);
    let mut chapters: Vec<_> = standing.databases.iter().collect();
    chapters.sort_by_key(|database| !found.iter().any(|concern| concern.database == database.name));
    for database in chapters.iter().take(CHAPTERS) {
        sections::database(out, dossier, database);
    }
    if let Some(more) = chapters.len().checked_sub(CHAPTERS).filter(|more| *more > 0) {
        let _ = writeln!(
            out,
            "<p class=\"dim\">{more} more database{} without concerns are in the table above; <code>backstay report \
             --json</code> has all of them.</p>",
            plural(more)
        );
    }
    sections::storages(out, standing);
    if let Some(cost) = &dossier.cost {
        sections::cost(out, cost);
    }
    out.push_str("</main>\n");
}

fn tiles(out: &mut String, standing: &Standing) {
    let tiers = || standing.databases.iter().flat_map(|database| &database.tiers);
    let n_points: usize = tiers().map(|tier| tier.points.len()).sum();
    let n_good = standing.databases.iter().filter(|database| database.last_good().is_some()).count();
    let age = |database: &crate::standing::DatabaseStanding| {
        database.last_good().map(|point| Period::between(point.started_at, standing.at))
    };
    let oldest = standing.databases.iter().filter_map(age).max().map_or_else(|| "–".to_owned(), Period::human);
    let n_missing: usize = tiers().map(|tier| tier.n_missing() + tier.n_damaged()).sum();
    let stored = total(standing.storages.iter().map(|storage| storage.stored_bytes));
    let tile = |value: &str, label: &str, state: &str| {
        format!("<div class=\"tile {state}\"><b>{}</b><span>{label}</span></div>", text(value))
    };
    let all = standing.databases.len();
    let _ = writeln!(
        out,
        "<section class=\"tiles\">{}{}{}{}{}</section>",
        tile(&format!("{n_good} of {all}"), "databases can be restored", if n_good < all { "bad" } else { "" }),
        tile(&n_points.to_string(), "restore points", ""),
        tile(&oldest, "largest loss, if all failed now", ""),
        tile(&Size(stored).to_string(), "stored in all places", ""),
        tile(&n_missing.to_string(), "copies missing or damaged", if n_missing > 0 { "warn" } else { "" }),
    );
}

/// Any text, between tags or in a quoted attribute.
fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_a_tag() {
        assert_eq!(text("<b a='1' c=\"2\">&</b>"), "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;&lt;/b&gt;");
    }
}
