//! Why WAL was not carried.

use crate::base::{InvalidWalFile, SystemId, WalFile};
use crate::catalog::wal::WalDigest;
use crate::codec::NotThisSegment;
use crate::diag::{Code, Explain, codes};
use crate::repository::RepositoryError;
use crate::stream::StreamError;
use std::path::PathBuf;

/// A file of WAL was not carried.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// The name is none of a file of WAL.
    #[error(transparent)]
    Name(#[from] InvalidWalFile),
    /// A file of this machine cannot be read.
    #[error("cannot read `{}`: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        problem: std::io::Error,
    },
    /// A file of this machine cannot be written.
    #[error("cannot write `{}`: {problem}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        problem: std::io::Error,
    },
    /// The file is not what its name says.
    #[error("`{file}` is not that segment: {problem}")]
    NotThisSegment {
        /// Its name.
        file: WalFile,
        /// In what it differs.
        problem: NotThisSegment,
    },
    /// The file is of another cluster than the one in whose folder it lies.
    #[error("`{file}` is WAL of cluster {said}, and the cluster here is {cluster}")]
    OtherCluster {
        /// Its name.
        file: WalFile,
        /// What its header says.
        said: SystemId,
        /// What the control file says.
        cluster: SystemId,
    },
    /// The file changed while it was read.
    #[error("`{0}` changed while it was read")]
    Changed(WalFile),
    /// Nothing says which cluster is meant.
    #[error("which cluster `{file}` is of is not known: {problem}")]
    UnknownCluster {
        /// The file.
        file: WalFile,
        /// What was looked at.
        problem: String,
    },
    /// A store has another content of the file, or several.
    #[error("{location} has {} of `{file}`: {}", theirs(.stored, .ours.as_ref()), digests(.stored, .ours.as_ref()))]
    OtherContent {
        /// The file.
        file: WalFile,
        /// The store.
        location: String,
        /// Digests of what is stored.
        stored: Vec<WalDigest>,
        /// Digest of what was to be stored.
        ours: Option<WalDigest>,
    },
    /// What is stored is not what its name says.
    #[error("`{key}` in {location} is damaged: {problem}")]
    Damaged {
        /// The store.
        location: String,
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The storage is not a repository yet.
    #[error("{0} is not a repository yet")]
    NoRepository(String),
    /// Another file failed in the same store.
    #[error("it failed for `{0}`, and was not tried again")]
    FailedBefore(WalFile),
    /// A store refused or failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Encrypting, compressing, or the way back failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl WalError {
    /// True for what may pass by itself: a storage that is away or refuses. False for what is wrong with the file, here or
    /// there.
    pub fn may_pass(&self) -> bool {
        matches!(self, WalError::NoRepository(_) | WalError::FailedBefore(_) | WalError::Repository(_))
    }
}

fn theirs(stored: &[WalDigest], ours: Option<&WalDigest>) -> &'static str {
    if ours.is_none() || stored.len() > 1 { "different contents" } else { "another content" }
}

fn digests(stored: &[WalDigest], ours: Option<&WalDigest>) -> String {
    let stored = stored.iter().map(|digest| format!("{digest}…")).collect::<Vec<_>>().join(" and ");
    ours.map_or_else(|| stored.clone(), |ours| format!("{stored} there, {ours}… here"))
}

impl Explain for WalError {
    fn code(&self) -> &'static Code {
        match self {
            WalError::Name(_) | WalError::NotThisSegment { .. } | WalError::OtherCluster { .. } => &codes::WAL_REFUSED,
            WalError::Changed(_) => &codes::WAL_REFUSED,
            WalError::Unreadable { .. } => &codes::WAL_UNREADABLE,
            WalError::Unwritable { .. } => &codes::LOCAL_FILE,
            WalError::UnknownCluster { .. } => &codes::WAL_CLUSTER_UNKNOWN,
            WalError::OtherContent { .. } => &codes::WAL_CONTENT_DIFFERS,
            WalError::Damaged { .. } => &codes::WAL_DAMAGED,
            WalError::NoRepository(_) => &codes::NO_REPOSITORY,
            WalError::FailedBefore(_) => &codes::WAL_NOT_STORED,
            WalError::Repository(error) => error.code(),
            WalError::Stream(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            WalError::Name(_) | WalError::NotThisSegment { .. } | WalError::Changed(_) => {
                Some("Let PostgreSQL give the path: `archive_command = 'backstay … wal push %p'`.".to_owned())
            }
            WalError::OtherCluster { .. } => {
                Some("Look who wrote that file into `pg_wal`; it is not of this cluster.".to_owned())
            }
            WalError::UnknownCluster { .. } => {
                Some("Name the cluster with `--system-id`; `backstay wal list` shows which there are.".to_owned())
            }
            WalError::OtherContent { .. } => Some(
                "Stop the server that should not be one: two write the same WAL. Then remove what it stored; \
                 `backstay wal list` shows both."
                    .to_owned(),
            ),
            WalError::NoRepository(_) => Some("Run `backstay apply --only infra` once.".to_owned()),
            WalError::Repository(error) => error.hint(),
            WalError::Stream(error) => error.hint(),
            WalError::Unreadable { .. }
            | WalError::Unwritable { .. }
            | WalError::Damaged { .. }
            | WalError::FailedBefore(_) => None,
        }
    }
}
