//! The policy of a bucket.

use super::AwsError;
use super::answer::{meaning, unless_absent};
use super::at::At;
use crate::resource::BucketPolicy;
use serde_json::{Map, Value, json};

/// Version of policy documents that says none: an older one.
const UNSAID: &str = "2008-10-17";

/// Its statements; none where there is no policy.
pub(super) async fn read(at: &At) -> Result<Option<BucketPolicy>, AwsError> {
    const OPERATION: &str = "s3:GetBucketPolicy";
    let call = at.s3.get_bucket_policy().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let Some(text) = unless_absent(OPERATION, call.send().await, &["NoSuchBucketPolicy"])?.and_then(|f| f.policy)
    else {
        return Ok(None);
    };
    let document: Value = serde_json::from_str(&text).map_err(|error| AwsError::unsaid(OPERATION, &error))?;
    Ok(Some(canonical(&document)))
}

fn canonical(document: &Value) -> BucketPolicy {
    let text = |key: &str| document.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let statements = match document.get("Statement") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(statements)) => statements.clone(),
        Some(one) => vec![one.clone()],
    };
    BucketPolicy {
        version: text("Version").unwrap_or(UNSAID).to_owned(),
        id: text("Id").map(str::to_owned),
        statements,
    }
}

/// The document as AWS takes it.
fn document(policy: &BucketPolicy) -> Value {
    let mut document = Map::new();
    document.insert("Version".to_owned(), json!(policy.version));
    if let Some(id) = &policy.id {
        document.insert("Id".to_owned(), json!(id));
    }
    document.insert("Statement".to_owned(), json!(policy.statements));
    Value::Object(document)
}

/// Replaces it; without statements it is removed.
pub(super) async fn write(at: &At, wanted: &BucketPolicy) -> Result<(), AwsError> {
    let owner = at.owner.clone();
    if wanted.statements.is_empty() {
        let sent = at.s3.delete_bucket_policy().bucket(&at.bucket).set_expected_bucket_owner(owner).send().await;
        return sent.map(drop).map_err(|error| meaning("s3:DeleteBucketPolicy", &error));
    }
    let call = at.s3.put_bucket_policy().bucket(&at.bucket).set_expected_bucket_owner(owner);
    let sent = call.policy(document(wanted).to_string()).send().await;
    sent.map(drop).map_err(|error| meaning("s3:PutBucketPolicy", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_statement_is_a_list_and_everything_else_survives() {
        let said = json!({ "Id": "x", "Statement": { "Sid": "a", "Effect": "Deny", "New": { "field": 1 } } });
        let policy = canonical(&said);
        assert_eq!((policy.version.as_str(), policy.statements.len()), (UNSAID, 1));
        let again = canonical(&document(&policy));
        assert_eq!(again, policy);
        assert_eq!(document(&policy)["Statement"][0]["New"]["field"], 1);
    }
}
