//! Who we are to AWS.

use super::AwsError;
use crate::resource::Caller;
use crate::storage::AwsConnection;
use aws_sdk_sts::error::DisplayErrorContext;

/// Asks STS. Needs no permission.
pub async fn caller(connection: &AwsConnection) -> Result<Caller, AwsError> {
    let client = aws_sdk_sts::Client::new(connection.config().await);
    let said = client.get_caller_identity().send().await.map_err(|problem| AwsError::Failed {
        operation: "sts:GetCallerIdentity",
        problem: DisplayErrorContext(&problem).to_string(),
    })?;
    Ok(Caller { account: said.account.unwrap_or_default(), arn: said.arn.unwrap_or_default() })
}
