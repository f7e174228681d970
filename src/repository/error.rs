//! What can go wrong with a repository.

use super::layout::{Key, marker_key, parse};
use crate::base::BackupId;
use crate::catalog::Owner;
use crate::diag::{Code, Explain, codes};
use crate::storage::StorageError;
use jiff::Timestamp;

/// A repository refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    /// The store did.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A small file is damaged.
    #[error("`{key}` in {location} is damaged: {problem}")]
    Broken {
        /// The store.
        location: String,
        /// The file's key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A newer version of this program made it.
    #[error("{location} has repository format {format}; this version reads up to {known}")]
    Newer {
        /// The store.
        location: String,
        /// Its format.
        format: u32,
        /// The newest format known here.
        known: u32,
    },
    /// Another run works on the database.
    #[error("`{database}` is locked in {location} by {owner} until {expires_at}")]
    Locked {
        /// The store.
        location: String,
        /// The database.
        database: String,
        /// Who holds the lock.
        owner: Box<Owner>,
        /// Until when, unless it is prolonged.
        expires_at: Timestamp,
    },
    /// A lock that was held is held no longer.
    #[error("the lock on `{database}` in {location} was lost: {problem}")]
    LeaseLost {
        /// The store.
        location: String,
        /// The database.
        database: String,
        /// How it was lost.
        problem: String,
    },
    /// A backup that was to be removed is needed by another.
    #[error("{by} in {location} refers to {id}, which is not removed")]
    Referred {
        /// The store.
        location: String,
        /// The backup.
        id: BackupId,
        /// The one that refers to it.
        by: BackupId,
    },
    /// What was to be removed as a leftover turned out to belong to a backup.
    #[error("`{key}` in {location} belongs to a backup now and is not removed")]
    NotLeftover {
        /// The store.
        location: String,
        /// A key.
        key: String,
    },
}

impl Explain for RepositoryError {
    fn code(&self) -> &'static Code {
        match self {
            RepositoryError::Storage(error) => error.code(),
            RepositoryError::Broken { .. } => &codes::REPOSITORY_BROKEN,
            RepositoryError::Newer { .. } => &codes::REPOSITORY_NEWER,
            RepositoryError::Locked { .. } => &codes::DATABASE_LOCKED,
            RepositoryError::LeaseLost { .. } => &codes::LOCK_LOST,
            RepositoryError::Referred { .. } => &codes::REFERENCE_NEEDED,
            RepositoryError::NotLeftover { .. } => &codes::NOT_LEFTOVER,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            RepositoryError::Storage(error) => return error.hint(),
            RepositoryError::Broken { key, .. } if key.starts_with("lock/") => {
                format!(
                    "Run this again in a minute: a damaged lock holds no longer. To go on at once, if no other run works on \
                     that database, delete `{key}` from the store."
                )
            }
            RepositoryError::Broken { location, key, .. } if *key == marker_key() => format!(
                "If this is the store that the policy means, delete `{key}` from {location} and run \
                 `backstay apply --only infra`, which writes it anew; the backups stay."
            ),
            RepositoryError::Broken { key, .. } if matches!(parse(key), Some(Key::Manifest(_))) => {
                "Run `backstay sync`: it repairs the backup where another storage holds it.".to_owned()
            }
            RepositoryError::Broken { .. } => "Run `backstay verify --deep` to see what else is damaged.".to_owned(),
            RepositoryError::Newer { .. } => "Use the version of backstay that wrote it, or a newer one.".to_owned(),
            RepositoryError::Locked { .. } => {
                "Wait for that run to end; if its process is dead, the lock is taken over once it expires.".to_owned()
            }
            RepositoryError::LeaseLost { .. } => {
                "Run the same command again; it starts from what is there now.".to_owned()
            }
            RepositoryError::Referred { .. } => {
                "Run `backstay plan --only prune`: it goes with what refers to it.".to_owned()
            }
            RepositoryError::NotLeftover { .. } => "Run `backstay plan` again.".to_owned(),
        })
    }
}
