//! A drill of a physical backup: the whole cluster in a scratch folder, recovered as far as the archive goes, its
//! structures looked through, and the checks of the policy asked.

use super::drill::{Findings, Means, Order, ask};
use super::error::DrillError;
use crate::catalog::wal::Way;
use crate::catalog::{Base, RecoveryTarget};
use crate::event::Event;
use crate::postgres::{Connection, amcheck};
use crate::restore::{ClusterRequest, Hands, RestoreError, ScratchFolder, TablespaceTarget};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// How far a cluster is recovered for practice.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// Where it ends.
    pub target: RecoveryTarget,
    /// How the archive leads there; `None`: it ends with the backup.
    pub way: Option<Way>,
    /// The command by which PostgreSQL fetches WAL; `None` when none is archived.
    pub restore_command: Option<String>,
}

pub(super) async fn rehearse(
    order: &Order<'_>,
    recovery: &Recovery,
    means: &Means<'_>,
    stop: &CancellationToken,
    findings: &mut Findings,
) -> Result<(), DrillError> {
    let (point, copy) = (order.choice.point, order.choice.copy);
    let none = || RestoreError::Unsupported(format!("backup {} holds no cluster", point.id));
    let cluster = copy.backup.cluster.as_ref().ok_or_else(none)?;
    findings.server_version = copy.backup.server_version.clone();
    let hands = Hands {
        repositories: means.repositories,
        lookup: means.lookup.as_ref(),
        observer: means.observer.clone(),
        cancel: stop.clone(),
        run: means.run.clone(),
    };
    let folder = ScratchFolder::new(hands.lookup)?;
    let tablespace = |tablespace: &crate::catalog::Tablespace| TablespaceTarget {
        tablespace: tablespace.oid.to_string(),
        folder: folder.tablespace(tablespace.oid),
    };
    let request = ClusterRequest {
        desired: order.desired,
        name: order.name,
        base: Base { point, copy, cluster },
        folder: folder.data(),
        tablespaces: cluster.tablespaces.iter().map(tablespace).collect(),
        keeps: false,
        only: None,
        stays_cached: true,
        jobs: 2,
        target: recovery.target.clone(),
        way: recovery.way,
        archives: false,
        restore_command: recovery.restore_command.clone(),
    };
    let begun = Instant::now();
    let scratch = folder.start(&request, &hands, means.lookup.clone()).await?;
    findings.restore_ms = Some(super::drill::ms(begun));
    let connection = Connection::resolve(&order.database.spec.connection, means.lookup.as_ref());
    let connection = connection.map_err(DrillError::Server)?;
    let user = connection.user().unwrap_or("postgres").to_owned();
    let database = connection.database().unwrap_or("postgres").to_owned();
    let server = scratch.server(&database, &user).await?;
    match &scratch.recovered.last_transaction {
        Some(at) => hands.observer.on(&Event::Note(format!("recovered up to {at}"))),
        None => hands.observer.on(&Event::Note("recovered to the moment of the backup".to_owned())),
    }
    let begun = Instant::now();
    let looked = tokio::select! {
        biased;
        () = stop.cancelled() => return Err(DrillError::Interrupted),
        looked = amcheck(&server) => looked,
    };
    match looked {
        Ok(Some(problem)) => findings.problems.push(problem),
        Ok(None) => {}
        Err(error) => hands.observer.on(&Event::Note(format!("structures were not looked through: {error}"))),
    }
    ask(&server, order, stop, findings).await?;
    findings.checks_ms = Some(super::drill::ms(begun));
    tokio::task::spawn_blocking(move || drop(scratch)).await.ok();
    Ok(())
}
