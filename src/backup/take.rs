//! Taking a backup, whatever its method: hooks around it, all copies at once, the manifest last.

use super::copies::{Address, Copies};
use super::error::{BackupError, CopyProblem, FailedCopy};
use super::hooks::{run_hooks, run_hooks_anyway};
use super::lacking::tell_lacking;
use super::physical::{self, Unfinished};
use super::placement::placement;
use super::target::Target;
use super::{logical, space};
use crate::base::{BackupId, Lookup, total};
use crate::catalog::{Manifest, Method, ObjectRole};
use crate::event::{Event, Observer};
use crate::policy::Desired;
use crate::postgres::{Connection, PostgresError, Server};
use crate::repository::{Lease, Repository, layout};
use crate::storage::ObjectStore;
use indexmap::IndexMap;
use jiff::Timestamp;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What is to be backed up, and where to.
pub struct Order<'a> {
    /// What the policy means.
    pub desired: &'a Desired,
    /// Database and tier.
    pub target: Target<'a>,
    /// Names of the storages that get a copy.
    pub storages: Vec<&'a str>,
    /// The earlier backup that an incremental one refers to; `None`: a full one. Of no meaning for a dump.
    pub earlier: Option<&'a BackupId>,
    /// Id of the run.
    pub run: &'a str,
}

/// What a backup is made with.
pub struct Tools<'a> {
    /// The repositories that are open, by name of their storage.
    pub repositories: &'a IndexMap<String, Repository>,
    /// The locks that the caller holds on the database, by name of their storage.
    pub leases: &'a IndexMap<String, Lease>,
    /// Where the values of references come from.
    pub lookup: &'a dyn Lookup,
    /// What this machine keeps for itself, to take the next backup by; `None`: it keeps nothing.
    pub state: Option<&'a dyn ObjectStore>,
    /// Who listens.
    pub observer: Arc<dyn Observer>,
    /// Cancelled when the backup should stop cleanly.
    pub cancel: &'a CancellationToken,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// A backup that exists now in at least one storage.
#[derive(Debug)]
pub struct BackupOutcome {
    /// Its manifest.
    pub manifest: Manifest,
    /// Storages that have a copy.
    pub copies: Vec<String>,
    /// Storages that should have one and do not.
    pub failed: Vec<FailedCopy>,
}

/// Makes a backup. `Ok` when at least one storage has it; an error means that none has, and that nothing is left that
/// looks like one. Hooks of the policy run around it. Run again, it makes another backup, or goes on with a physical one
/// that was interrupted.
pub async fn take_backup(order: &Order<'_>, tools: &Tools<'_>) -> Result<BackupOutcome, BackupError> {
    let hooks = &order.target.spec.hooks;
    let unfinished = match order.target.tier_spec.method {
        Method::Logical => None,
        Method::Physical => physical::find_unfinished(order, tools).await,
    };
    // Without a source of randomness the process id keeps two runs of one second apart.
    let new = || BackupId::new((tools.now)(), getrandom::u32().unwrap_or_else(|_| std::process::id()));
    let id = unfinished.as_ref().map_or_else(new, |unfinished| unfinished.id.clone());
    let facts = [
        ("BACKSTAY_DATABASE", order.target.name),
        ("BACKSTAY_TIER", order.target.tier),
        ("BACKSTAY_BACKUP", id.as_str()),
        ("BACKSTAY_RUN", order.run),
    ];
    let observer = tools.observer.as_ref();
    let before = run_hooks(&hooks.before_backup, &facts, tools.lookup, observer, tools.cancel).await;
    let outcome = match before {
        Ok(()) => make(order, tools, &id, unfinished).await,
        Err(_) if tools.cancel.is_cancelled() => Err(BackupError::Interrupted),
        Err((command, problem)) => Err(BackupError::Hook { command, problem }),
    };
    order.storages.iter().filter_map(|name| tools.repositories.get(*name)).for_each(|repository| {
        tell_lacking(repository, observer);
    });
    let (status, problem) = match &outcome {
        Ok(outcome) if outcome.failed.is_empty() => ("done", String::new()),
        Ok(outcome) => ("partly", outcome.failed.iter().map(|copy| format!("{copy}; ")).collect()),
        Err(error) => ("failed", error.to_string()),
    };
    let facts = [&facts[..], &[("BACKSTAY_STATUS", status), ("BACKSTAY_PROBLEM", &problem)]].concat();
    run_hooks_anyway(&hooks.after_backup, &facts, tools.lookup, observer, tools.cancel).await;
    if status != "done" {
        run_hooks_anyway(&hooks.on_failure, &facts, tools.lookup, observer, tools.cancel).await;
    }
    outcome
}

