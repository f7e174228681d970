//! Why a backup was not made.

use crate::base::{BackupId, Size, UnresolvedReference};
use crate::diag::{Code, Explain, codes};
use crate::postgres::PostgresError;
use crate::repository::RepositoryError;
use crate::stream::StreamError;

/// No backup was made, in no storage, and nothing is left that looks like one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The policy has no such database, or its `match` means none of this name.
    #[error("the policy has no database `{0}`")]
    UnknownDatabase(String),
    /// The database has no such tier.
    #[error("database `{database}` has no tier `{tier}`; it has {known}")]
    UnknownTier {
        /// The database.
        database: String,
        /// The tier asked for.
        tier: String,
        /// The tiers it has.
        known: String,
    },
    /// This version cannot make such a backup.
    #[error("this version cannot make it: {0}")]
    Unsupported(String),
    /// The tier reads the data directory itself, and that is not on this host.
    #[error("cannot read the cluster's files: {0}")]
    NotLocal(String),
    /// The server, its programs or the way to them.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// A key or other value could not be looked up.
    #[error("cannot encrypt: {0}")]
    Unresolved(#[from] UnresolvedReference),
    /// A command of `hooks.before_backup` failed.
    #[error("the hook `{command}` failed: {problem}")]
    Hook {
        /// The command as the policy writes it.
        command: String,
        /// How it failed.
        problem: String,
    },
    /// The dump program ended well and what it wrote is not a whole dump.
    #[error("the dump is not whole: {0}")]
    NotWhole(String),
    /// The policy's encryption cannot be used.
    #[error("cannot encrypt: {0}")]
    Encryption(String),
    /// Reading, compressing, encrypting or storing the bytes failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// There was not one storage that could take it.
    #[error("no storage could take the backup: {}", failures(.0))]
    NoCopy(Vec<FailedCopy>),
    /// The user stopped it.
    #[error("the backup was interrupted")]
    Interrupted,
}

/// A storage that did not get its copy.
#[derive(Debug, thiserror::Error)]
#[error("{storage}: {why}")]
pub struct FailedCopy {
    /// Name of the storage.
    pub storage: String,
    /// Why not.
    #[source]
    pub why: CopyProblem,
}

/// Why a storage did not get its copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyProblem {
    /// It failed or refused.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// It has too little space, known before anything was written.
    #[error("{location} has {free} free; the backup needs about {needed}{floor}")]
    Space {
        /// The store.
        location: String,
        /// Free there.
        free: Size,
        /// Needed, judged by the last backup or the database.
        needed: Size,
        /// The floor of the policy, as words to append; may be empty.
        floor: String,
    },
    /// It has no marker: `apply` did not make it yet, or its disk is not mounted.
    #[error("{location} is not a repository")]
    NoRepository {
        /// The store.
        location: String,
    },
    /// An earlier backup, to which it refers, is not there any more.
    #[error("it refers to {0}, which is not there")]
    Lacks(BackupId),
    /// The backup goes on from what is stored of it, which this storage has not.
    #[error("it has not what was stored of the backup before it was interrupted")]
    LacksBeginning,
    /// The policy's storage is not open in this run.
    #[error("it cannot be used in this run")]
    NotOpen,
}

fn failures(all: &[FailedCopy]) -> String {
    all.iter().map(FailedCopy::to_string).collect::<Vec<_>>().join("; ")
}

impl Explain for CopyProblem {
    fn code(&self) -> &'static Code {
        match self {
            CopyProblem::Repository(error) => error.code(),
            CopyProblem::Space { .. } => &codes::BACKUP_WOULD_NOT_FIT,
            CopyProblem::NoRepository { .. } => &codes::NO_REPOSITORY,
            CopyProblem::Lacks(_) | CopyProblem::LacksBeginning => &codes::REFERENCE_LACKING,
            CopyProblem::NotOpen => &codes::STORE_FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            CopyProblem::Repository(error) => error.hint(),
            CopyProblem::Space { .. } => {
                Some("Free space there, or shorten `keep` and run `backstay plan --only prune`.".to_owned())
            }
            CopyProblem::NoRepository { .. } => Some(
                "Run `backstay apply --only infra`; if it was a repository before, is its disk mounted?".to_owned(),
            ),
            CopyProblem::Lacks(_) | CopyProblem::LacksBeginning => {
                Some("Run `backstay plan`: it brings what can be brought.".to_owned())
            }
            CopyProblem::NotOpen => Some("Run `backstay plan` to see why.".to_owned()),
        }
    }
}

impl Explain for BackupError {
    fn code(&self) -> &'static Code {
        match self {
            BackupError::UnknownDatabase(_) | BackupError::UnknownTier { .. } => &codes::BACKUP_UNKNOWN,
            BackupError::Unsupported(_) => &codes::BACKUP_UNSUPPORTED,
            BackupError::NotLocal(_) => &codes::BACKUP_NOT_LOCAL,
            BackupError::Postgres(error) => error.code(),
            BackupError::Unresolved(_) => &codes::REFERENCE_UNRESOLVED,
            BackupError::Encryption(_) => &codes::BACKUP_NOT_ENCRYPTED,
            BackupError::Stream(error) => error.code(),
            BackupError::Hook { .. } => &codes::HOOK_FAILED,
            BackupError::NotWhole(_) => &codes::DUMP_NOT_WHOLE,
            BackupError::NoCopy(failed) => failed.first().map_or(&codes::STORE_FAILED, |failed| failed.why.code()),
            BackupError::Interrupted => &codes::INTERRUPTED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            BackupError::UnknownDatabase(_) => Some("Run `backstay list` to see the databases.".to_owned()),
            BackupError::UnknownTier { .. } => Some("Choose one with `--tier`, or add it to the policy.".to_owned()),
            BackupError::Unsupported(_) => Some("Use a tier with `method: logical`.".to_owned()),
            BackupError::NotLocal(_) => Some(
                "Run it on the server's host as the server's user, or write `read: replication` into the tier."
                    .to_owned(),
            ),
            BackupError::Postgres(error) => error.hint(),
            BackupError::Unresolved(UnresolvedReference::Env(name)) => {
                Some(format!("Set it where backstay runs: `export {name}=…`."))
            }
            BackupError::Unresolved(UnresolvedReference::File { .. }) => {
                Some("Create the file, readable by the user who runs backstay.".to_owned())
            }
            BackupError::Hook { .. } => Some("Run the command by hand, as the same user.".to_owned()),
            BackupError::NotWhole(_) => {
                Some("Run the same command again; a command of `exec` must print nothing of its own.".to_owned())
            }
            BackupError::NoCopy(failed) => failed.first().and_then(|failed| failed.why.hint()),
            BackupError::Encryption(_) => Some("Give it a value under `encryption` in the policy.".to_owned()),
            BackupError::Stream(error) => error.hint(),
            BackupError::Interrupted => Some("Run the same command again.".to_owned()),
        }
    }
}
