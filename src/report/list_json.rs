//! Every backup there is, by database, as a document for machines.

use super::list::{ListedDatabase, Listing, encryption, incremental_on, state};
use crate::base::Period;
use crate::catalog::{BrokenFile, CopyState, PointCopy, RestorePoint, VerifyLevel};
use crate::diag::codes;
use crate::plan::RestorableWindow;
use crate::resource::Availability;
use jiff::Timestamp;
use serde::Serialize;

/// The list for machines. Additive changes only within a version.
#[derive(Debug, Serialize)]
pub(super) struct ListView {
    format_version: u32,
    databases: Vec<DatabaseView>,
    unreadable_storages: Vec<UnreadableView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    broken_files: Vec<BrokenView>,
}

#[derive(Debug, Serialize)]
struct DatabaseView {
    name: String,
    in_policy: bool,
    backups: Vec<BackupView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    windows: Vec<RestorableWindow>,
}

#[derive(Debug, Serialize)]
struct UnreadableView {
    storage: String,
    problem: String,
}

#[derive(Debug, Serialize)]
struct BrokenView {
    storage: String,
    key: String,
    code: &'static str,
    problem: String,
}

#[derive(Debug, Serialize)]
struct BackupView {
    id: String,
    tier: String,
    /// The backup that it was compared with; left out for a full one.
    #[serde(skip_serializing_if = "Option::is_none")]
    incremental_on: Option<String>,
    started_at: String,
    finished_at: Option<String>,
    age_seconds: u64,
    plain_bytes: Option<u64>,
    stored_bytes: Option<u64>,
    encryption: Option<&'static str>,
    server_version: Option<String>,
    table_count: Option<u64>,
    state: &'static str,
    copies: Vec<CopyView>,
}

/// A copy for machines.
#[derive(Debug, Serialize)]
pub(super) struct CopyView {
    storage: String,
    state: &'static str,
    stored_bytes: u64,
    storage_class: &'static str,
    availability: &'static str,
    thawed_until: Option<String>,
    locked_until: Option<String>,
    verified_at: Option<String>,
    verified_level: Option<&'static str>,
    problems: Vec<String>,
}

/// The list as one JSON document, ending with a line feed.
pub fn list_json(listing: &Listing, now: Timestamp) -> String {
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&list_view(listing, now)).unwrap_or_default() + "\n"
}

pub(super) fn list_view(listing: &Listing, now: Timestamp) -> ListView {
    let database = |database: &ListedDatabase| DatabaseView {
        name: database.name.clone(),
        in_policy: database.is_in_policy,
        backups: database.points.iter().map(|point| backup_view(point, now)).collect(),
        windows: database.windows.clone(),
    };
    let unreadable =
        |(storage, problem): &(String, String)| UnreadableView { storage: storage.clone(), problem: problem.clone() };
    let broken = |(storage, broken): &(String, BrokenFile)| BrokenView {
        storage: storage.clone(),
        key: broken.key.clone(),
        code: codes::REPOSITORY_BROKEN.id,
        problem: broken.problem.clone(),
    };
    ListView {
        format_version: 1,
        databases: listing.databases.iter().map(database).collect(),
        unreadable_storages: listing.unreadable.iter().map(unreadable).collect(),
        broken_files: listing.broken.iter().map(broken).collect(),
    }
}

fn backup_view(point: &RestorePoint, now: Timestamp) -> BackupView {
    let best = point.best().map(|copy| &copy.backup);
    BackupView {
        id: point.id.to_string(),
        tier: point.tier.clone(),
        incremental_on: best.and_then(incremental_on).map(str::to_owned),
        started_at: point.started_at.to_string(),
        finished_at: best.map(|backup| backup.finished_at.to_string()),
        age_seconds: Period::between(point.started_at, now).0,
        plain_bytes: best.map(crate::catalog::Backup::plain_bytes),
        stored_bytes: best.map(crate::catalog::Backup::stored_bytes),
        encryption: best.map(|backup| encryption(&backup.layers)).filter(|name| *name != "no"),
        server_version: best.map(|backup| backup.server_version.clone()),
        table_count: best.map(|backup| backup.table_count),
        state: state_name(state(point)),
        copies: point.copies.iter().map(copy_view).collect(),
    }
}

pub(super) fn copy_view(copy: &PointCopy) -> CopyView {
    let record = copy.backup.verified.as_ref();
    let (availability, thawed_until) = match copy.backup.availability {
        Availability::Ready => ("ready", None),
        Availability::Archived(_) => ("archived", None),
        Availability::Thawing(_) => ("thawing", None),
        Availability::Thawed { until, .. } => ("thawed", until.map(|until| until.to_string())),
    };
    CopyView {
        storage: copy.storage.clone(),
        state: state_name(copy.state()),
        stored_bytes: copy.backup.stored_bytes(),
        storage_class: copy.backup.class().name(),
        availability,
        thawed_until,
        locked_until: copy.backup.protection().until().map(|until| until.to_string()),
        verified_at: record.map(|record| record.at.to_string()),
        verified_level: record.map(|record| level_name(record.level)),
        problems: copy.problems(),
    }
}

pub(super) fn state_name(state: CopyState) -> &'static str {
    match state {
        CopyState::Verified => "verified",
        CopyState::Unverified => "unverified",
        CopyState::Damaged => "damaged",
    }
}

pub(super) fn level_name(level: VerifyLevel) -> &'static str {
    match level {
        VerifyLevel::Checksum => "checksum",
        VerifyLevel::Deep => "deep",
    }
}
