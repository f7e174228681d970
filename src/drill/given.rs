//! A server that the user gives: a database is made on it for the drill, and dropped afterwards.

use super::DrillError;
use crate::base::{BackupId, Lookup, Period};
use crate::event::{Event, Observer};
use crate::postgres::{Connection, PostgresError, Server, shortened};
use jiff::Timestamp;
use serde::Deserialize;

/// How the databases of drills are called; the id of the run follows.
const PREFIX: &str = "backstay_drill_";
/// A database of a drill that nobody has been connected with is left alone for so long: its drill may be between two
/// steps.
const BETWEEN_STEPS: Period = Period::hours(1);

/// A place for a database on a server.
pub(super) struct GivenServer {
    maintenance: Server,
    pub(super) database: String,
}

impl GivenServer {
    /// Looks whether the server answers, and drops what killed drills left on it.
    pub(super) async fn open(
        connection: &Connection,
        run: &str,
        lookup: &dyn Lookup,
        observer: &dyn Observer,
    ) -> Result<GivenServer, DrillError> {
        let maintenance = Server::reach(connection.with_database("postgres"), &[], lookup).await;
        let maintenance = maintenance.map_err(DrillError::Server)?;
        if let Err(error) = drop_leftovers(&maintenance, observer).await {
            observer.on(&Event::Warning(format!("leftovers of drills could not be looked for: {error}")));
        }
        Ok(GivenServer { maintenance, database: shortened(PREFIX, run) })
    }

    /// Drops the database of this drill, if it is there.
    pub(super) async fn end(self, observer: &dyn Observer) {
        let dropped = async { self.maintenance.session().await?.drop_database_in_use(&self.database).await };
        if let Err(error) = dropped.await {
            let name = &self.database;
            observer.on(&Event::Warning(format!("the database `{name}` of the drill could not be dropped: {error}")));
        }
    }
}

async fn drop_leftovers(maintenance: &Server, observer: &dyn Observer) -> Result<(), PostgresError> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let mut session = maintenance.session().await?;
    let idle: Vec<Named> = session
        .rows(
            "SELECT datname AS name FROM pg_database d WHERE left(datname, 15) = 'backstay_drill_' \
             AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)",
        )
        .await?;
    for Named { name } in idle {
        let run = name.strip_prefix(PREFIX).and_then(|run| run.parse::<BackupId>().ok());
        if run.is_some_and(|run| Period::between(run.started(), Timestamp::now()) > BETWEEN_STEPS) {
            observer.on(&Event::Note(format!("`{name}` is the leftover of a drill that was killed: it is dropped")));
            session.drop_database_in_use(&name).await?;
        }
    }
    Ok(())
}
