//! Where a database stands: its server, reached through a database that is never the one to be replaced.

use super::error::RestoreError;
use super::request::{Destination, Hands, Request};
use crate::base::Template;
use crate::postgres::{Connection, PostgresError, Server};
use serde::Deserialize;

/// A database on a server, there or not.
#[derive(Clone)]
pub(super) struct Site {
    /// The server, connected to another database of it.
    pub(super) maintenance: Server,
    /// The database's name.
    pub(super) database: String,
}

impl Site {
    /// The site of the database that the policy describes.
    pub(super) async fn of_policy(request: &Request<'_>, hands: &Hands<'_>) -> Result<Site, RestoreError> {
        let spec = request.database.spec;
        let connection = Connection::resolve(&spec.connection, hands.lookup)?;
        let named = request.database.server_database.or(connection.database()).map(str::to_owned);
        let database = match named {
            Some(name) => name,
            // libpq knows: a service, the environment, or the name of the user.
            None => current_database(&Server::reach(connection.clone(), &spec.exec, hands.lookup).await?).await?,
        };
        Site::reach(connection, database, &spec.exec, hands).await
    }

    /// The site that the request goes to.
    pub(super) async fn of_request(request: &Request<'_>, hands: &Hands<'_>) -> Result<Site, RestoreError> {
        match &request.to {
            Destination::InPlace => Site::of_policy(request, hands).await,
            Destination::Into(name) => Ok(Site { database: name.clone(), ..Site::of_policy(request, hands).await? }),
            Destination::Elsewhere(connection) => {
                let database = connection.database().map(str::to_owned);
                let database = database.ok_or_else(|| PostgresError::InvalidConnection {
                    problem: "it names no database to restore into".to_owned(),
                })?;
                Site::reach(connection.clone(), database, &[], hands).await
            }
        }
    }

    async fn reach(
        connection: Connection,
        database: String,
        exec: &[Vec<Template>],
        hands: &Hands<'_>,
    ) -> Result<Site, RestoreError> {
        let mut refusal = None;
        for maintenance in ["postgres", "template1"] {
            if maintenance == database {
                continue;
            }
            match Server::reach(connection.with_database(maintenance), exec, hands.lookup).await {
                Ok(server) => return Ok(Site { maintenance: server, database }),
                // The next one may let us in.
                Err(error @ (PostgresError::DatabaseMissing { .. } | PostgresError::LoginRefused { .. })) => {
                    refusal.get_or_insert(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(refusal.map_or(RestoreError::Interrupted, RestoreError::Postgres))
    }

    /// The database itself.
    pub(super) fn server(&self) -> Server {
        self.maintenance.with_database(&self.database)
    }

    /// Host and port, for people.
    pub(super) fn place(&self) -> String {
        self.maintenance.connection().server()
    }
}

async fn current_database(server: &Server) -> Result<String, PostgresError> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let mut session = server.session().await?;
    Ok(session.row::<Named>("SELECT current_database() AS name").await?.name)
}
