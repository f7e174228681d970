//! What can go wrong with a channel.

use crate::base::UnresolvedReference;
use crate::diag::{Code, Explain, codes};
use crate::http::HttpError;

/// A channel did not take a message. Nothing secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// A reference has no value.
    #[error(transparent)]
    Unresolved(#[from] UnresolvedReference),
    /// Over HTTP.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A value of the channel cannot be used.
    #[error("its {what} cannot be used: {problem}")]
    Unusable {
        /// Which value.
        what: &'static str,
        /// What is wrong with it; never the text itself.
        problem: String,
    },
    /// By mail.
    #[error("the mail server {host} {problem}")]
    Mail {
        /// Which server.
        host: String,
        /// What it did not do.
        problem: String,
    },
    /// By SNS.
    #[error("SNS does not take it: {0}")]
    Sns(String),
    /// It took too long in all.
    #[error("it took longer than {0} s")]
    Slow(u64),
    /// An earlier message of the same run failed in a way that waiting does not help.
    #[error("not tried after the message before it: {0}")]
    GivenUp(String),
}

impl NotifyError {
    /// True when the next message to the same channel would fare no better and only cost time.
    pub(super) fn is_lasting(&self) -> bool {
        !matches!(self, NotifyError::Http(HttpError::Refused { .. }))
    }
}

impl Explain for NotifyError {
    fn code(&self) -> &'static Code {
        &codes::CHANNEL_FAILED
    }

    fn hint(&self) -> Option<String> {
        match self {
            NotifyError::Http(error) => error.hint(),
            NotifyError::Unresolved(_) => {
                Some("Set it where backstay runs, and try with `backstay alert test`.".to_owned())
            }
            _ => Some("Try it with `backstay alert test`.".to_owned()),
        }
    }
}
