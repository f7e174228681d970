//! What AWS answered instead of doing it, and what a person can do about it.

use crate::diag::{Code, Explain, codes};

/// A call of AWS failed. `operation` is written as the permission that it needs, such as `s3:PutBucketPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// We may not.
    #[error("{operation} was refused: {problem}")]
    Denied {
        /// The operation; also the permission that is missing.
        operation: &'static str,
        /// What AWS said.
        problem: String,
    },
    /// No credentials were found, or AWS does not know them.
    #[error("{operation}: AWS does not accept the credentials: {problem}")]
    Unknown {
        /// The operation.
        operation: &'static str,
        /// What AWS or the search for credentials said.
        problem: String,
    },
    /// The credentials were good for some time that is over.
    #[error("{operation}: the credentials have expired: {problem}")]
    Expired {
        /// The operation.
        operation: &'static str,
        /// What AWS said.
        problem: String,
    },
    /// This machine's clock is too far from that of AWS.
    #[error("{operation}: the clock of this machine is too far from that of AWS: {problem}")]
    ClockSkewed {
        /// The operation.
        operation: &'static str,
        /// What AWS said.
        problem: String,
    },
    /// The bucket is in another region than the one that was asked.
    #[error("{operation}: the bucket is not in this region{}", region.as_ref().map(|r| format!(" but in {r}")).unwrap_or_default())]
    RegionWrong {
        /// The operation.
        operation: &'static str,
        /// Where it is, if AWS said so.
        region: Option<String>,
    },
    /// A bucket of this name exists and is not ours, or we may not even look at it.
    #[error("the bucket `{bucket}` exists, and belongs to someone else or may not be looked at: {problem}")]
    Foreign {
        /// The bucket.
        bucket: String,
        /// What AWS said.
        problem: String,
    },
    /// AWS asked to slow down, again and again.
    #[error("{operation}: AWS asks to slow down: {problem}")]
    Throttled {
        /// The operation.
        operation: &'static str,
        /// What AWS said.
        problem: String,
    },
    /// A change was accepted and does not show.
    #[error("it was written, and {waited} later AWS still shows something else: {fields}")]
    NotSeen {
        /// For how long it was looked at.
        waited: String,
        /// What differs.
        fields: String,
    },
    /// Something that is not ours stands in a document since the plan was made; writing would remove it.
    #[error("{what} since the plan was made, and writing now would remove it")]
    Moved {
        /// What came.
        what: String,
    },
    /// Anything else.
    #[error("{operation} failed: {problem}")]
    Failed {
        /// The operation.
        operation: &'static str,
        /// The code of the answer, such as `NoSuchBucket`; empty where there was none.
        code: String,
        /// What AWS said, or what came between.
        problem: String,
    },
}

impl AwsError {
    /// A call whose words could not be put together, or whose answer could not be read.
    pub(super) fn unsaid(operation: &'static str, problem: &dyn std::error::Error) -> AwsError {
        AwsError::Failed { operation, code: String::new(), problem: problem.to_string() }
    }
}

impl Explain for AwsError {
    fn code(&self) -> &'static Code {
        match self {
            AwsError::Denied { .. } => &codes::AWS_DENIED,
            AwsError::Unknown { .. } => &codes::AWS_LOGIN_REFUSED,
            AwsError::Expired { .. } => &codes::AWS_LOGIN_REFUSED,
            AwsError::ClockSkewed { .. } => &codes::CLOCK_SKEWED,
            AwsError::RegionWrong { .. } => &codes::BUCKET_ELSEWHERE,
            AwsError::Foreign { .. } => &codes::BUCKET_FOREIGN,
            AwsError::Throttled { .. } => &codes::AWS_THROTTLED,
            AwsError::NotSeen { .. } => &codes::AWS_NOT_SEEN,
            AwsError::Moved { .. } => &codes::AWS_MOVED,
            AwsError::Failed { .. } => &codes::AWS_FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            AwsError::Denied { operation, .. } => {
                Some(format!("Allow `{operation}` to this caller, then run the same command again."))
            }
            AwsError::Unknown { .. } => {
                Some("See with `aws sts get-caller-identity` who you are, and what `credentials` names.".to_owned())
            }
            AwsError::Expired { .. } => Some("Log in again, such as with `aws sso login`.".to_owned()),
            AwsError::ClockSkewed { .. } => Some("Set this machine's clock, such as with `timedatectl`.".to_owned()),
            AwsError::RegionWrong { region: Some(region), .. } => {
                Some(format!("Write `region: {region}` at this storage."))
            }
            AwsError::RegionWrong { region: None, .. } => Some(
                "Find its region with `aws s3api get-bucket-location --bucket NAME` and write it as `region`."
                    .to_owned(),
            ),
            AwsError::Foreign { bucket, .. } => Some(format!(
                "Choose another name, or allow `s3:ListBucket` on `arn:aws:s3:::{bucket}` if it is yours."
            )),
            AwsError::Throttled { .. } | AwsError::NotSeen { .. } => {
                Some("Wait a few minutes, then run the same command again.".to_owned())
            }
            AwsError::Moved { .. } => Some("Run `backstay plan` again.".to_owned()),
            AwsError::Failed { .. } => None,
        }
    }
}
