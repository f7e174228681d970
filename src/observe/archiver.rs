//! What servers say of archiving their WAL: how far it is written, and what was archived last.

use crate::base::{Lookup, Lsn, Period};
use crate::plan::Archiver;
use crate::policy::DatabaseSpec;
use crate::postgres::{PostgresError, Server};
use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// A server that does not answer by then is not waited for: what the stores hold can be told without it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks one server.
pub(super) async fn archiver(spec: &DatabaseSpec, lookup: &dyn Lookup) -> Result<Archiver, String> {
    match tokio::time::timeout(PATIENCE, ask(spec, lookup)).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the server does not answer within {} s", PATIENCE.as_secs())),
    }
}

/// The receiver's columns are hidden from roles that may not see them, and so is how far it is.
const QUESTION: &str = "
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS written,
        (SELECT max(write_lsn) FROM pg_stat_replication WHERE application_name = 'backstay') AS received,
        (SELECT extract(epoch FROM min(write_lag))::bigint FROM pg_stat_replication
         WHERE application_name = 'backstay') AS received_lag,
        last_archived_wal, last_failed_wal, extract(epoch FROM last_failed_time)::bigint AS last_failed,
        coalesce(last_failed_time > last_archived_time OR last_archived_time IS NULL, false) AS is_failing,
        (SELECT setting::bigint FROM pg_settings WHERE name = 'archive_timeout') AS archive_timeout,
        has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS reads_control,
        current_setting('archive_mode') <> 'off' AND
        coalesce((SELECT has_function_privilege(oid, 'EXECUTE') FROM pg_proc
                  WHERE proname = 'pg_ls_archive_statusdir' AND pronargs = 0), false) AS reads_status
    FROM pg_stat_archiver";

/// Files that wait to be archived.
const READY: &str = "SELECT extract(epoch FROM min(modification))::bigint AS since
    FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";

async fn ask(spec: &DatabaseSpec, lookup: &dyn Lookup) -> Result<Archiver, PostgresError> {
    #[derive(Deserialize)]
    struct Row {
        written: Lsn,
        received: Option<Lsn>,
        received_lag: Option<u64>,
        last_archived_wal: Option<String>,
        last_failed_wal: Option<String>,
        last_failed: Option<i64>,
        is_failing: bool,
        archive_timeout: Option<u64>,
        reads_control: bool,
        reads_status: bool,
    }
    #[derive(Deserialize)]
    struct Ready {
        since: Option<i64>,
    }
    #[derive(Deserialize)]
    struct Control {
        system: String,
    }
    let mut session = Server::for_session(spec, lookup).await?.session().await?;
    let row: Row = session.row(QUESTION).await?;
    let mut system = None;
    if row.reads_control {
        let control: Control = session.row("SELECT system_identifier::text AS system FROM pg_control_system()").await?;
        system = control.system.parse().ok();
    }
    let at = |second: i64| Timestamp::from_second(second).ok();
    let mut ready = None;
    if row.reads_status {
        let waiting: Ready = session.row(READY).await?;
        ready = Some(waiting.since.and_then(at));
    }
    session.close().await?;
    Ok(Archiver {
        system,
        written: row.written,
        received: row.received.map(|received| (received, Period(row.received_lag.unwrap_or(0)))),
        ready,
        last_archived: row.last_archived_wal.and_then(|name| name.parse().ok()),
        failing: row.last_failed_wal.zip(row.last_failed.and_then(at)).filter(|_| row.is_failing),
        archive_timeout: row.archive_timeout.filter(|seconds| *seconds > 0).map(Period),
    })
}
