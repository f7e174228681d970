//! Why WAL is not received.

use crate::base::{Lsn, SystemId, Timeline};
use crate::catalog::wal::InvalidHistory;
use crate::diag::{Code, Explain, codes};
use crate::postgres::PostgresError;
use crate::repository::RepositoryError;
use crate::wal::WalError;
use std::path::PathBuf;

/// WAL is not received any more.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The server refused, or is away.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// A file could not be stored.
    #[error("{storage}: {problem}")]
    Store {
        /// The storage.
        storage: String,
        /// Why.
        problem: Box<WalError>,
    },
    /// A store could not be asked.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The folder for what is under way cannot be used.
    #[error("cannot use `{}`: {problem}", path.display())]
    Spool {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        problem: std::io::Error,
    },
    /// Another process receives this WAL into this folder.
    #[error("WAL of `{database}` is being received by another process, which uses `{}`", folder.display())]
    Busy {
        /// The database entry.
        database: String,
        /// The folder.
        folder: PathBuf,
    },
    /// The history of a timeline is not understood.
    #[error(transparent)]
    History(#[from] InvalidHistory),
    /// The connection leads to another cluster than before.
    #[error("{server} is cluster {found}, and WAL of cluster {wanted} was being received")]
    OtherCluster {
        /// Which server.
        server: String,
        /// What it was.
        wanted: SystemId,
        /// What it is.
        found: SystemId,
    },
    /// The server sends other bytes than those that were asked for.
    #[error("{server} sent WAL from {found} on instead of {wanted} on timeline {}", timeline.0)]
    OutOfOrder {
        /// Which server.
        server: String,
        /// The timeline.
        timeline: Timeline,
        /// What was to come.
        wanted: Lsn,
        /// What came.
        found: Lsn,
    },
    /// The server has not come that far yet.
    #[error("{server} is at {flushed}, and WAL is held up to {wanted} already")]
    Behind {
        /// Which server.
        server: String,
        /// How far it is.
        flushed: Lsn,
        /// How far we are.
        wanted: Lsn,
    },
    /// The slot cannot be used.
    #[error("slot `{slot}` cannot be used: {problem}")]
    Slot {
        /// Its name.
        slot: String,
        /// Why.
        problem: String,
    },
}

impl ReceiveError {
    /// True for what may be over in a moment: the server or a store is away, or did not answer in time.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self,
            ReceiveError::Postgres(PostgresError::Unreachable { .. } | PostgresError::Lost { .. })
                | ReceiveError::Repository(_)
                | ReceiveError::OutOfOrder { .. }
                | ReceiveError::Behind { .. }
        )
    }
}

impl Explain for ReceiveError {
    fn code(&self) -> &'static Code {
        match self {
            ReceiveError::Postgres(error) => error.code(),
            ReceiveError::Store { problem, .. } => problem.code(),
            ReceiveError::Repository(error) => error.code(),
            ReceiveError::Spool { .. } => &codes::LOCAL_FILE,
            ReceiveError::Busy { .. } => &codes::RECEIVER_BUSY,
            ReceiveError::History(_) | ReceiveError::OutOfOrder { .. } | ReceiveError::Behind { .. } => {
                &codes::STREAM_BROKEN
            }
            ReceiveError::OtherCluster { .. } => &codes::CLUSTER_CHANGED,
            ReceiveError::Slot { .. } => &codes::SLOT_UNUSABLE,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ReceiveError::Postgres(error) => error.hint(),
            ReceiveError::Store { problem, .. } => problem.hint(),
            ReceiveError::Repository(error) => error.hint(),
            ReceiveError::Spool { .. } => {
                Some("Give it a folder of its own on a disk with room: `--state-dir DIR`.".to_owned())
            }
            ReceiveError::Busy { .. } => Some("One is enough; `--state-dir DIR` makes it another one's.".to_owned()),
            ReceiveError::OtherCluster { .. } => Some(
                "If the database moved there, by `pg_upgrade` for example, start `backstay wal receive` again and take a \
                 base backup."
                    .to_owned(),
            ),
            ReceiveError::Slot { .. } => {
                Some("Look into `SELECT * FROM pg_replication_slots`, or name another one with `--slot`.".to_owned())
            }
            ReceiveError::History(_) | ReceiveError::OutOfOrder { .. } | ReceiveError::Behind { .. } => None,
        }
    }
}
