//! Whether archived WAL is without a gap from the oldest base backup on, as far as names tell.

use crate::base::WalFile;
use crate::catalog::FileProblem;
use crate::catalog::wal::{Restorable, WalGap, Window};
use crate::plan::{Live, Reach, reach, reach_from};
use crate::repository::wal_layout::wal_file_prefix;
use jiff::Timestamp;

/// What was found of the archive of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Continuity {
    /// What is missing, by storage: the first segment of each gap.
    pub missing: Vec<FileProblem>,
    /// Names of segments that no storage has and that may be on their way.
    pub on_their_way: Vec<String>,
    /// Storages that could not be read, and why.
    pub unreadable: Vec<(String, String)>,
}

/// Looks at what these storages hold of a database's WAL. What one lacks and another has is missing in the one.
pub fn continuity(live: &Live, database: &str, storages: &[&str], now: Timestamp) -> Continuity {
    let mut found = Continuity::default();
    let Some(Reach { restorable: all, .. }) = reach(live, database, now) else { return found };
    found.on_their_way = all.gaps.iter().filter(|gap| !gap.is_settled).map(|gap| gap.first.to_string()).collect();
    for storage in storages {
        let Some(Reach { restorable, unreadable }) = reach_from(live, database, storage, now) else { continue };
        found.unreadable.extend(unreadable);
        for gap in restorable.gaps.iter().filter(|gap| gap.is_settled) {
            let elsewhere = !all.gaps.iter().any(|other| other.system == gap.system && overlap(other, gap));
            found.missing.push(FileProblem {
                storage: (*storage).to_owned(),
                key: key(database, gap),
                problem: if elsewhere { format!("{}; another storage has it", missing(gap)) } else { lost(gap, &all) },
            });
        }
    }
    found
}

fn overlap(one: &WalGap, other: &WalGap) -> bool {
    let (one, other) = (one.span, other.span);
    one.timeline == other.timeline && one.start < other.end && other.start < one.end
}

/// Where the first segment should lie; what would follow is the digest of its content.
fn key(database: &str, gap: &WalGap) -> String {
    let key = wal_file_prefix(database, gap.system, WalFile::Segment(gap.first));
    key.trim_end_matches('-').to_owned()
}

fn missing(gap: &WalGap) -> String {
    let (first, last) = (gap.first, gap.last);
    match gap.n_segments {
        1 => format!("{first} is missing"),
        n => format!("{first} to {last}, {n} segments, are missing"),
    }
}

/// What is missing, and what can be restored left and right of it.
fn lost(gap: &WalGap, all: &Restorable) -> String {
    let stretch = |window: &Window| format!("{} to {}", window.from_at, window.until_at);
    let own = || all.windows.iter().filter(|window| window.system == gap.system);
    let left = own().find(|window| gap.lost_from == Some(window.until_at));
    let right = own().find(|window| gap.closed_by.as_ref().is_some_and(|base| window.bases.contains(base)));
    let left = left.map_or_else(|| "no moment before it".to_owned(), stretch);
    let right = right.map_or_else(|| "no moment after it".to_owned(), stretch);
    format!("{}; restorable are {left}, and {right}", missing(gap))
}
