//! A logical backup: `pg_dump` of one database and the roles of its cluster, read once, written to every storage.

use super::cipher::cipher;
use super::copies::{Address, Copies};
use super::error::{BackupError, CopyProblem, FailedCopy};
use super::hooks::{run_hooks, run_hooks_anyway};
use super::lacking::tell_lacking;
use super::origin::origin;
use super::pipeline::{File, store};
use super::placement::placement;
use super::space;
use super::target::Target;
use crate::base::{BackupId, Lookup, Lsn, total};
use crate::catalog::{FORMAT, Manifest, Method, ObjectRole, Source, TableRows};
use crate::codec::DumpFormat;
use crate::codec::archive::Summary;
use crate::event::{Event, Observer};
use crate::policy::Desired;
use crate::postgres::{Connection, Dump, Facts, PostgresError, RolePasswords, Server};
use crate::repository::{Lease, Repository, layout};
use crate::stream::{Encoding, Progress};
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
    /// Who listens.
    pub observer: Arc<dyn Observer>,
    /// Cancelled when the backup should stop and leave nothing.
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
/// looks like one. Hooks of the policy run around it. Run again, it makes another backup.
pub async fn logical(order: &Order<'_>, tools: &Tools<'_>) -> Result<BackupOutcome, BackupError> {
    let hooks = &order.target.spec.hooks;
    // Without a source of randomness the process id keeps two runs of one second apart.
    let id = BackupId::new((tools.now)(), getrandom::u32().unwrap_or_else(|_| std::process::id()));
    let facts = [
        ("BACKSTAY_DATABASE", order.target.name),
        ("BACKSTAY_TIER", order.target.tier),
        ("BACKSTAY_BACKUP", id.as_str()),
        ("BACKSTAY_RUN", order.run),
    ];
    let observer = tools.observer.as_ref();
    let before = run_hooks(&hooks.before_backup, &facts, tools.lookup, observer, tools.cancel).await;
    let outcome = match before {
        Ok(()) => make(order, tools, &id).await,
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

async fn make<'a>(order: &Order<'a>, tools: &Tools<'a>, id: &'a BackupId) -> Result<BackupOutcome, BackupError> {
    let Target { name: database, tier, .. } = order.target;
    let mut copies = Copies::new(Address { tier, database, id });
    let written = write(order, tools, id, &mut copies).await;
    match written {
        Ok(manifest) if !tools.cancel.is_cancelled() => {
            copies.publish(&manifest).await;
            let (copies, failed) = copies.into_result();
            if copies.is_empty() {
                Err(BackupError::NoCopy(failed))
            } else {
                Ok(BackupOutcome { manifest, copies, failed })
            }
        }
        written => {
            copies.abandon().await;
            Err(match written {
                Ok(_) => BackupError::Interrupted,
                Err(BackupError::NoCopy(_)) => BackupError::NoCopy(copies.into_result().1),
                Err(error) => error,
            })
        }
    }
}

/// The database as it was when the read of it began.
struct Reading {
    server: Server,
    facts: Facts,
    started_at: Timestamp,
    start_lsn: Lsn,
    dump_program: String,
}

/// Everything but the manifest: all files are complete in the storages that are left.
async fn write<'a>(
    order: &Order<'a>,
    tools: &Tools<'a>,
    id: &BackupId,
    copies: &mut Copies<'a>,
) -> Result<Manifest, BackupError> {
    let Target { spec, name: database, tier, tier_spec, .. } = order.target;
    let cipher = cipher(order.desired, spec.encryption.as_deref(), tools.lookup)?;
    let encoding = Encoding { compression: tier_spec.compression, cipher };
    let server = interruptible(tools, reach(&order.target, tools.lookup)).await?;
    let dump_program = interruptible(tools, server.programs().version_line("pg_dump")).await?;
    let mut session = interruptible(tools, server.session()).await?;
    let started_at = (tools.now)();
    // Before the snapshot: whatever it misses lies after this position.
    let start_lsn = interruptible(tools, session.wal_position()).await?;
    let snapshot = interruptible(tools, session.export_snapshot()).await?;
    let facts = interruptible(tools, Facts::read(&mut session)).await?;
    let reading = Reading { server, facts, started_at, start_lsn, dump_program };
    let last_plain = choose(order, tools, &reading.facts, copies).await;
    if copies.is_empty() {
        return Err(BackupError::NoCopy(Vec::new()));
    }

    let dump = interruptible(tools, Dump::database(&reading.server, &spec.dump, Some(&snapshot))).await?;
    let progress = Progress::new(tools.observer.clone(), format!("back up {database} ({tier})"), last_plain);
    let file = File { role: ObjectRole::Dump, stem: "dump", what: "the output of pg_dump", progress };
    let (object, summary) = store(dump, file, &encoding, copies, tools).await?;
    let mut objects = vec![object];
    // The snapshot has done its work; what the session says now changes nothing.
    drop(session);

    if spec.dump.globals {
        let passwords = if reading.facts.reads_passwords { RolePasswords::Kept } else { RolePasswords::LeftOut };
        if passwords == RolePasswords::LeftOut {
            let note = "the connecting role may not read passwords of roles; they are not in the backup";
            tools.observer.on(&Event::Note(note.to_owned()));
        }
        let dump = interruptible(tools, Dump::globals(&reading.server, passwords)).await?;
        let progress = Progress::new(tools.observer.clone(), format!("back up roles of {database}"), None);
        let file = File { role: ObjectRole::Globals, stem: "globals.sql", what: "the output of pg_dumpall", progress };
        objects.push(store(dump, file, &encoding, copies, tools).await?.0);
    }
    copies.complete().await;
    if copies.is_empty() {
        return Err(BackupError::NoCopy(Vec::new()));
    }
    let finished_at = (tools.now)();
    Ok(Manifest {
        format: FORMAT,
        id: id.clone(),
        policy: order.desired.name.clone(),
        database: database.to_owned(),
        tier: tier.to_owned(),
        method: Method::Logical,
        started_at: reading.started_at,
        finished_at,
        tables: summary.map(tables).unwrap_or_default(),
        constraints_not_valid: reading.facts.constraints_not_valid.clone(),
        origin: origin(reading.dump_program.clone(), order.run),
        source: source(reading),
        layers: encoding.layers(),
        objects,
        dump_format: DumpFormat::Custom,
        adopted: None,
    })
}

