//! The deed: hooks, safety backup, the data, its check, and only then the exchange.

use super::check::{Counting, check};
use super::error::RestoreError;
use super::fill::{Filling, fill};
use super::origin::Origin;
use super::prepare::Prepared;
use super::request::{Destination, Hands, Old, Owners};
use super::scratch::Scratch;
use super::tables::replace_tables;
use super::words::database_shape;
use crate::backup::{run_hooks, run_hooks_anyway};
use crate::base::Period;
use crate::event::{Event, StepEnd};
use crate::plan::{OldOne, RestoreDeed, RestoreOrigin, Restored, Safety, TargetKind};
use crate::postgres::{DatabaseShape, Server, exchange_databases};
use crate::repository::{LEASE_TTL, Lease, RepositoryError, this_process};
use jiff::Timestamp;

/// Restores. Whatever fails, what was there before is there still, and what was made for the restore is removed.
pub async fn carry_out(prepared: Prepared<'_>, hands: &Hands<'_>) -> Result<Restored, RestoreError> {
    let hooks = &prepared.request.database.spec.hooks;
    let origin = origin_name(&prepared);
    let target = prepared.site.database.clone();
    let facts = [
        ("BACKSTAY_DATABASE", prepared.request.name),
        ("BACKSTAY_TARGET", target.as_str()),
        ("BACKSTAY_BACKUP", origin.as_str()),
        ("BACKSTAY_RUN", hands.run.as_str()),
    ];
    let observer = hands.observer.as_ref();
    let before = run_hooks(&hooks.before_restore, &facts, hands.lookup, observer, &hands.cancel).await;
    let outcome = match before {
        Ok(()) => Box::pin(restore(&prepared.plan.clone(), prepared, hands)).await,
        Err(_) if hands.cancel.is_cancelled() => Err(RestoreError::Interrupted),
        Err((command, problem)) => Err(RestoreError::Hook { command, problem }),
    };
    let (status, problem) = match &outcome {
        Ok(_) => ("done", String::new()),
        Err(error) => ("failed", error.to_string()),
    };
    let facts = [&facts[..], &[("BACKSTAY_STATUS", status), ("BACKSTAY_PROBLEM", &problem)]].concat();
    run_hooks_anyway(&hooks.after_restore, &facts, hands.lookup, observer, &hands.cancel).await;
    if outcome.is_err() {
        run_hooks_anyway(&hooks.on_failure, &facts, hands.lookup, observer, &hands.cancel).await;
    }
    outcome
}

fn origin_name(prepared: &Prepared<'_>) -> String {
    match &prepared.origin.told {
        RestoreOrigin::Backup { id, .. } => id.to_string(),
        RestoreOrigin::File { path, .. } => path.clone(),
    }
}

/// Tells of the steps as they come.
pub(super) struct Teller<'a> {
    plan: &'a crate::plan::Restoration,
    hands: &'a Hands<'a>,
}

impl Teller<'_> {
    pub(super) fn begin(&self, deed: RestoreDeed) {
        let steps = &self.plan.steps;
        if let Some(index) = steps.iter().position(|step| step.deed == deed) {
            self.hands.observer.on(&Event::StepStarted {
                address: format!("restore.{}", self.plan.database),
                title: steps[index].title.clone(),
                number: index + 1,
                of: steps.len(),
            });
        }
    }

    pub(super) fn done(&self, what: String) {
        let address = format!("restore.{}", self.plan.database);
        self.hands.observer.on(&Event::StepFinished { address, end: StepEnd::Done(what) });
    }
}

async fn restore(
    plan: &crate::plan::Restoration,
    mut prepared: Prepared<'_>,
    hands: &Hands<'_>,
) -> Result<Restored, RestoreError> {
    let begun = Timestamp::now();
    let teller = Teller { plan, hands };
    let mut safety_backup = None;
    if let Safety::Taken { tier, .. } = &prepared.safety {
        teller.begin(RestoreDeed::SafetyBackup);
        let id = super::safety::take(&prepared.request, tier, hands).await?;
        teller.done(id.to_string());
        safety_backup = Some(id);
    }
    let lease = lock(&prepared, hands).await?;
    let is_in_place = matches!(prepared.request.to, Destination::InPlace);
    let outcome = if is_in_place && prepared.selection.is_some() {
        replace_tables(&mut prepared, &teller, hands).await
    } else if prepared.kind == TargetKind::Empty {
        into_empty(&mut prepared, &teller, hands).await
    } else {
        into_new(&mut prepared, &teller, hands, lease.as_ref()).await
    };
    if let Some(lease) = lease {
        // One that cannot be given back expires.
        let _ = lease.release().await;
    }
    let Done { compared, old, warnings } = outcome?;
    Ok(Restored {
        database: plan.database.clone(),
        target: plan.target.clone(),
        tables: plan.tables.clone(),
        origin: origin_name(&prepared),
        compared,
        old,
        safety_backup,
        took: Period::between(begun, Timestamp::now()),
        warnings,
    })
}

