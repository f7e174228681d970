//! What an answer of AWS means: the documented codes and statuses, sorted into what can be done about them.

use super::AwsError;
use crate::base::causes;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// The parts of a refusal that decide what it means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its code, such as `AccessDenied`; empty where there was none, as for every answer to HEAD.
    pub code: String,
    /// Its status.
    pub status: Option<u16>,
    /// What it said, or what came between.
    pub message: String,
    /// The region that it names.
    pub region: Option<String>,
}

impl Answer {
    /// The answer in an error of the SDK.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Answer
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let response = error.raw_response();
        let message = match error.meta().message() {
            Some(message) if !message.is_empty() => message.to_owned(),
            _ => match response {
                Some(response) if !response.status().is_success() => format!("status {}", response.status().as_u16()),
                // Not the answer itself: it may hold the secret of a key.
                _ => causes(error),
            },
        };
        let header = response.and_then(|response| response.headers().get("x-amz-bucket-region"));
        Answer {
            code: error.meta().code().unwrap_or_default().to_owned(),
            status: response.map(|response| response.status().as_u16()),
            region: header.map(str::to_owned).or_else(|| expected_region(&message)),
            message,
        }
    }

    /// What it means for this operation.
    pub(super) fn meaning(self, operation: &'static str) -> AwsError {
        let Answer { code, status, message, region } = self;
        // A sentence of ours goes on after it.
        let problem = message.trim_end_matches('.').to_owned();
        // The same code with another text where the service is of the older kind.
        let is_late = problem.contains("Signature expired") || problem.contains("Signature not yet current");
        match code.as_str() {
            _ if is_late => AwsError::ClockSkewed { operation, problem },
            "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => {
                AwsError::ClockSkewed { operation, problem }
            }
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
                AwsError::Expired { operation, problem }
            }
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidToken"
            | "AuthFailure"
            | "MissingAuthenticationToken" => AwsError::Unknown { operation, problem },
            "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" | "IncorrectEndpoint" => {
                AwsError::RegionWrong { operation, region }
            }
            "SlowDown" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException" => {
                AwsError::Throttled { operation, problem }
            }
            "AccessDenied" | "AccessDeniedException" | "AllAccessDisabled" | "UnauthorizedOperation" => {
                AwsError::Denied { operation, problem }
            }
            "" => match status {
                Some(301 | 307) => AwsError::RegionWrong { operation, region },
                Some(403) => AwsError::Denied { operation, problem },
                Some(429 | 503) => AwsError::Throttled { operation, problem },
                None if lacks_credentials(&problem) => AwsError::Unknown { operation, problem },
                _ => AwsError::Failed { operation, code, problem },
            },
            // Refused to everybody.
            "CrossLocationLoggingProhibited" => AwsError::Failed { operation, code, problem },
            _ if status == Some(403) => AwsError::Denied { operation, problem: format!("{code}: {problem}") },
            _ => AwsError::Failed { operation, problem: format!("{code}: {problem}"), code },
        }
    }
}

/// What an error of the SDK means for this operation.
pub(super) fn meaning<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Answer::of(error).meaning(operation)
}

/// The result of a call, where answers with one of these codes say that there is nothing.
pub(super) fn unless_absent<T, E>(
    operation: &'static str,
    result: Result<T, SdkError<E, HttpResponse>>,
    absent: &[&str],
) -> Result<Option<T>, AwsError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => match Answer::of(&error) {
            // A server that does not know a setting has none.
            answer if absent.contains(&answer.code.as_str()) || answer.code == "NotImplemented" => Ok(None),
            answer => Err(answer.meaning(operation)),
        },
    }
}

/// The region in `the region 'us-east-1' is wrong; expecting 'eu-west-1'`.
fn expected_region(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("expecting '")?;
    rest.split_once('\'').map(|(region, _)| region.to_owned())
}

fn lacks_credentials(problem: &str) -> bool {
    ["CredentialsNotLoaded", "no providers in chain provided", "credentials provider", "ProviderError"]
        .iter()
        .any(|words| problem.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Explain;

    #[test]
    fn answers_are_told_apart() {
        let said = |code: &str, status: u16, message: &str| Answer {
            code: code.to_owned(),
            status: Some(status),
            message: message.to_owned(),
            region: expected_region(message),
        };
        let table = [
            (said("AccessDenied", 403, "no"), "BS560"),
            (said("", 403, "status 403"), "BS560"),
            (said("InvalidAccessKeyId", 403, "unknown"), "BS552"),
            (said("SignatureDoesNotMatch", 403, "wrong"), "BS552"),
            (said("ExpiredToken", 400, "The provided token has expired."), "BS552"),
            (said("RequestTimeTooSkewed", 403, "too large"), "BS553"),
            (said("SignatureDoesNotMatch", 403, "Signature expired: 2026 is now earlier than 2027"), "BS553"),
            (said("PermanentRedirect", 301, "elsewhere"), "BS551"),
            (said("", 301, "status 301"), "BS551"),
            (said("SlowDown", 503, "reduce"), "BS562"),
            (said("MalformedPolicy", 400, "Invalid principal in policy"), "BS565"),
        ];
        for (answer, code) in table {
            assert_eq!(answer.clone().meaning("s3:GetBucketPolicy").code().id, code, "{answer:?}");
        }
        let wrong = said("AuthorizationHeaderMalformed", 400, "the region 'a' is wrong; expecting 'eu-west-1'");
        assert!(wrong.meaning("s3:ListBucket").hint().is_some_and(|hint| hint.contains("region: eu-west-1")));
    }
}
