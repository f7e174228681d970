//! How recoverability stands, for machines: what `status --json` and `report --json` print.

use crate::catalog::VerifyLevel;
use crate::plan::{Due, MissingWal, RestorableWindow};
use crate::standing::{
    Concern, CopiesStanding, DatabaseStanding, Evidence, Objective, Point, Standing, StorageStanding, TierStanding,
    Verdict, WalStanding, concerns,
};
use jiff::Timestamp;
use serde::Serialize;

/// The document of one policy.
#[derive(Debug, Serialize)]
pub(super) struct StandingView {
    policy: String,
    file: String,
    at: Timestamp,
    concerns: Vec<ConcernView>,
    databases: Vec<DatabaseView>,
    storages: Vec<StorageView>,
}

#[derive(Debug, Serialize)]
struct ConcernView {
    kind: &'static str,
    gravity: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    database: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    tier: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    storage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    message: String,
    command: String,
}

#[derive(Debug, Serialize)]
struct DatabaseView {
    name: String,
    entry: String,
    rpo: Option<ObjectiveView>,
    rto: Option<ObjectiveView>,
    recovery_seconds: Option<u64>,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
    stored_bytes: u64,
    verify: VerifyView,
    drill: DrillView,
    wal: Option<WalView>,
    tiers: Vec<TierView>,
}

#[derive(Debug, Serialize)]
struct WalView {
    newest_at: Option<Timestamp>,
    lag_seconds: Option<u64>,
    lag_limit_seconds: u64,
    server_asked: bool,
    cut_off: Option<String>,
    windows: Vec<RestorableWindow>,
    gaps: Vec<MissingWal>,
    unreadable_storages: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ObjectiveView {
    wanted_seconds: u64,
    measured_seconds: Option<u64>,
    evidence: &'static str,
    verdict: &'static str,
}

#[derive(Debug, Serialize)]
struct VerifyView {
    last: Option<Timestamp>,
    level: Option<VerifyLevel>,
    n_good: u64,
    n_damaged: u64,
    is_due: bool,
}

#[derive(Debug, Serialize)]
struct DrillView {
    last: Option<Timestamp>,
    passed: Option<bool>,
    last_passed: Option<Timestamp>,
    restore_seconds: Option<u64>,
    is_due: bool,
}

#[derive(Debug, Serialize)]
struct TierView {
    tier: String,
    schedule: String,
    is_due: bool,
    due_since: Option<Timestamp>,
    overdue_since: Option<Timestamp>,
    next_due: Option<Timestamp>,
    age_seconds: Option<u64>,
    oldest: Option<Timestamp>,
    size_change_percent: Option<i64>,
    stored_bytes: u64,
    copies: Vec<CopiesView>,
    points: Vec<PointView>,
}

#[derive(Debug, Serialize)]
struct CopiesView {
    storage: String,
    is_readable: bool,
    n_good: u64,
    missing: Vec<String>,
    damaged: Vec<String>,
    stored_bytes: u64,
}

#[derive(Debug, Serialize)]
struct PointView {
    id: String,
    started_at: Timestamp,
    duration_seconds: u64,
    stored_bytes: u64,
    plain_bytes: u64,
    server_version: String,
    storages: Vec<String>,
    is_verified: bool,
    is_encrypted: bool,
    thaw_seconds: u64,
}

#[derive(Debug, Serialize)]
struct StorageView {
    name: String,
    location: String,
    problem: Option<String>,
    n_copies: u64,
    stored_bytes: u64,
    leftover_bytes: u64,
    free_bytes: Option<u64>,
    size_bytes: Option<u64>,
}

/// `status --json`, ending with a line feed.
pub fn status_json(standings: &[Standing]) -> String {
    let policies: Vec<StandingView> = standings.iter().map(standing_view).collect();
    let document = serde_json::json!({ "format_version": 1, "policies": policies });
    // Our own structs serialise always.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

pub(super) fn standing_view(standing: &Standing) -> StandingView {
    StandingView {
        policy: standing.policy.clone(),
        file: standing.file.clone(),
        at: standing.at,
        concerns: concerns(standing).into_iter().map(concern).collect(),
        databases: standing.databases.iter().map(|found| database(found, standing.at)).collect(),
        storages: standing.storages.iter().map(storage).collect(),
    }
}

fn concern(concern: Concern) -> ConcernView {
    let Concern { kind, gravity, database, tier, storage, since, message, command } = concern;
    ConcernView { kind: kind.word(), gravity: gravity.word(), database, tier, storage, since, message, command }
}

fn is_due(due: Option<&Due>) -> bool {
    due.is_some_and(Due::is_due)
}

fn database(found: &DatabaseStanding, now: Timestamp) -> DatabaseView {
    let (verify, drill) = (&found.verify, &found.drill);
    DatabaseView {
        name: found.name.clone(),
        entry: found.entry.clone(),
        rpo: found.rpo.map(objective),
        rto: found.rto.map(objective),
        recovery_seconds: found.recovery().map(|(takes, _)| takes.0),
        oldest: found.window().map(|(oldest, _)| oldest),
        newest: found.window().map(|(_, newest)| newest),
        stored_bytes: found.stored_bytes(),
        verify: VerifyView {
            last: verify.last,
            level: verify.level,
            n_good: verify.n_good,
            n_damaged: verify.damaged.len() as u64,
            is_due: is_due(verify.due.as_ref()),
        },
        drill: DrillView {
            last: drill.last,
            passed: drill.last.map(|_| drill.passed),
            last_passed: drill.last_passed,
            restore_seconds: drill.restore.map(|takes| takes.0),
            is_due: is_due(drill.due.as_ref()),
        },
        wal: found.wal.as_ref().map(wal),
        tiers: found.tiers.iter().map(|found| tier(found, now)).collect(),
    }
}

fn wal(found: &WalStanding) -> WalView {
    WalView {
        newest_at: found.newest_at,
        lag_seconds: found.lag.map(|lag| lag.0),
        lag_limit_seconds: found.lag_limit.0,
        server_asked: found.is_server_asked,
        cut_off: found.cut().map(ToString::to_string),
        windows: found.restorable.windows.iter().map(RestorableWindow::of).collect(),
        gaps: found.restorable.gaps.iter().map(MissingWal::of).collect(),
        unreadable_storages: found.unreadable.iter().map(|(storage, _)| storage.clone()).collect(),
    }
}

fn objective(objective: Objective) -> ObjectiveView {
    ObjectiveView {
        wanted_seconds: objective.wanted.0,
        measured_seconds: objective.measured.map(|measured| measured.0),
        evidence: match objective.evidence {
            Evidence::Age => "age",
            Evidence::Wal => "wal",
            Evidence::Drill => "drill",
            Evidence::Estimate => "estimate",
        },
        verdict: verdict(objective.verdict()),
    }
}

/// `met`, `unproven` or `missed`.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Unproven => "unproven",
        Verdict::Missed => "missed",
    }
}

