//! What a server answered instead of doing it, sorted by its code.

use crate::base::causes;
use crate::resource::StorageClass;
use crate::storage::StorageError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// A call that failed.
#[derive(Debug)]
pub(super) struct Trouble {
    /// Code of the server, such as `NoSuchKey`; empty when it gave none.
    pub(super) code: String,
    /// What is told to people.
    pub(super) problem: String,
    /// Status of the answer; `None` when there was no answer.
    pub(super) status: Option<u16>,
    /// The bucket's region, where the server names it.
    pub(super) region: Option<String>,
}

/// What was tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// As errors name it, such as `write`.
    pub(super) operation: &'static str,
    /// What has to be allowed for it.
    pub(super) permission: &'static str,
    /// The key, without the store's prefix.
    pub(super) key: &'a str,
}

impl Trouble {
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Trouble
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let response = error.raw_response();
        let code = error.code().unwrap_or_default().to_owned();
        let problem = match (error.message(), code.as_str()) {
            (Some(message), code) if !code.is_empty() => format!("{code}: {message}"),
            (_, code) if !code.is_empty() => code.to_owned(),
            _ => match response {
                Some(response) if !response.status().is_success() => {
                    format!("the server answered with status {}", response.status().as_u16())
                }
                // No answer, or one that is not understood.
                _ => causes(error),
            },
        };
        Trouble {
            region: response
                .and_then(|response| response.headers().get("x-amz-bucket-region"))
                .map(ToOwned::to_owned)
                .or_else(|| error.message().and_then(expected_region)),
            status: response.map(|response| response.status().as_u16()),
            code,
            problem,
        }
    }

    /// The condition of the call did not hold.
    pub(super) fn is_precondition(&self) -> bool {
        self.status == Some(412) || self.code == "PreconditionFailed"
    }

    /// Someone else wrote at the same time.
    pub(super) fn is_conflict(&self) -> bool {
        self.status == Some(409)
    }

    /// The server does not know such calls, or headers in them.
    pub(super) fn is_not_implemented(&self) -> bool {
        self.status == Some(501) || self.code == "NotImplemented"
    }

    /// It is unknown whether the call took place.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.status.is_none_or(|status| status >= 500)
    }

    /// The server gave no reason, as in every answer to HEAD.
    pub(super) fn is_silent(&self) -> bool {
        self.code.is_empty() && matches!(self.status, Some(301 | 307 | 400 | 403))
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self.code.as_str(), "NoSuchKey" | "NotFound") || (self.code.is_empty() && self.status == Some(404))
    }

    /// The error for users. `asked`: the region that was asked.
    pub(super) fn into_error(self, call: Call<'_>, location: String, asked: Option<String>) -> StorageError {
        let Call { operation, permission, key } = call;
        let key = key.to_owned();
        let Trouble { code, problem, status, region } = self;
        match (code.as_str(), status) {
            ("NoSuchBucket", _) => StorageError::BucketMissing { location },
            ("NoSuchKey" | "NotFound", _) | ("", Some(404)) => StorageError::NotFound { location, key },
            (
                "PermanentRedirect"
                | "TemporaryRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
                _,
            )
            | (_, Some(301 | 307)) => StorageError::WrongRegion { location, asked, right: region, problem },
            (
                "ExpiredToken"
                | "ExpiredTokenException"
                | "TokenRefreshRequired"
                | "InvalidToken"
                | "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "InvalidClientTokenId",
                _,
            ) => StorageError::NotLoggedIn { location, problem },
            ("", None) if problem.contains("redential") => StorageError::NotLoggedIn { location, problem },
            ("RequestTimeTooSkewed", _) => StorageError::ClockSkewed { location, problem },
            ("InvalidObjectState", _) => StorageError::Archived { location, key, class: StorageClass::Glacier },
            ("AccessDenied", _) if operation == "delete" && speaks_of_lock(&problem) => {
                StorageError::Locked { location, key, until: None }
            }
            ("AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "InvalidPayer", _) | ("", Some(403)) => {
                StorageError::Forbidden { location, operation, key, permission: permission.to_owned(), problem }
            }
            ("QuotaExceeded" | "StorageFull" | "XMinioStorageFull" | "InsufficientStorage", _) | (_, Some(507)) => {
                StorageError::Full { location, operation, key, problem }
            }
            (_, Some(412)) => StorageError::Changed { location, key },
            _ => {
                let transient = status.is_none_or(|status| status >= 500 || matches!(status, 408 | 409 | 429));
                StorageError::Failed { location, operation, key, problem, transient }
            }
        }
    }
}

/// S3 says AccessDenied of locked objects; only its words tell why.
fn speaks_of_lock(problem: &str) -> bool {
    let problem = problem.to_ascii_lowercase();
    ["object lock", "objectlock", "worm", "retention", "legal hold", "object protected"]
        .iter()
        .any(|word| problem.contains(word))
}

/// The region in "…; expecting 'eu-west-1'".
fn expected_region(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("expecting '")?;
    Some(rest.split_once('\'')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, status: Option<u16>, problem: &str, operation: &'static str) -> StorageError {
        let trouble = Trouble {
            code: code.to_owned(),
            problem: problem.to_owned(),
            status,
            region: Some("eu-west-1".to_owned()),
        };
        let call = Call { operation, permission: "s3:DeleteObject", key: "k" };
        trouble.into_error(call, "s3://b/".to_owned(), Some("us-east-1".to_owned()))
    }

    #[test]
    fn codes_become_errors_that_say_what_to_do() {
        let missing = |error| matches!(error, StorageError::BucketMissing { .. });
        assert!(missing(error("NoSuchBucket", Some(404), "", "read")));
        assert!(!missing(error("", Some(404), "", "read")));
        let region = error("", Some(301), "", "read");
        assert!(matches!(region, StorageError::WrongRegion { right: Some(right), .. } if right == "eu-west-1"));
        assert!(matches!(error("ExpiredToken", Some(400), "", "read"), StorageError::NotLoggedIn { .. }));
        assert!(matches!(error("RequestTimeTooSkewed", Some(403), "", "read"), StorageError::ClockSkewed { .. }));
        let locked = "AccessDenied: Access Denied because object protected by object lock.";
        assert!(matches!(error("AccessDenied", Some(403), locked, "delete"), StorageError::Locked { .. }));
        let denied = error("AccessDenied", Some(403), "AccessDenied: no", "delete");
        assert!(matches!(denied, StorageError::Forbidden { permission, .. } if permission == "s3:DeleteObject"));
        let transient = |error| matches!(error, StorageError::Failed { transient: true, .. });
        assert!(transient(error("SlowDown", Some(503), "", "read")) && transient(error("", None, "timeout", "read")));
        assert!(!transient(error("InvalidArgument", Some(400), "", "read")));
    }

    #[test]
    fn the_right_region_is_read_from_words_too() {
        let words = "the region 'us-east-1' is wrong; expecting 'eu-west-1'";
        assert_eq!(expected_region(words).as_deref(), Some("eu-west-1"));
        assert_eq!(expected_region("no"), None);
    }
}
