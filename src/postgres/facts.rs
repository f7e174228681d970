//! What a manifest and a restore need to know of a database.

use super::{PostgresError, Session};
use crate::base::Lsn;
use crate::catalog::Extension;
use serde::Deserialize;

/// Facts of one database, all of one moment when asked within a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its name on the server.
    pub database: String,
    /// Version of the server, such as `15.18`.
    pub server_version: String,
    /// Version of the server as a number, such as 150018.
    pub server_version_num: u32,
    /// System identifier of the cluster, when the role may read it.
    pub system_identifier: Option<String>,
    /// Character encoding, such as `UTF8`.
    pub encoding: String,
    /// Size on the server in bytes.
    pub bytes: u64,
    /// Number of tables, partitions included.
    pub table_count: u64,
    /// Extensions installed in it.
    pub extensions: Vec<Extension>,
    /// True when the server is a standby.
    pub in_recovery: bool,
    /// Constraints that are not validated, as `schema.table.constraint`, sorted.
    pub constraints_not_valid: Vec<String>,
    /// True when the role may read the passwords of roles, which globals hold.
    pub reads_passwords: bool,
}

/// A database of a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DatabaseEntry {
    /// Its name.
    pub name: String,
    /// Its size in bytes; `None` when the role may not connect to it.
    pub bytes: Option<u64>,
    /// Name of its owner.
    pub owner: String,
    /// Its character encoding.
    pub encoding: String,
}

#[derive(Deserialize)]
struct Overview {
    database: String,
    version: String,
    version_num: u32,
    encoding: String,
    bytes: u64,
    table_count: u64,
    in_recovery: bool,
    reads_passwords: bool,
    reads_control: bool,
}

const OVERVIEW: &str = "
    SELECT current_database() AS database,
        split_part(current_setting('server_version'), ' ', 1) AS version,
        current_setting('server_version_num')::int AS version_num,
        pg_encoding_to_char(encoding) AS encoding,
        pg_database_size(oid) AS bytes,
        (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
         AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') AS table_count,
        pg_is_in_recovery() AS in_recovery,
        has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS reads_passwords,
        has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS reads_control
    FROM pg_database WHERE datname = current_database()";

const NOT_VALID: &str = "
    SELECT n.nspname || '.' || c.relname || '.' || con.conname AS name
    FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT con.convalidated ORDER BY 1";

impl Facts {
    /// Asks for the facts of the database that the session is connected to. Read-only.
    pub async fn read(session: &mut Session) -> Result<Facts, PostgresError> {
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let overview: Overview = session.row(OVERVIEW).await?;
        let system_identifier = if overview.reads_control {
            let found: Named = session.row("SELECT system_identifier::text AS name FROM pg_control_system()").await?;
            Some(found.name)
        } else {
            None
        };
        let extensions =
            session.rows("SELECT extname AS name, extversion AS version FROM pg_extension ORDER BY 1").await?;
        let not_valid: Vec<Named> = session.rows(NOT_VALID).await?;
        Ok(Facts {
            database: overview.database,
            server_version: overview.version,
            server_version_num: overview.version_num,
            system_identifier,
            encoding: overview.encoding,
            bytes: overview.bytes,
            table_count: overview.table_count,
            extensions,
            in_recovery: overview.in_recovery,
            constraints_not_valid: not_valid.into_iter().map(|constraint| constraint.name).collect(),
            reads_passwords: overview.reads_passwords,
        })
    }
}

impl Session {
    /// How far the write-ahead log is written, or replayed on a standby. Asked before a snapshot is taken, nothing
    /// that the snapshot misses lies before it: a server whose position is still the same has not been written to.
    pub async fn wal_position(&mut self) -> Result<Lsn, PostgresError> {
        #[derive(Deserialize)]
        struct Position {
            lsn: Lsn,
        }
        let position: Position = self
            .row(
                "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
                 ELSE pg_current_wal_insert_lsn() END AS lsn",
            )
            .await?;
        Ok(position.lsn)
    }

    /// Every database of the server that accepts connections and is not a template, by name.
    pub async fn databases(&mut self) -> Result<Vec<DatabaseEntry>, PostgresError> {
        self.rows(
            "SELECT datname AS name, pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding, \
             CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END AS bytes \
             FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname",
        )
        .await
    }
}
