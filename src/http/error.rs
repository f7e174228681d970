//! What can go wrong with a request.

use crate::diag::{Code, Explain, codes};

/// A request was not taken. Of the URL only the host is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// It cannot be asked at all.
    #[error("the URL cannot be used: {problem}")]
    Unusable {
        /// What is wrong with it; never the text itself.
        problem: String,
    },
    /// There is no way to the server, or it broke.
    #[error("{host} cannot be reached: {problem}")]
    Unreachable {
        /// Which server.
        host: String,
        /// What the system or the server said.
        problem: String,
    },
    /// No answer in time.
    #[error("{host} did not answer within {seconds} s")]
    Silent {
        /// Which server.
        host: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The server said no.
    #[error("{host} answers {status}{words}")]
    Refused {
        /// Which server.
        host: String,
        /// The status.
        status: u16,
        /// What else it said, after a colon; may be empty.
        words: String,
        /// It may say yes a moment later.
        passing: bool,
    },
}

impl HttpError {
    /// True when the same request may succeed a moment later. After silence it is not known whether the server took it.
    pub fn is_passing(&self) -> bool {
        match self {
            HttpError::Unusable { .. } | HttpError::Silent { .. } => false,
            HttpError::Unreachable { .. } => true,
            HttpError::Refused { passing, .. } => *passing,
        }
    }
}

impl Explain for HttpError {
    fn code(&self) -> &'static Code {
        &codes::REQUEST_FAILED
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            HttpError::Unusable { .. } => "Write a URL that begins with `https://` or `http://`.".to_owned(),
            HttpError::Unreachable { host, .. } | HttpError::Silent { host, .. } => {
                format!("Try `curl -sS -o /dev/null https://{host}` from this machine; `HTTPS_PROXY` names a proxy.")
            }
            HttpError::Refused { status: 300..=399, .. } => {
                "Write the URL that it leads to: none is followed.".to_owned()
            }
            HttpError::Refused { status: 500..=599 | 429, .. } => "Try again later.".to_owned(),
            HttpError::Refused { .. } => "Check the URL and the key.".to_owned(),
        })
    }
}
