//! The backup of what is there now, before it is replaced.

use super::error::RestoreError;
use super::request::{Hands, Request, SafetyRule};
use crate::backup::{BackupError, LockedStorages, Order, Target, Tools, take_backup};
use crate::base::{BackupId, Lsn};
use crate::catalog::{Choice, Manifest, Method, RestorePoint};
use crate::event::Event;
use crate::plan::Safety;
use crate::postgres::Server;
use crate::repository::{Repository, RepositoryError, this_process};
use crate::schedule::Schedule;
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Deserialize;

/// Backups looked at for one that shows the last writes: only the newest can.
const LOOKED_AT: usize = 3;

/// Whether a backup must be taken first: not when one was begun at the position that the server is still at.
pub(super) async fn judge(
    request: &Request<'_>,
    points: &[RestorePoint],
    tier: Option<&str>,
    live: &Server,
    hands: &Hands<'_>,
) -> Result<Safety, RestoreError> {
    #[derive(Deserialize)]
    struct System {
        id: Option<String>,
        database: String,
    }
    let mut session = live.session().await?;
    let system: System = session
        .row(
            "SELECT CASE WHEN has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') \
             THEN (SELECT system_identifier::text FROM pg_control_system()) END AS id, \
             current_database() AS database",
        )
        .await?;
    let now_at = session.wal_position().await?;
    let good = points.iter().filter(|point| point.database == request.name && point.is_good());
    let mut newest = None;
    for point in good.take(LOOKED_AT) {
        let Some(manifest) = manifest(point, hands).await else { continue };
        // Another policy that uses the store may mean another database by the same name.
        let is_of_it = manifest.source.database == system.database;
        if is_of_it && shows_everything(&manifest, system.id.as_deref(), now_at) {
            let reason = format!("backup {} shows the database as it is: nothing was written since", point.id);
            return Ok(Safety::NotNeeded(Some(reason)));
        }
        newest = newest.or(Some(point.id.clone()));
    }
    if request.safety == SafetyRule::Skipped {
        return Ok(Safety::Skipped);
    }
    let target = target(request, tier).map_err(|error| RestoreError::Safety(error.to_string()))?;
    let reason = match newest {
        Some(id) => format!("the server was written to since backup {id}"),
        None => "no backup shows it".to_owned(),
    };
    Ok(Safety::Taken { tier: target.tier.to_owned(), reason })
}

/// True when nothing was written to the server since the backup was begun.
fn shows_everything(manifest: &Manifest, system: Option<&str>, now_at: Lsn) -> bool {
    let is_same_system = system.is_some() && manifest.source.system_identifier.as_deref() == system;
    is_same_system && !manifest.source.in_recovery && manifest.source.start_lsn == Some(now_at)
}

async fn manifest(point: &RestorePoint, hands: &Hands<'_>) -> Option<Manifest> {
    for copy in point.copies.iter().filter(|copy| copy.backup.is_good()) {
        let Some(repository) = hands.repositories.get(&copy.storage) else { continue };
        if let Ok(manifest) = repository.manifest(&point.tier, &point.database, &point.id).await {
            return Some(manifest);
        }
    }
    None
}

/// The first tier of the database that dumps: a backup of the whole cluster brings no single database back.
fn dumping_tier<'a>(request: &Request<'a>) -> Option<&'a str> {
    let dumps = |tier: &&String| request.desired.tiers.get(*tier).is_some_and(|spec| spec.method == Method::Logical);
    request.database.spec.tiers.iter().find(dumps).map(String::as_str)
}

/// A tier on demand if the database has one that dumps, else that of the backup to restore, else its first that dumps.
fn target<'a>(request: &Request<'a>, tier: Option<&'a str>) -> Result<Target<'a>, BackupError> {
    let on_demand = Target::find(request.desired, request.name, None)?;
    if on_demand.tier_spec.schedule == Schedule::Manual && on_demand.tier_spec.method == Method::Logical {
        return Ok(on_demand);
    }
    let is_of_it = |tier: &&str| request.database.spec.tiers.iter().any(|known| known == tier);
    match tier.filter(is_of_it).or_else(|| dumping_tier(request)) {
        Some(tier) => Target::find(request.desired, request.name, Some(tier)),
        None => Ok(on_demand),
    }
}

/// How the run of a safety backup is named in its manifest.
const RUN: &str = "restore-";

/// True for a backup that a restore took of what it was about to replace. Nobody wants that back without saying so: a
/// restore that is run again would bring back the very state that it was to mend.
pub async fn is_safety_backup(choice: &Choice<'_>, repositories: &IndexMap<String, Repository>) -> bool {
    let backup = &choice.copy.backup;
    let Some(repository) = repositories.get(&choice.copy.storage) else { return false };
    let manifest = repository.manifest(&backup.tier, &backup.database, &backup.id).await;
    manifest.is_ok_and(|manifest| manifest.origin.run.starts_with(RUN))
}

/// Takes the backup. Any storage that gets it is enough.
pub(super) async fn take(request: &Request<'_>, tier: &str, hands: &Hands<'_>) -> Result<BackupId, RestoreError> {
    let told = |error: BackupError| match error {
        BackupError::Interrupted => RestoreError::Interrupted,
        error => RestoreError::Safety(error.to_string()),
    };
    let target = Target::find(request.desired, request.name, Some(tier)).map_err(told)?;
    let owner = this_process(&hands.run, "restore");
    let locked = LockedStorages::take(&target.storages(), hands.repositories, target.name, &owner).await;
    let locked = locked.map_err(|error: RepositoryError| RestoreError::Repository(error))?;
    let storages: Vec<&str> = target.storages().into_iter().filter(|s| locked.leases.contains_key(*s)).collect();
    let tools = Tools {
        repositories: hands.repositories,
        leases: &locked.leases,
        lookup: hands.lookup,
        state: None,
        observer: hands.observer.clone(),
        cancel: &hands.cancel,
        now: Timestamp::now,
    };
    let run = format!("{RUN}{}", hands.run);
    let order = Order { desired: request.desired, target, storages, earlier: None, run: &run };
    let outcome = if locked.leases.is_empty() { None } else { Some(take_backup(&order, &tools).await) };
    let problems: Vec<String> = locked.failed.iter().map(ToString::to_string).collect();
    locked.release().await;
    let outcome = outcome.ok_or_else(|| RestoreError::Safety(problems.join("; ")))?.map_err(told)?;
    for failed in problems.into_iter().chain(outcome.failed.iter().map(ToString::to_string)) {
        hands.observer.on(&Event::Warning(format!("the safety backup lacks a copy: {failed}")));
    }
    Ok(outcome.manifest.id)
}