async fn make<'a>(
    order: &Order<'a>,
    tools: &Tools<'a>,
    id: &'a BackupId,
    unfinished: Option<Unfinished>,
) -> Result<BackupOutcome, BackupError> {
    let Target { name: database, tier, .. } = order.target;
    let mut copies = Copies::new(Address { tier, database, id });
    let written = match order.target.tier_spec.method {
        Method::Logical => logical::write(order, tools, id, &mut copies).await,
        Method::Physical => physical::write(order, tools, id, unfinished, &mut copies).await,
    };
    match written {
        Ok(manifest) if !tools.cancel.is_cancelled() => {
            copies.publish(&manifest).await;
            if copies.is_empty() {
                return Err(given_up(BackupError::NoCopy(Vec::new()), copies, tools).await);
            }
            let (copies, failed) = copies.into_result().await;
            if manifest.method == Method::Physical {
                physical::forget_unfinished(order, tools).await;
            }
            Ok(BackupOutcome { manifest, copies, failed })
        }
        Ok(_) => Err(given_up(BackupError::Interrupted, copies, tools).await),
        Err(error) => Err(given_up(error, copies, tools).await),
    }
}

/// Leaves nothing but what the next backup goes on from.
async fn given_up(error: BackupError, mut copies: Copies<'_>, tools: &Tools<'_>) -> BackupError {
    if copies.abandon().await {
        let note = "the packs that are stored are kept: run again within a week, it goes on from them";
        tools.observer.on(&Event::Note(note.to_owned()));
    }
    match error {
        BackupError::NoCopy(_) => BackupError::NoCopy(copies.into_result().await.1),
        error => error,
    }
}

/// The server of the target, and the database that a `match` found on it.
pub(super) async fn reach(target: &Target<'_>, lookup: &dyn Lookup) -> Result<Server, PostgresError> {
    let connection = Connection::resolve(&target.spec.connection, lookup)?;
    let server = match target.tier_spec.method {
        Method::Logical => Server::reach(connection, &target.spec.exec, lookup).await?,
        // What reads a cluster is our own, or says itself that it does not fit.
        Method::Physical => Server::connect(connection, &target.spec.exec, lookup).await?,
    };
    Ok(match target.server_database {
        Some(database) => server.with_database(database),
        None => server,
    })
}

/// Adds the storages that are open and have room for what is read from a server that holds so many bytes. Returns the length of the last backup's dump, for progress.
pub(super) async fn choose<'a>(
    order: &Order<'a>,
    tools: &Tools<'a>,
    bytes: u64,
    copies: &mut Copies<'a>,
) -> Option<u64> {
    let Target { name: database, tier, .. } = order.target;
    let mut last_plain = None;
    for storage in &order.storages {
        let Some(repository) = tools.repositories.get(*storage) else {
            copies.fail(storage, CopyProblem::NotOpen);
            continue;
        };
        let mut last = last_manifest(repository, database, tier).await;
        if order.earlier.is_none()
            && let Some(full) = last.as_ref().and_then(refers_to)
        {
            // A full one after incremental ones is as large as the last full one.
            last = repository.manifest(tier, database, &full).await.ok();
        }
        let stored = last.as_ref().map(|last| total(last.objects.iter().map(|object| object.stored_bytes)));
        last_plain = last_plain.or(last.as_ref().map(read_bytes));
        let min_free = order.desired.storages.get(*storage).and_then(|spec| spec.min_free);
        let needed = space::estimate(stored, bytes);
        let copy = order.target.tier_spec.copies.iter().find(|copy| copy.to == **storage);
        match space::check_space(repository, needed, min_free).await {
            Ok(()) => {
                let placement = placement(copy, (tools.now)(), Some(needed.0));
                copies.add(repository, tools.leases.get(*storage), placement);
            }
            Err(problem) => copies.fail(storage, problem),
        }
    }
    last_plain
}

/// The oldest backup that one refers to.
fn refers_to(manifest: &Manifest) -> Option<BackupId> {
    Some(manifest.cluster.as_ref()?.references().first()?.backup.clone())
}

/// Bytes that were read from the server for a backup, roles left out.
fn read_bytes(manifest: &Manifest) -> u64 {
    let data = manifest.objects.iter().filter(|object| matches!(object.role, ObjectRole::Dump | ObjectRole::Pack));
    total(data.map(|object| object.plain_bytes))
}

/// The newest backup's manifest; `None` when there is none or it cannot be read, which is not our business here.
async fn last_manifest(repository: &Repository, database: &str, tier: &str) -> Option<Manifest> {
    let prefix = layout::manifest_prefix(tier, database);
    let listed = repository.store.list(&prefix).await.ok()?;
    let newest = listed.iter().rev().find_map(|meta| match layout::parse(&meta.key) {
        Some(layout::Key::Manifest(place)) => Some(place.id),
        _ => None,
    })?;
    repository.manifest(tier, database, &newest).await.ok()
}

/// What is asked of a server is given up at once; nothing of it is left behind.
pub(super) async fn interruptible<T, E: Into<BackupError>>(
    tools: &Tools<'_>,
    deed: impl Future<Output = Result<T, E>>,
) -> Result<T, BackupError> {
    tokio::select! {
        biased;
        () = tools.cancel.cancelled() => Err(BackupError::Interrupted),
        done = deed => done.map_err(Into::into),
    }
}
