//! The settings of servers by which they archive their WAL.

use crate::base::Lookup;
use crate::plan::{LiveServer, SERVER_SETTINGS, ServerSetting};
use crate::policy::{DatabaseSpec, Desired};
use crate::postgres::{PostgresError, Server, literal};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Asks every server whose settings the policy owns.
pub(super) async fn servers(desired: &Desired, lookup: &dyn Lookup) -> BTreeMap<String, LiveServer> {
    let mut found = BTreeMap::new();
    let owned = |spec: &DatabaseSpec| spec.wal.as_ref().is_some_and(|wal| wal.manages);
    for (name, spec) in desired.databases.iter().filter(|(_, spec)| owned(spec)) {
        let settings = settings(spec, lookup).await;
        found.insert(
            name.clone(),
            settings.map_or_else(|error| LiveServer::Unreadable(error.to_string()), LiveServer::Read),
        );
    }
    found
}

async fn settings(spec: &DatabaseSpec, lookup: &dyn Lookup) -> Result<BTreeMap<String, ServerSetting>, PostgresError> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
        value: String,
        restarts: bool,
        pending: Option<String>,
    }
    let names: Vec<String> = SERVER_SETTINGS.iter().map(|name| literal(name)).collect();
    let names = names.join(", ");
    let mut session = Server::for_session(spec, lookup).await?.session().await?;
    // What files say may be kept from a role; it may not change settings then, either.
    let rows: Vec<Row> = session
        .rows(&format!(
            "SELECT name, setting AS value, context = 'postmaster' AS restarts, CASE WHEN pending_restart \
             AND has_table_privilege('pg_catalog.pg_file_settings', 'SELECT') THEN (SELECT f.setting FROM \
             pg_file_settings f WHERE f.name = s.name ORDER BY f.seqno DESC LIMIT 1) END AS pending \
             FROM pg_settings s WHERE name IN ({names})"
        ))
        .await?;
    session.close().await?;
    let setting =
        |row: Row| (row.name, ServerSetting { value: row.value, pending: row.pending, restarts: row.restarts });
    Ok(rows.into_iter().map(setting).collect())
}