/// What was compared, for people.
pub(super) fn counted(tables: usize, rows: u64) -> String {
    let plural = |n: u64| if n == 1 { "" } else { "s" };
    let tables = tables as u64;
    format!("{tables} table{} with {rows} row{}: as many as the manifest says", plural(tables), plural(rows))
}

/// What came of the data.
pub(super) struct Done {
    pub(super) compared: Option<(usize, u64)>,
    pub(super) old: Option<OldOne>,
    pub(super) warnings: Vec<String>,
}

/// Keeps backups and deletions of the same database away while it is replaced. A store that cannot be written to
/// cannot be locked, and need not be.
async fn lock(prepared: &Prepared<'_>, hands: &Hands<'_>) -> Result<Option<Lease>, RestoreError> {
    let RestoreOrigin::Backup { storage, .. } = &prepared.origin.told else { return Ok(None) };
    let Some(repository) = hands.repositories.get(storage) else { return Ok(None) };
    if !matches!(prepared.request.to, Destination::InPlace) {
        return Ok(None);
    }
    let owner = this_process(&hands.run, "restore");
    match repository.lock(prepared.request.name, owner, LEASE_TTL).await {
        Ok(lease) => Ok(Some(lease)),
        Err(error @ RepositoryError::Locked { .. }) => Err(error.into()),
        Err(error) => {
            hands.observer.on(&Event::Warning(format!("storage `{storage}` is not locked meanwhile: {error}")));
            Ok(None)
        }
    }
}

/// Ends a deed at once when the user asks to.
pub(super) async fn interruptible<T>(
    hands: &Hands<'_>,
    deed: impl Future<Output = Result<T, RestoreError>>,
) -> Result<T, RestoreError> {
    tokio::select! {
        biased;
        () = hands.cancel.cancelled() => Err(RestoreError::Interrupted),
        done = deed => done,
    }
}

/// Restores into a database that is made now and, in place, takes the place of the old one.
async fn into_new(
    prepared: &mut Prepared<'_>,
    teller: &Teller<'_>,
    hands: &Hands<'_>,
    lease: Option<&Lease>,
) -> Result<Done, RestoreError> {
    let site = prepared.site.clone();
    let name = prepared.beside.clone().unwrap_or_else(|| site.database.clone());
    teller.begin(RestoreDeed::Create);
    let shape = interruptible(hands, shape(prepared)).await?;
    // Not interrupted half way: what is made must be known to be ours.
    let scratch = Scratch::create(&site, &name, &shape, &hands.run, hands.observer.as_ref()).await?;
    let built = interruptible(hands, build(prepared, &scratch.server(), teller)).await;
    let built = match built {
        Ok(built) => finish(prepared, &scratch, teller, hands, lease).await.map(|old| Done { old, ..built }),
        Err(error) => Err(error),
    };
    match built {
        Ok(done) => Ok(done),
        Err(error) => {
            scratch.discard(hands.observer.as_ref()).await;
            Err(error)
        }
    }
}

/// The shape of the new database: of the one it replaces, or else of the one that the dump was made from.
async fn shape(prepared: &Prepared<'_>) -> Result<DatabaseShape, RestoreError> {
    let mut session = prepared.site.maintenance.session().await?;
    if prepared.kind == TargetKind::Replaced
        && let Some(shape) = session.database_shape(&prepared.site.database).await?
    {
        return Ok(shape);
    }
    let entry = prepared.origin.outline().and_then(|outline| outline.first("DATABASE"));
    let told = entry.and_then(|entry| database_shape(&entry.definition));
    let source = prepared.origin.manifest.as_ref().map(|manifest| &manifest.source);
    let mut shape = match (told, source) {
        (Some(shape), _) => shape,
        (None, Some(source)) => DatabaseShape::of_encoding(&source.encoding),
        (None, None) => match session.database_shape(&prepared.site.database).await? {
            Some(shape) => shape,
            None => session.database_shape("template0").await?.unwrap_or_else(|| DatabaseShape::of_encoding("UTF8")),
        },
    };
    shape.tablespace = None;
    shape.owner = None;
    if prepared.request.owners == Owners::AsBackedUp
        && let Some(owner) = entry.map(|entry| entry.toc.owner.clone())
    {
        // A dump names the owner of its database, who need not exist elsewhere.
        let roles: Vec<serde_json::Value> = session
            .rows(&format!("SELECT 1 AS one FROM pg_roles WHERE rolname = {}", crate::postgres::literal(&owner)))
            .await?;
        shape.owner = (!roles.is_empty()).then_some(owner);
    }
    Ok(shape)
}

