//! What can go wrong when the world is asked.

use crate::base::UnresolvedReference;
use crate::diag::{Code, Explain, codes};
use crate::provider::FolderError;
use crate::repository::RepositoryError;

/// A storage could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A reference in the policy has no value here.
    #[error("`storage.{storage}`: {problem}")]
    Reference {
        /// The storage.
        storage: String,
        /// The reference.
        problem: UnresolvedReference,
    },
    /// This version does not act on storages of its kind.
    #[error("storage `{0}` is of a kind that this version of backstay does not manage")]
    Unmanaged(String),
    /// The policy has no storage of this name.
    #[error("there is no storage `{0}` in the policy")]
    Unknown(String),
    /// A step for a folder is about a storage that lies in none.
    #[error("storage `{0}` lies in no folder any more")]
    NoFolder(String),
    /// Its folder could not be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its repository could not be read.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl Explain for ObserveError {
    fn code(&self) -> &'static Code {
        match self {
            ObserveError::Reference { .. } => &codes::REFERENCE_UNRESOLVED,
            ObserveError::Unmanaged(_) | ObserveError::Unknown(_) | ObserveError::NoFolder(_) => &codes::STORE_FAILED,
            ObserveError::Folder(e) => e.code(),
            ObserveError::Repository(e) => e.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ObserveError::Reference { .. } => {
                Some("Set the variable or create the file, then run the command again.".to_owned())
            }
            ObserveError::Unmanaged(_) => {
                Some("Run `backstay plan` to see which parts of the policy are not managed.".to_owned())
            }
            ObserveError::Unknown(_) => Some("Run `backstay plan` to see the storages of the policy.".to_owned()),
            ObserveError::NoFolder(_) => Some("Run `backstay plan` again.".to_owned()),
            ObserveError::Folder(e) => e.hint(),
            ObserveError::Repository(e) => e.hint(),
        }
    }
}