/// The server of the target, and the database that a `match` found on it.
async fn reach(target: &Target<'_>, lookup: &dyn Lookup) -> Result<Server, PostgresError> {
    let connection = Connection::resolve(&target.spec.connection, lookup)?;
    let server = Server::reach(connection, &target.spec.exec, lookup).await?;
    Ok(match target.server_database {
        Some(database) => server.with_database(database),
        None => server,
    })
}

/// Adds the storages that are open and have room. Returns the length of the last backup's dump, for progress.
async fn choose<'a>(order: &Order<'a>, tools: &Tools<'a>, facts: &Facts, copies: &mut Copies<'a>) -> Option<u64> {
    let Target { name: database, tier, .. } = order.target;
    let mut last_plain = None;
    for storage in &order.storages {
        let Some(repository) = tools.repositories.get(*storage) else {
            copies.fail(storage, CopyProblem::NotOpen);
            continue;
        };
        let last = last_manifest(repository, database, tier).await;
        let stored = last.as_ref().map(|last| total(last.objects.iter().map(|object| object.stored_bytes)));
        last_plain = last_plain.or(last.and_then(|last| last.objects.first().map(|object| object.plain_bytes)));
        let min_free = order.desired.storages.get(*storage).and_then(|spec| spec.min_free);
        let needed = space::estimate(stored, facts.bytes);
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

fn source(reading: Reading) -> Source {
    let Reading { server, facts, start_lsn, .. } = reading;
    Source {
        database: facts.database,
        host: server.connection().host(),
        server_version: facts.server_version,
        server_version_num: facts.server_version_num,
        system_identifier: facts.system_identifier,
        start_lsn: Some(start_lsn),
        encoding: facts.encoding,
        database_bytes: facts.bytes,
        table_count: facts.table_count,
        extensions: facts.extensions,
        in_recovery: facts.in_recovery,
    }
}

fn tables(summary: Summary) -> Vec<TableRows> {
    summary.rows.into_iter().map(|((schema, name), rows)| TableRows { schema, name, rows }).collect()
}

/// What is asked of a server is given up at once; nothing of it is left behind.
async fn interruptible<T, E: Into<BackupError>>(
    tools: &Tools<'_>,
    deed: impl Future<Output = Result<T, E>>,
) -> Result<T, BackupError> {
    tokio::select! {
        biased;
        () = tools.cancel.cancelled() => Err(BackupError::Interrupted),
        done = deed => done.map_err(Into::into),
    }
}
