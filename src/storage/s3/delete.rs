//! Deleting objects in batches, and giving up uploads.

use super::store::S3Store;
use super::trouble::{Call, Trouble};
use crate::storage::key::is_key;
use crate::storage::{DeleteOutcome, ObjectStore, StorageError};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use std::collections::HashMap;

/// Most keys that S3 deletes in one call.
const BATCH: usize = 1_000;

fn call(key: &str) -> Call<'_> {
    Call { operation: "delete", permission: "s3:DeleteObject", key }
}

pub(super) async fn delete(store: &S3Store, keys: &[String]) -> Result<Vec<DeleteOutcome>, StorageError> {
    let (good, bad): (Vec<&String>, Vec<&String>) = keys.iter().partition(|key| is_key(key));
    let mut outcomes: HashMap<&str, Result<(), StorageError>> = HashMap::new();
    for key in bad {
        outcomes.insert(key, Err(StorageError::invalid_key(store.location(), "delete", key)));
    }
    for batch in good.chunks(BATCH) {
        for (key, outcome) in delete_batch(store, batch).await {
            outcomes.insert(key, outcome);
        }
    }
    Ok(keys.iter().map(|key| (key.clone(), outcomes.get(key.as_str()).cloned().unwrap_or(Ok(())))).collect())
}

/// Deletes up to a thousand keys in one call, which may be repeated. A call that fails as a whole failed for every key.
async fn delete_batch<'a>(store: &S3Store, keys: &[&'a String]) -> Vec<(&'a str, Result<(), StorageError>)> {
    let identifiers = keys.iter().filter_map(|key| ObjectIdentifier::builder().key(store.full(key)).build().ok());
    // Neither can fail: every key is given.
    let Ok(all) = Delete::builder().set_objects(Some(identifiers.collect())).quiet(true).build() else {
        return Vec::new();
    };
    let request = store.client().await.delete_objects().bucket(store.bucket()).delete(all);
    let request = request.set_expected_bucket_owner(store.owner().await);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            let failed = |key: &&'a String| (key.as_str(), Err(store.problem(call(key), &error)));
            return keys.iter().map(failed).collect();
        }
    };
    let mut refused: HashMap<String, Trouble> = HashMap::new();
    for error in answer.errors() {
        let key = error.key().and_then(|full| store.within(full)).unwrap_or_default().to_owned();
        let code = error.code().unwrap_or_default().to_owned();
        let problem = format!("{code}: {}", error.message().unwrap_or_default());
        let status = matches!(code.as_str(), "InternalError" | "SlowDown").then_some(503).or(Some(400));
        refused.insert(key, Trouble { code, problem, status, region: None });
    }
    let mut outcome = |key: &&'a String| match refused.remove(key.as_str()) {
        Some(trouble) if trouble.code == "NoSuchKey" => (key.as_str(), Ok(())),
        Some(trouble) => (key.as_str(), Err(store.error(call(key), trouble))),
        None => (key.as_str(), Ok(())),
    };
    keys.iter().map(&mut outcome).collect()
}

/// Gives up an upload. May be repeated.
pub(super) async fn abort(store: &S3Store, key: &str, upload: &str) -> Result<(), StorageError> {
    let request = store.client().await.abort_multipart_upload().bucket(store.bucket()).key(store.full(key));
    let request = request.upload_id(upload).set_expected_bucket_owner(store.owner().await);
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let trouble = Trouble::of(&error);
            if trouble.code == "NoSuchUpload" || trouble.is_absent() {
                return Ok(());
            }
            let call = Call { operation: "delete", permission: "s3:AbortMultipartUpload", key };
            Err(store.error(call, trouble))
        }
    }
}
