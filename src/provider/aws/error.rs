//! What AWS answered instead of doing it.

use crate::diag::{Code, Explain, codes};

/// A call of AWS failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// We may not.
    #[error("{operation} was refused: {problem}")]
    Denied {
        /// The operation, such as `s3:PutBucketPolicy`; also the permission that is missing.
        operation: &'static str,
        /// What AWS said.
        problem: String,
    },
    /// Anything else.
    #[error("{operation} failed: {problem}")]
    Failed {
        /// The operation.
        operation: &'static str,
        /// What AWS said, or what came between.
        problem: String,
    },
}

impl Explain for AwsError {
    fn code(&self) -> &'static Code {
        match self {
            AwsError::Denied { .. } => &codes::STORE_DENIED,
            AwsError::Failed { .. } => &codes::STORE_FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            AwsError::Denied { operation, .. } => Some(format!("Allow `{operation}` to this caller, then plan again.")),
            AwsError::Failed { .. } => None,
        }
    }
}
