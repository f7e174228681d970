//! What came of verifying archived WAL.

use super::Style;
use super::wal::gaps;
use crate::base::Size;
use crate::catalog::wal::ClusterWal;
use serde::Serialize;
use std::fmt::Write as _;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct WalVerification {
    /// The archive of every cluster in every storage.
    pub archives: Vec<VerifiedWal>,
    /// Storages that could not be read, and why.
    pub unreadable: Vec<(String, String)>,
}

/// The archive of one cluster in one storage.
#[derive(Debug, Clone)]
pub struct VerifiedWal {
    /// The database.
    pub database: String,
    /// The storage.
    pub storage: String,
    /// What it holds.
    pub cluster: ClusterWal,
    /// Files that are what their names say.
    pub n_good: u64,
    /// Bytes that were read.
    pub stored_bytes: u64,
    /// Keys of damaged files, and what is wrong with them.
    pub damaged: Vec<(String, String)>,
    /// Keys of files that could not be looked at, and why.
    pub unread: Vec<(String, String)>,
}

impl WalVerification {
    /// True when something is damaged, missing or there twice.
    pub fn has_damage(&self) -> bool {
        let is_bad = |wal: &VerifiedWal| {
            !wal.damaged.is_empty() || !gaps(&wal.cluster).is_empty() || !wal.cluster.two_contents().is_empty()
        };
        self.archives.iter().any(is_bad)
    }

    /// True when something could not be looked at.
    pub fn is_partial(&self) -> bool {
        !self.unreadable.is_empty() || self.archives.iter().any(|wal| !wal.unread.is_empty())
    }
}

/// For people, ending with a line feed.
pub fn wal_verification(verification: &WalVerification, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    for wal in &verification.archives {
        let files = if wal.n_good == 1 { "1 file is".to_owned() } else { format!("{} files are", wal.n_good) };
        let (cluster, read) = (wal.cluster.system, Size(wal.stored_bytes));
        let _ = writeln!(out, "{} at {}, cluster {cluster}: {files} good, {read} read", wal.database, wal.storage);
        for (key, problem) in &wal.damaged {
            let _ = writeln!(out, "  {} {key}: {problem}", style.red("damaged"));
        }
        for gap in gaps(&wal.cluster) {
            let _ = writeln!(out, "  {} {gap}", style.red("missing"));
        }
        for two in wal.cluster.two_contents() {
            let _ = writeln!(out, "  {} `{}` has two contents", style.red("twice"), two.file);
        }
        for (key, problem) in &wal.unread {
            let _ = writeln!(out, "  {} {key}: {problem}", style.yellow("not read"));
        }
    }
    for (storage, problem) in &verification.unreadable {
        let _ = writeln!(out, "{} storage `{storage}` could not be read: {problem}", style.yellow("!"));
    }
    if out.is_empty() {
        out.push_str("Nothing is archived.\n");
    }
    out
}

#[derive(Debug, Serialize)]
struct VerificationView {
    format_version: u32,
    good: bool,
    archives: Vec<ArchiveView>,
    unreadable_storages: Vec<StorageView>,
}

#[derive(Debug, Serialize)]
struct StorageView {
    storage: String,
    problem: String,
}

#[derive(Debug, Serialize)]
struct ArchiveView {
    database: String,
    storage: String,
    system_id: String,
    n_good: u64,
    stored_bytes: u64,
    damaged: Vec<ProblemView>,
    unread: Vec<ProblemView>,
    gaps: Vec<GapView>,
    two_contents: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ProblemView {
    key: String,
    problem: String,
}

#[derive(Debug, Serialize)]
struct GapView {
    timeline: u32,
    start: String,
    end: String,
}

/// As one JSON document, ending with a line feed.
pub fn wal_verification_json(verification: &WalVerification) -> String {
    let problems = |all: &[(String, String)]| {
        let view = |(key, problem): &(String, String)| ProblemView { key: key.clone(), problem: problem.clone() };
        all.iter().map(view).collect::<Vec<_>>()
    };
    let gap = |gap: crate::catalog::wal::WalSpan| GapView {
        timeline: gap.timeline.0,
        start: gap.start.to_string(),
        end: gap.end.to_string(),
    };
    let archive = |wal: &VerifiedWal| ArchiveView {
        database: wal.database.clone(),
        storage: wal.storage.clone(),
        system_id: wal.cluster.system.to_string(),
        n_good: wal.n_good,
        stored_bytes: wal.stored_bytes,
        damaged: problems(&wal.damaged),
        unread: problems(&wal.unread),
        gaps: gaps(&wal.cluster).into_iter().map(gap).collect(),
        two_contents: wal.cluster.two_contents().iter().map(|two| two.file.to_string()).collect(),
    };
    let storage =
        |(storage, problem): &(String, String)| StorageView { storage: storage.clone(), problem: problem.clone() };
    let view = VerificationView {
        format_version: 1,
        good: !verification.has_damage() && !verification.is_partial(),
        archives: verification.archives.iter().map(archive).collect(),
        unreadable_storages: verification.unreadable.iter().map(storage).collect(),
    };
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&view).unwrap_or_default() + "\n"
}
