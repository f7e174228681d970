//! Why nothing was restored.

use super::cold::ColdError;
use super::selection::NoSelection;
use crate::base::UnresolvedReference;
use crate::catalog::wal::NoWay;
use crate::catalog::{NoBase, NoChoice};
use crate::codec::archive::Broken;
use crate::diag::{Code, Explain, codes};
use crate::postgres::PostgresError;
use crate::repository::RepositoryError;
use crate::stream::StreamError;

/// A restore was refused or failed. What was there before is there still, unless the message says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// No backup fits what was asked for.
    #[error(transparent)]
    NoChoice(#[from] NoChoice),
    /// No base backup fits what was asked for.
    #[error(transparent)]
    NoBase(#[from] NoBase),
    /// The archive does not lead to the target.
    #[error(transparent)]
    NoWay(#[from] NoWay),
    /// It must be thawed first.
    #[error(transparent)]
    Cold(#[from] ColdError),
    /// The backup has no such table.
    #[error(transparent)]
    NoSelection(#[from] NoSelection),
    /// A repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The server, its programs or the way to them.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The bytes could not be read, are damaged, or no key opens them.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The bytes are sound and no dump.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// A key could not be looked up.
    #[error("cannot decrypt: {0}")]
    Unresolved(#[from] UnresolvedReference),
    /// The manifest names no dump, or the backup is of a kind that this version does not restore.
    #[error("this version cannot restore it: {0}")]
    Unsupported(String),
    /// The target is there already, or not empty.
    #[error("{problem}")]
    TargetTaken {
        /// What stands in the way.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// Owners or grantees do not exist where the backup goes.
    #[error("the target has no role {}", list(.0))]
    RolesMissing(Vec<String>),
    /// Something outside of the tables holds on to them.
    #[error("{} in the way of replacing {}: {}", are(.ties), list(.tables), .ties.join(", "))]
    TablesTied {
        /// The tables.
        tables: Vec<String>,
        /// What holds on to them.
        ties: Vec<String>,
    },
    /// The restored database is not what the manifest says.
    #[error("the restored database differs from the manifest: {}", .0.join("; "))]
    Differs(Vec<String>),
    /// A dump of another tool cannot be used like this.
    #[error("{0}")]
    FileUnusable(String),
    /// The backup of what is there now failed.
    #[error("the safety backup failed: {0}")]
    Safety(String),
    /// A hook failed.
    #[error("the hook `{command}` failed: {problem}")]
    Hook {
        /// The command as the policy writes it.
        command: String,
        /// How it failed.
        problem: String,
    },
    /// A local file failed.
    #[error("cannot use the temporary file: {0}")]
    Spool(#[from] std::io::Error),
    /// The user stopped it.
    #[error("the restore was interrupted")]
    Interrupted,
    /// The user stopped the restore of a cluster, which may have written files.
    #[error("the restore was interrupted; what it has written is in the folder")]
    FolderUnfinished,
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn are(ties: &[String]) -> String {
    match ties.len() {
        1 => "one object stands".to_owned(),
        n => format!("{n} objects stand"),
    }
}

impl RestoreError {
    /// True when somebody has to decide something before it can go on.
    pub fn is_refusal(&self) -> bool {
        match self {
            RestoreError::TargetTaken { .. } | RestoreError::RolesMissing(_) | RestoreError::TablesTied { .. } => true,
            RestoreError::Cold(error) => error.is_refusal(),
            _ => false,
        }
    }

    /// True when the backup is damaged.
    pub fn is_damage(&self) -> bool {
        matches!(self, RestoreError::NoBase(NoBase::Damaged(_)))
            || matches!(
                self,
                RestoreError::NoChoice(NoChoice::Damaged(_)) | RestoreError::Stream(StreamError::Damaged(_))
            )
            || matches!(self, RestoreError::Repository(RepositoryError::Broken { .. }))
    }
}

impl Explain for RestoreError {
    fn code(&self) -> &'static Code {
        match self {
            RestoreError::NoChoice(NoChoice::Damaged(_)) => &codes::BYTES_DAMAGED,
            RestoreError::NoBase(NoBase::Damaged(_)) => &codes::BYTES_DAMAGED,
            RestoreError::NoBase(NoBase::TooEarly { .. }) | RestoreError::NoWay(_) => &codes::NOT_RESTORABLE,
            RestoreError::NoChoice(_) | RestoreError::NoBase(NoBase::None(_)) => &codes::NOTHING_TO_RESTORE,
            RestoreError::Cold(error) => error.code(),
            RestoreError::NoSelection(_) => &codes::TABLE_NOT_IN_BACKUP,
            RestoreError::Repository(error) => error.code(),
            RestoreError::Postgres(error) => error.code(),
            RestoreError::Stream(error) => error.code(),
            RestoreError::Unresolved(_) => &codes::KEY_MISSING,
            RestoreError::Broken(_) | RestoreError::FileUnusable(_) | RestoreError::Unsupported(_) => {
                &codes::DUMP_UNUSABLE
            }
            RestoreError::TargetTaken { .. } => &codes::TARGET_TAKEN,
            RestoreError::RolesMissing(_) => &codes::ROLES_MISSING,
            RestoreError::TablesTied { .. } => &codes::TABLES_TIED,
            RestoreError::Differs(_) => &codes::RESTORED_DIFFERS,
            RestoreError::Safety(_) => &codes::SAFETY_BACKUP_FAILED,
            RestoreError::Hook { .. } => &codes::HOOK_FAILED,
            RestoreError::Spool(_) => &codes::STREAM_FAILED,
            RestoreError::Interrupted | RestoreError::FolderUnfinished => &codes::INTERRUPTED,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            RestoreError::NoChoice(NoChoice::Damaged(_)) => {
                "Choose an older backup with `--from ID`; `backstay list` shows them.".to_owned()
            }
            RestoreError::NoBase(NoBase::Damaged(_)) => "Choose another one with `--from ID`.".to_owned(),
            RestoreError::NoBase(NoBase::TooEarly { .. }) => {
                "Choose a later moment, or restore the oldest backup with `--from ID --immediate`.".to_owned()
            }
            RestoreError::NoWay(NoWay::NoArchive(_)) => {
                "Restore the backup as it is with `--immediate`.".to_owned()
            }
            RestoreError::NoWay(NoWay::Behind { is_gap: true, .. }) => {
                "Choose an earlier moment, or a backup after the gap; `backstay wal list` shows what there is.".to_owned()
            }
            RestoreError::NoWay(NoWay::Behind { .. }) => {
                "Choose an earlier moment or `--latest`; if the server still runs, `SELECT pg_switch_wal()` brings the rest \
                 into the archive."
                    .to_owned()
            }
            RestoreError::NoWay(NoWay::NotCovered(_)) => {
                "Choose a timeline with `--timeline N`; `backstay wal list` shows them.".to_owned()
            }
            RestoreError::NoBase(NoBase::None(_)) => {
                "Run `backstay list`; one is made by a tier with `method: physical`.".to_owned()
            }
            RestoreError::NoChoice(_) => "Run `backstay list` to see the backups there are.".to_owned(),
            RestoreError::Cold(error) => return error.hint(),
            RestoreError::NoSelection(_) => "Run `backstay show ID` to see the tables of a backup.".to_owned(),
            RestoreError::Repository(error) => return error.hint(),
            RestoreError::Postgres(error) => return error.hint(),
            RestoreError::Stream(error) => return error.hint(),
            RestoreError::Unresolved(_) => {
                "Set the variable or create the file that `encryption` in the policy refers to.".to_owned()
            }
            RestoreError::TargetTaken { hint, .. } => hint.clone(),
            RestoreError::RolesMissing(_) => {
                "Create them first (the backup's `globals.sql` has them, see docs/restore.md), or leave owners and \
                 grants out with `--no-owner`."
                    .to_owned()
            }
            RestoreError::TablesTied { .. } => {
                "Restore with `--into NEW_DB` and copy the rows over from there.".to_owned()
            }
            RestoreError::Differs(_) => {
                "Restore another backup with `--from ID`, or verify this one with `backstay verify --deep`.".to_owned()
            }
            RestoreError::Safety(_) => {
                "Mend what it says, or go without it: `--skip-safety-backup`; the old database is kept aside anyway."
                    .to_owned()
            }
            RestoreError::Hook { .. } => "Run the command by hand, as the same user.".to_owned(),
            RestoreError::Spool(_) => "Set `TMPDIR` to a folder with enough space, or use `--jobs 1`.".to_owned(),
            RestoreError::Interrupted => "Run the same command again; it starts from the beginning.".to_owned(),
            RestoreError::FolderUnfinished => {
                "Run the same command again with `--delta --yes`: files that are there are used again.".to_owned()
            }
            RestoreError::Broken(_) | RestoreError::FileUnusable(_) | RestoreError::Unsupported(_) => return None,
        })
    }
}
