//! What can go wrong with a stream.

use crate::codec::AgeError;
use crate::diag::{Code, Explain, codes};
use crate::storage::StorageError;

/// A stream broke off.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Reading the source failed.
    #[error("cannot read {what}: {problem}")]
    Source {
        /// What was read.
        what: String,
        /// What the operating system said.
        problem: std::io::Error,
    },
    /// Writing the result failed.
    #[error("cannot write what was read: {0}")]
    Sink(std::io::Error),
    /// Every destination failed; this is the first failure.
    #[error("{0}")]
    AllDestinationsFailed(StorageError),
    /// Someone asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// The stored bytes are not what was written.
    #[error("{0}")]
    Damaged(String),
    /// No key is at hand, or none that fits.
    #[error("{0}")]
    NoKey(String),
    /// A key or recipient of the policy cannot be used.
    #[error("{0}")]
    BadKey(String),
    /// A program that does a part of the work is missing or failed.
    #[error("`{program}` failed: {problem}")]
    Program {
        /// The program.
        program: &'static str,
        /// What it said.
        problem: String,
    },
    /// Compressing failed, or a thread could not be started.
    #[error("cannot process the bytes: {0}")]
    Process(std::io::Error),
}

impl From<AgeError> for StreamError {
    fn from(error: AgeError) -> StreamError {
        match error {
            AgeError::Recipient { .. } | AgeError::Identity(_) => StreamError::BadKey(error.to_string()),
            AgeError::NoKey(problem) => StreamError::NoKey(problem),
            AgeError::Damaged(_) => StreamError::Damaged(error.to_string()),
            AgeError::Io(error) => StreamError::Process(error),
        }
    }
}

impl Explain for StreamError {
    fn code(&self) -> &'static Code {
        match self {
            StreamError::AllDestinationsFailed(error) => error.code(),
            StreamError::Source { .. } | StreamError::Sink(_) | StreamError::Process(_) => &codes::STREAM_FAILED,
            StreamError::Cancelled => &codes::INTERRUPTED,
            StreamError::Damaged(_) => &codes::BYTES_DAMAGED,
            StreamError::NoKey(_) | StreamError::BadKey(_) => &codes::KEY_MISSING,
            StreamError::Program { .. } => &codes::CODEC_PROGRAM,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            StreamError::AllDestinationsFailed(error) => error.hint(),
            StreamError::Damaged(_) => Some(
                "Restore from another copy with `--storage`, or run `backstay list` for another backup.".to_owned(),
            ),
            StreamError::NoKey(_) | StreamError::BadKey(_) => Some(
                "Give the private key or passphrase under `encryption` in the policy, as a reference that works here."
                    .to_owned(),
            ),
            StreamError::Program { program: "gpg", .. } => {
                Some("Install GnuPG with `apt-get install gnupg`, or look at what it said.".to_owned())
            }
            StreamError::Program { .. } => None,
            StreamError::Cancelled => Some("Run the same command again; what is done stays done.".to_owned()),
            StreamError::Source { problem, .. } if problem.kind() == std::io::ErrorKind::IsADirectory => {
                Some("Bring a dump that is a folder back with `pg_restore --format=directory`.".to_owned())
            }
            StreamError::Source { .. } | StreamError::Sink(_) | StreamError::Process(_) => None,
        }
    }
}