/// Fills and checks.
async fn build(prepared: &mut Prepared<'_>, server: &Server, teller: &Teller<'_>) -> Result<Done, RestoreError> {
    let filling = Filling {
        server,
        jobs: prepared.jobs,
        owners: prepared.request.owners,
        tablespaces: prepared.request.tablespaces,
        selection: prepared.selection.as_ref(),
        is_atomic: prepared.kind == TargetKind::Empty,
    };
    teller.begin(RestoreDeed::Fill);
    let warnings = fill(&mut prepared.origin, &filling).await?;
    teller.begin(RestoreDeed::Check);
    let only = prepared.selection.as_ref().map(|selection| selection.tables.as_slice());
    // Where something is to be replaced, nothing is taken on trust.
    let counting = if prepared.beside.is_some() { Counting::Exactly } else { Counting::AsLoaded };
    let compared = check(server, prepared.origin.manifest.as_ref(), only, counting).await?;
    if let Some((tables, rows)) = compared {
        teller.done(counted(tables, rows));
    }
    Ok(Done { compared, old: None, warnings })
}

/// Gives the new database over, in place by exchanging it with the old one.
async fn finish(
    prepared: &Prepared<'_>,
    scratch: &Scratch<'_>,
    teller: &Teller<'_>,
    hands: &Hands<'_>,
    lease: Option<&Lease>,
) -> Result<Option<OldOne>, RestoreError> {
    if prepared.beside.is_none() {
        scratch.give_over().await?;
        // A database that another server lost is missed with all that it was; a copy under another name is a new one.
        let takes_its_place = matches!(prepared.request.to, Destination::Elsewhere(_)) && prepared.selection.is_none();
        if takes_its_place && prepared.request.owners == Owners::AsBackedUp {
            let mut session = prepared.site.maintenance.session().await?;
            for problem in properties(&prepared.origin, &prepared.site.database, &mut session).await {
                hands.observer.on(&Event::Warning(problem));
            }
        }
        return Ok(None);
    }
    teller.begin(RestoreDeed::Exchange);
    let site = &prepared.site;
    let mut session = site.maintenance.session().await?;
    let settings = session.database_settings(&site.database).await?;
    if let Some(settings) = &settings {
        session.set_database_settings(&scratch.name, settings).await?;
    }
    if hands.cancel.is_cancelled() {
        return Err(RestoreError::Interrupted);
    }
    if let Some(lease) = lease {
        lease.check()?;
    }
    let comment = settings.as_ref().and_then(|settings| settings.comment.as_deref());
    exchange_databases(&site.maintenance, &site.database, &scratch.name, prepared.aside.as_deref(), comment).await?;
    let Some(aside) = &prepared.aside else {
        for problem in properties(&prepared.origin, site.database.as_str(), &mut session).await {
            hands.observer.on(&Event::Warning(problem));
        }
        return Ok(None);
    };
    teller.done(format!("`{}` is the restored one; the old one is `{aside}`", site.database));
    if prepared.request.old == Old::Kept {
        return Ok(Some(OldOne::Database(aside.clone())));
    }
    teller.begin(RestoreDeed::DropOld);
    // The restore is done; that the old one is still there is worth a word, not a failure.
    let dropped = async { site.maintenance.session().await?.drop_database_in_use(aside).await };
    match dropped.await {
        Ok(()) => Ok(None),
        Err(error) => {
            hands.observer.on(&Event::Warning(format!("the old database could not be dropped: {error}")));
            Ok(Some(OldOne::Database(aside.clone())))
        }
    }
}

/// Settings, grants and comment of the database itself, from the dump: for one that was gone. Returns what failed.
async fn properties(origin: &Origin, database: &str, session: &mut crate::postgres::Session) -> Vec<String> {
    let Some(outline) = origin.outline().filter(|outline| outline.database == database) else { return Vec::new() };
    let mut problems = Vec::new();
    for entry in &outline.entries {
        let is_about = entry.toc.tag.starts_with("DATABASE ") && matches!(entry.toc.desc.as_str(), "ACL" | "COMMENT");
        if entry.toc.desc != "DATABASE PROPERTIES" && !is_about {
            continue;
        }
        if let Err(error) = session.execute(&entry.definition).await {
            problems.push(format!("a setting of the database was not restored: {error}"));
            break;
        }
    }
    problems
}

/// Restores into a database that is there and empty. It is not ours to drop: all or nothing, where that can be had.
async fn into_empty(prepared: &mut Prepared<'_>, teller: &Teller<'_>, hands: &Hands<'_>) -> Result<Done, RestoreError> {
    let server = prepared.site.server();
    interruptible(hands, build(prepared, &server, teller)).await
}
