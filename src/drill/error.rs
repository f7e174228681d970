//! Why a drill could not be held.

use crate::diag::{Code, Explain, codes};
use crate::postgres::PostgresError;
use crate::repository::RepositoryError;
use crate::restore::RestoreError;
use std::io;

/// A drill could not be held on this machine; it says nothing about the backup.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The backup cannot be got at, or nothing here opens it.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// There is no server to restore into.
    #[error("no server for the drill: {0}")]
    Server(PostgresError),
    /// There is no folder for a server.
    #[error("no folder for the server of the drill: {0}")]
    Folder(#[from] io::Error),
    /// The user stopped it.
    #[error("the drill was interrupted")]
    Interrupted,
}

impl From<RepositoryError> for DrillError {
    fn from(error: RepositoryError) -> DrillError {
        DrillError::Restore(error.into())
    }
}

impl Explain for DrillError {
    fn code(&self) -> &'static Code {
        match self {
            DrillError::Restore(error) => error.code(),
            DrillError::Server(_) | DrillError::Folder(_) => &codes::DRILL_SERVER,
            DrillError::Interrupted => &codes::INTERRUPTED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            DrillError::Restore(error) => error.hint(),
            DrillError::Server(error) => {
                let given = "or name a server with `backstay drill DATABASE --server URL`.";
                Some(match error.hint() {
                    Some(hint) => format!("{} Or name a server with `backstay drill DATABASE --server URL`.", hint),
                    None => format!("Install PostgreSQL's server programs, {given}"),
                })
            }
            DrillError::Folder(_) => {
                Some("Set `TMPDIR` to a folder that can be written to and has room for the database.".to_owned())
            }
            DrillError::Interrupted => Some("Run the same command again; it starts from the beginning.".to_owned()),
        }
    }
}
