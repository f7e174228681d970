//! A replication slot: what keeps WAL on the server until every store has it. Read and moved by SQL.

use super::ReceiveError;
use crate::base::{Lookup, Lsn};
use crate::policy::DatabaseSpec;
use crate::postgres::replication::{ReplicationSession, SlotName};
use crate::postgres::{Server, literal};
use serde::Deserialize;
use tokio::sync::OnceCell;

/// A physical slot of a server.
pub(super) struct Slot<'a> {
    name: &'a SlotName,
    spec: &'a DatabaseSpec,
    lookup: &'a dyn Lookup,
    server: OnceCell<Server>,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    restart: Option<String>,
    lost: bool,
    active: bool,
}

impl<'a> Slot<'a> {
    /// A slot, which need not exist yet.
    pub(super) fn new(name: &'a SlotName, spec: &'a DatabaseSpec, lookup: &'a dyn Lookup) -> Slot<'a> {
        Slot { name, spec, lookup, server: OnceCell::new() }
    }

    /// Makes the slot if there is none, and says from where on it keeps WAL. `true`: it was made.
    pub(super) async fn ready(&self, session: &mut ReplicationSession) -> Result<(bool, Option<Lsn>), ReceiveError> {
        let is_new = session.create_slot(self.name).await?;
        let query = format!(
            "SELECT slot_type AS kind, restart_lsn::text AS restart, coalesce(wal_status = 'lost', false) AS lost, active \
             FROM pg_replication_slots WHERE slot_name = {}",
            self.literal()
        );
        let mut sql = self.server().await?.session().await?;
        let row: Option<Row> = sql.rows(&query).await?.pop();
        sql.close().await?;
        let unusable =
            |problem: &str| ReceiveError::Slot { slot: self.name.as_str().to_owned(), problem: problem.to_owned() };
        match row {
            None => Err(unusable("it is not there")),
            Some(row) if row.kind != "physical" => Err(unusable("it is a logical one")),
            Some(row) if row.lost => Err(unusable("the server has removed WAL that it kept (`wal_status` is `lost`)")),
            Some(row) if row.active => Err(unusable("somebody else streams from it")),
            Some(row) => Ok((is_new, row.restart.and_then(|restart| restart.parse().ok()))),
        }
    }

    /// Lets the server remove what lies before a position. Never goes back.
    pub(super) async fn advance(&self, to: Lsn) -> Result<(), ReceiveError> {
        let (name, to) = (self.literal(), literal(&to.to_string()));
        let mut sql = self.server().await?.session().await?;
        sql.execute(&format!(
            "SELECT pg_replication_slot_advance(slot_name, {to}::pg_lsn) FROM pg_replication_slots \
             WHERE slot_name = {name} AND slot_type = 'physical' AND restart_lsn < {to}::pg_lsn"
        ))
        .await?;
        Ok(sql.close().await?)
    }

    fn literal(&self) -> String {
        literal(self.name.as_str())
    }

    async fn server(&self) -> Result<&Server, ReceiveError> {
        Ok(self.server.get_or_try_init(|| Server::for_session(self.spec, self.lookup)).await?)
    }
}
