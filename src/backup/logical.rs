//! A logical backup: `pg_dump` of one database and the roles of its cluster, read once, written to every storage.

use super::cipher::cipher;
use super::copies::Copies;
use super::error::BackupError;
use super::origin::origin;
use super::pipeline::{File, store};
use super::take::{Order, Tools, choose, interruptible, reach};
use super::target::Target;
use crate::base::{BackupId, Lsn};
use crate::catalog::{FORMAT, Manifest, Method, ObjectRole, Source, TableRows};
use crate::codec::DumpFormat;
use crate::codec::archive::Summary;
use crate::event::Event;
use crate::postgres::{Dump, Facts, RolePasswords, Server};
use crate::stream::{Encoding, Progress};
use jiff::Timestamp;

/// The database as it was when the read of it began.
struct Reading {
    server: Server,
    facts: Facts,
    started_at: Timestamp,
    start_lsn: Lsn,
    dump_program: String,
}

/// Everything but the manifest: all files are complete in the storages that are left.
pub(super) async fn write<'a>(
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
    let last_plain = choose(order, tools, reading.facts.bytes, copies).await;
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
        cluster: None,
    })
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