fn tier(found: &TierStanding, now: Timestamp) -> TierView {
    let due_since = match &found.due {
        Due::Since { due, .. } => Some(*due),
        _ => None,
    };
    TierView {
        tier: found.tier.clone(),
        schedule: found.schedule.clone(),
        is_due: found.due.is_due(),
        due_since,
        overdue_since: found.overdue_since,
        next_due: found.next_due,
        age_seconds: found.age(now).map(|age| age.0),
        oldest: found.window().map(|(oldest, _)| oldest),
        size_change_percent: found.size_change(),
        stored_bytes: found.stored_bytes,
        copies: found.copies.iter().map(copies).collect(),
        points: found.points.iter().map(point).collect(),
    }
}

fn copies(found: &CopiesStanding) -> CopiesView {
    CopiesView {
        storage: found.storage.clone(),
        is_readable: found.is_readable,
        n_good: found.n_good,
        missing: found.missing.iter().map(ToString::to_string).collect(),
        damaged: found.damaged.iter().map(ToString::to_string).collect(),
        stored_bytes: found.stored_bytes,
    }
}

fn point(point: &Point) -> PointView {
    PointView {
        id: point.id.to_string(),
        started_at: point.started_at,
        duration_seconds: point.duration.0,
        stored_bytes: point.stored_bytes,
        plain_bytes: point.plain_bytes,
        server_version: point.server_version.clone(),
        storages: point.storages.clone(),
        is_verified: point.is_verified,
        is_encrypted: point.is_encrypted,
        thaw_seconds: point.thaw.0,
    }
}

fn storage(found: &StorageStanding) -> StorageView {
    StorageView {
        name: found.name.clone(),
        location: found.location.clone(),
        problem: found.problem.clone(),
        n_copies: found.n_copies,
        stored_bytes: found.stored_bytes,
        leftover_bytes: found.leftover_bytes,
        free_bytes: found.space.map(|(free, _)| free),
        size_bytes: found.space.map(|(_, all)| all),
    }
}
