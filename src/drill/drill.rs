//! One drill from begin to end.

use super::cluster::{self, Recovery};
use super::error::DrillError;
use super::given::GivenServer;
use super::own::{self, OwnServer};
use super::{judge, roles};
use crate::base::{Lookup, Period, Secret};
use crate::catalog::{Choice, DrillCheck, DrillRecord, DrillRows, Manifest, Method};
use crate::event::{Event, Observer};
use crate::policy::{CheckSpec, DatabaseSpec, Desired, FoundDatabase, HookSpec};
use crate::postgres::{Answer, Connection, PostgresError, Server, first_value};
use crate::provider::user_name;
use crate::repository::Repository;
use crate::restore::{
    Destination, From, Hands, Old, Owners, Prepared, Request, RestoreError, SafetyRule, Tablespaces, carry_out, prepare,
};
use indexmap::IndexMap;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// What is drilled, and where.
pub struct Order<'a> {
    /// What the policy means.
    pub desired: &'a Desired,
    /// The database's name in the catalog.
    pub name: &'a str,
    /// The same in the policy.
    pub database: FoundDatabase<'a>,
    /// The copy to restore.
    pub choice: Choice<'a>,
    /// The server to restore into; a cluster has one of its own.
    pub ground: Where,
    /// How far a cluster is recovered; only looked at for a physical backup.
    pub recovery: Recovery,
}

/// The server that a drill restores into.
#[derive(Debug, Clone)]
pub enum Where {
    /// One that is started for it, of the backup's major version or the nearest newer one.
    Own,
    /// One that may make and drop a database; the connection's own database is not touched.
    Given(Connection),
}

/// What a drill works with.
pub struct Means<'a> {
    /// The repositories that are open, by name of their storage.
    pub repositories: &'a IndexMap<String, Repository>,
    /// Where the values of references come from.
    pub lookup: Arc<dyn Lookup>,
    /// Who listens.
    pub observer: Arc<dyn Observer>,
    /// Cancelled when it should stop and clean up.
    pub cancel: CancellationToken,
    /// Id of the run.
    pub run: String,
}

/// What was seen so far.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) server_version: String,
    compared: Option<DrillRows>,
    checks: Vec<DrillCheck>,
    pub(super) restore_ms: Option<u64>,
    pub(super) checks_ms: Option<u64>,
    pub(super) problems: Vec<String>,
}

/// Restores, compares, asks and measures, and cleans up whatever happens. No hook of the policy is run. A record, good
/// or bad, when something is known of the backup; an error when nothing is.
pub async fn drill(order: &Order<'_>, means: &Means<'_>) -> Result<DrillRecord, DrillError> {
    let (at, begun) = (Timestamp::now(), Instant::now());
    let limit = order.database.spec.drill.as_ref().and_then(|drill| drill.max_duration);
    // Whatever waits is told when time is up, as it is told of an interrupt.
    let stop = means.cancel.child_token();
    let timer = limit.map(|limit| {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(limit.0)).await;
            stop.cancel();
        })
    });
    let mut findings = Findings::default();
    let outcome = match order.choice.copy.backup.method {
        Method::Logical => rehearse(order, means, &stop, &mut findings).await,
        Method::Physical => cluster::rehearse(order, &order.recovery, means, &stop, &mut findings).await,
    };
    if let Some(timer) = timer {
        timer.abort();
    }
    match outcome {
        _ if means.cancel.is_cancelled() => return Err(DrillError::Interrupted),
        Ok(()) => {}
        Err(_) if stop.is_cancelled() => {
            let limit = limit.unwrap_or_default().human();
            findings.problems.push(format!("it was not done after {limit}, the longest that `max_duration` allows"));
        }
        Err(DrillError::Restore(error)) if is_finding(&error) => findings.problems.push(error.to_string()),
        Err(error) => return Err(error),
    }
    let rto = order.database.spec.objectives.rto;
    findings.problems.extend(too_slow(rto, findings.restore_ms));
    let backup = &order.choice.copy.backup;
    Ok(DrillRecord {
        id: backup.id.clone(),
        database: backup.database.clone(),
        tier: backup.tier.clone(),
        storage: order.choice.copy.storage.clone(),
        at,
        run: means.run.clone(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        user: user_name(rustix::process::geteuid().as_raw()),
        tool: concat!("backstay ", env!("CARGO_PKG_VERSION")).to_owned(),
        server_version: findings.server_version,
        compared: findings.compared,
        checks: findings.checks,
        restore_ms: findings.restore_ms,
        checks_ms: findings.checks_ms,
        total_ms: ms(begun),
        rto_seconds: rto.map(|period| period.0),
        problems: findings.problems,
    })
}

pub(super) fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn too_slow(rto: Option<Period>, restore_ms: Option<u64>) -> Option<String> {
    let (rto, took) = (rto?, restore_ms?);
    let took_long = took > rto.0.saturating_mul(1000);
    took_long.then(|| {
        let took = Period(took.div_ceil(1000)).human();
        format!("the restore took {took}, more than `objectives.rto` ({})", rto.human())
    })
}

/// True for a failure that says something of the backup, not of this machine.
fn is_finding(error: &RestoreError) -> bool {
    match error {
        RestoreError::Differs(_) | RestoreError::Broken(_) | RestoreError::Unsupported(_) => true,
        // The programs ran, and the server would not take what they brought.
        RestoreError::Postgres(error) => matches!(error, PostgresError::Failed { .. }),
        error => error.is_damage(),
    }
}

