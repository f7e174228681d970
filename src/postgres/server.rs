//! A server that answered once: its connection, and client programs that fit its version.

use super::programs::Programs;
use super::running::Running;
use super::session::Session;
use super::{Connection, PostgresError};
use crate::base::{Lookup, Template};
use crate::policy::DatabaseSpec;

/// A server and a database on it, reachable, with programs that can dump and restore it.
#[derive(Clone)]
pub struct Server {
    connection: Connection,
    programs: Programs,
    version: String,
    version_num: u32,
}

impl Server {
    /// Reaches the database of a policy entry.
    pub async fn of(spec: &DatabaseSpec, lookup: &dyn Lookup) -> Result<Server, PostgresError> {
        Server::reach(Connection::resolve(&spec.connection, lookup)?, &spec.exec, lookup).await
    }

    /// Connects, asks for the version, and chooses client programs: behind the first command of `exec` that answers,
    /// or on this machine when there is none. Programs that are older than the server are refused.
    pub async fn reach(
        connection: Connection,
        exec: &[Vec<Template>],
        lookup: &dyn Lookup,
    ) -> Result<Server, PostgresError> {
        let server = Server::connect(connection, exec, lookup).await?;
        server.programs.check(&server.version)?;
        Ok(server)
    }

    /// The same for the database of a policy entry, and for whoever only asks and tells: `psql` of any version does.
    pub async fn for_session(spec: &DatabaseSpec, lookup: &dyn Lookup) -> Result<Server, PostgresError> {
        Server::connect(Connection::resolve(&spec.connection, lookup)?, &spec.exec, lookup).await
    }

    /// The same as [`Server::reach`] for whoever neither dumps nor restores a dump: programs may be older.
    pub async fn connect(
        connection: Connection,
        exec: &[Vec<Template>],
        lookup: &dyn Lookup,
    ) -> Result<Server, PostgresError> {
        let found = Programs::find(exec, lookup).await?;
        let mut session = Session::open(&found[0], &connection).await?;
        let (version, version_num) = session.version().await?;
        session.close().await?;
        let programs = Programs::best(&found, &version).clone();
        Ok(Server { connection, programs, version, version_num })
    }

    /// The same server, another database; whether that exists shows when it is used.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Server {
        Server { connection: self.connection.with_database(name), ..self.clone() }
    }

    /// How to reach it.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The programs that fit it.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Version of the server, such as `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Version of the server as a number, such as 150018.
    pub fn version_num(&self) -> u32 {
        self.version_num
    }

    /// A session with it.
    pub async fn session(&self) -> Result<Session, PostgresError> {
        Session::open(&self.programs, &self.connection).await
    }

    /// Starts a client program with these arguments, connected by `-d`.
    pub(super) async fn start(
        &self,
        program: &'static str,
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<Running, PostgresError> {
        let mut all = vec!["--no-password".to_owned(), format!("--dbname={}", self.connection.conninfo(&[]))];
        all.extend(arguments);
        self.programs.start(program, &all, &self.connection).await
    }
}
