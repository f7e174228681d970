//! Why nothing can be adopted at all.

use crate::diag::{Code, Explain, codes};
use crate::repository::RepositoryError;
use crate::stream::StreamError;

/// Adopting did not begin, or broke off.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The repository refused or failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Someone asked to stop.
    #[error("interrupted; what was adopted stays adopted")]
    Interrupted,
    /// The policy does not let such a backup be there.
    #[error("{problem}")]
    Impossible {
        /// What stands against it.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// No file has such a name.
    #[error("no file below `{prefix}` in {location} has a name like `{pattern}`")]
    Nothing {
        /// Where was looked.
        prefix: String,
        /// The store.
        location: String,
        /// The pattern.
        pattern: String,
        /// Names that are there.
        there: Vec<String>,
    },
}

impl From<StreamError> for AdoptError {
    fn from(_: StreamError) -> AdoptError {
        // Reading one dump fails for itself; only a wish to stop ends everything.
        AdoptError::Interrupted
    }
}

impl Explain for AdoptError {
    fn code(&self) -> &'static Code {
        match self {
            AdoptError::Repository(error) => error.code(),
            AdoptError::Interrupted => &codes::INTERRUPTED,
            AdoptError::Impossible { .. } => &codes::ADOPTION_IMPOSSIBLE,
            AdoptError::Nothing { .. } => &codes::ADOPTION_EMPTY,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            AdoptError::Repository(error) => return error.hint(),
            AdoptError::Interrupted => "Run the same command again; it goes on with what is left.".to_owned(),
            AdoptError::Impossible { hint, .. } => hint.clone(),
            AdoptError::Nothing { there, .. } if there.is_empty() => {
                "There is no file at all: give the folder as it is called inside the storage, as in `backstay adopt \
                 local production`."
                    .to_owned()
            }
            AdoptError::Nothing { there, .. } => format!(
                "There are {}; write the pattern as these names go, with `{{timestamp}}` where the moment stands.",
                there.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            ),
        })
    }
}