/// The server that it happens on.
enum Ground {
    Own(OwnServer),
    Given(GivenServer),
}

async fn rehearse(
    order: &Order<'_>,
    means: &Means<'_>,
    stop: &CancellationToken,
    findings: &mut Findings,
) -> Result<(), DrillError> {
    let backup = &order.choice.copy.backup;
    let storage = &order.choice.copy.storage;
    let missing = || RestoreError::Unsupported(format!("storage `{storage}` is not open in this run"));
    let repository = means.repositories.get(storage).ok_or_else(missing)?;
    let manifest = repository.manifest(&backup.tier, &backup.database, &backup.id).await?;
    let (ground, target) = match &order.ground {
        Where::Own => {
            // A dump that another tool made may not say.
            let major = Some(manifest.source.server_version_num / 10_000).filter(|major| *major > 0);
            let server = own::start(major, means.lookup.clone()).await?;
            let url = Secret::new(server.url(DATABASE));
            (Ground::Own(server), Connection::from_url(&url).map_err(DrillError::Server)?)
        }
        Where::Given(connection) => {
            let observer = means.observer.as_ref();
            let server = GivenServer::open(connection, &means.run, means.lookup.as_ref(), observer).await?;
            let target = connection.with_database(&server.database);
            (Ground::Given(server), target)
        }
    };
    let done = on(&ground, target, order, &manifest, means, stop, findings).await;
    match ground {
        Ground::Own(server) => server.end().await,
        Ground::Given(server) => server.end(means.observer.as_ref()).await,
    }
    done
}

/// Name of the database on a server of our own.
const DATABASE: &str = "drill";

async fn on(
    ground: &Ground,
    target: Connection,
    order: &Order<'_>,
    manifest: &Manifest,
    means: &Means<'_>,
    stop: &CancellationToken,
    findings: &mut Findings,
) -> Result<(), DrillError> {
    let maintenance = Server::reach(target.with_database("postgres"), &[], means.lookup.as_ref()).await;
    let maintenance = maintenance.map_err(DrillError::Server)?;
    findings.server_version = maintenance.version().to_owned();
    if matches!(ground, Ground::Own(_)) {
        let roles = roles::backed_up(order, manifest, means, stop).await?;
        roles::make(&maintenance, &roles).await.map_err(DrillError::Server)?;
    }
    // What surrounds a real restore is not for practice.
    let spec = DatabaseSpec { hooks: HookSpec::default(), ..order.database.spec.clone() };
    let database = FoundDatabase { spec: &spec, ..order.database };
    let hands = Hands {
        repositories: means.repositories,
        lookup: means.lookup.as_ref(),
        observer: means.observer.clone(),
        cancel: stop.clone(),
        run: means.run.clone(),
    };
    let begun = Instant::now();
    let request = |owners| Request {
        desired: order.desired,
        name: order.name,
        database,
        from: From::Backup(order.choice.clone()),
        to: Destination::Elsewhere(target.clone()),
        tables: Vec::new(),
        jobs: 1,
        owners,
        // Where things lie on the disks of the original proves nothing.
        tablespaces: Tablespaces::LeftOut,
        old: Old::Kept,
        safety: SafetyRule::Skipped,
    };
    let prepared: Prepared<'_> = match prepare(request(Owners::AsBackedUp), &[], &hands).await {
        Err(RestoreError::RolesMissing(missing)) if matches!(ground, Ground::Own(_)) => {
            roles::make(&maintenance, &missing).await.map_err(DrillError::Server)?;
            prepare(request(Owners::AsBackedUp), &[], &hands).await?
        }
        Err(error @ RestoreError::RolesMissing(_)) => {
            hands.observer.on(&Event::Note(format!("{error}, so owners and grants are left out")));
            prepare(request(Owners::LeftOut), &[], &hands).await?
        }
        prepared => prepared?,
    };
    let restored = carry_out(prepared, &hands).await?;
    findings.restore_ms = Some(ms(begun));
    findings.compared = restored.compared.map(|(tables, rows)| DrillRows { tables: tables as u64, rows });
    let begun = Instant::now();
    let server = maintenance.with_database(target.database().unwrap_or(DATABASE));
    ask(&server, order, stop, findings).await?;
    findings.checks_ms = Some(ms(begun));
    Ok(())
}

/// Asks what the policy wants to know.
pub(super) async fn ask(
    server: &Server,
    order: &Order<'_>,
    stop: &CancellationToken,
    findings: &mut Findings,
) -> Result<(), DrillError> {
    for check in order.database.spec.drill.iter().flat_map(|drill| &drill.checks) {
        let asked = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(DrillError::Interrupted),
            asked = first_value(server, &check.sql) => asked,
        };
        let check = judged(check, asked);
        let problem = check.problem.as_ref();
        findings.problems.extend(
            problem.map(|problem| format!("`{}` must answer `{}`: {problem}", judge::shown(&check.sql), check.expect)),
        );
        findings.checks.push(check);
    }
    Ok(())
}

fn judged(check: &CheckSpec, asked: Result<Answer, PostgresError>) -> DrillCheck {
    let (answer, problem) = match asked {
        Ok(answer) => {
            let problem = judge::problem(&check.expect, &answer);
            let value = match answer {
                Answer::Value(value) => Some(judge::shown(&value)),
                Answer::NoRow | Answer::Null => None,
            };
            (value, problem)
        }
        Err(error) => (None, Some(error.to_string())),
    };
    DrillCheck { sql: check.sql.clone(), expect: check.said.clone(), answer, problem }
}
