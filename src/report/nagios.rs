//! How recoverability stands, as a plugin of Nagios says it: one line with performance data, then the concerns.

use super::status::about;
use super::table::plural;
use crate::standing::{Concern, Gravity, Standing, concerns, worst};
use std::fmt::Write as _;

/// The text of `check`, ending with a line feed, and the gravest concern; `None` when all is well.
pub fn nagios(standings: &[Standing]) -> (String, Option<Gravity>) {
    let mut found: Vec<Concern> = standings.iter().flat_map(concerns).collect();
    found.sort_by_key(|concern| std::cmp::Reverse(concern.gravity));
    let gravest = worst(&found);
    let word = match gravest {
        None => "OK",
        Some(Gravity::Warning) => "WARNING",
        Some(Gravity::Critical) => "CRITICAL",
        Some(Gravity::Unknown) => "UNKNOWN",
    };
    let first = match found.first() {
        None => well(standings),
        Some(first) if found.len() == 1 => told(first),
        // The gravest comes first.
        Some(first) => format!("{} (and {} more)", told(first), found.len() - 1),
    };
    // A bar separates text from performance data.
    let mut out = format!("BACKSTAY {word} - {} | {}\n", first.replace('|', "/"), performance(standings));
    if found.len() > 1 {
        for concern in &found {
            // Writing into a String cannot fail.
            let _ = writeln!(out, "{}: {}", concern.gravity.word(), told(concern).replace('|', "/"));
        }
    }
    (out, gravest)
}

fn told(concern: &Concern) -> String {
    format!("{}: {}", about(concern), concern.message.replace('\n', " "))
}

fn well(standings: &[Standing]) -> String {
    let databases: Vec<_> = standings.iter().flat_map(|standing| &standing.databases).collect();
    let n_points: usize = databases.iter().flat_map(|database| &database.tiers).map(|tier| tier.points.len()).sum();
    let n = databases.len();
    format!("{n} database{} can be restored from {n_points} backup{}", plural(n), plural(n_points))
}

/// Ages and sizes a database, and how full each storage is. An age becomes critical at the objective.
fn performance(standings: &[Standing]) -> String {
    let mut values = Vec::new();
    for standing in standings {
        for database in &standing.databases {
            let Some(newest) = database.last_good() else { continue };
            let age = crate::base::Period::between(newest.started_at, standing.at).0;
            let limit = database.rpo.map_or_else(String::new, |rpo| rpo.wanted.0.to_string());
            // With WAL the objective is not about the age of a backup.
            let of_age = if database.wal.is_none() { limit.as_str() } else { "" };
            values.push(format!("{}={age}s;;{of_age};0", label(&format!("{} age", database.name))));
            if let Some(wal) = &database.wal {
                let loss = database.loss(standing.at).unwrap_or_default().0;
                values.push(format!("{}={loss}s;;{limit};0", label(&format!("{} loss", database.name))));
                if let Some(lag) = wal.lag {
                    let (lag, bound) = (lag.0, wal.lag_limit.0);
                    values.push(format!("{}={lag}s;{bound};;0", label(&format!("{} wal", database.name))));
                }
            }
            values.push(format!("{}={}B;;;0", label(&format!("{} size", database.name)), newest.stored_bytes));
        }
        for storage in &standing.storages {
            if let Some(used) = storage.used_percent() {
                values.push(format!("{}={used}%;;;0;100", label(&format!("{} used", storage.name))));
            }
        }
    }
    values.join(" ")
}

/// A label may hold anything but `=` and quotes, which are doubled.
fn label(text: &str) -> String {
    format!("'{}'", text.replace('=', "_").replace('\'', "''"))
}
