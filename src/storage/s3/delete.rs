//! Deleting objects in batches, and giving up uploads.

use super::store::S3Store;
use super::trouble::{Call, Trouble};
use crate::storage::key::is_key;
use crate::storage::{DeleteOutcome, ObjectStore, StorageError};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use std::collections::HashMap;

/// Most keys that S3 deletes in one call.
const BATCH: usize = 1_000;

/// What is deleted: an object, or one version of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doomed<'a> {
    pub(super) key: &'a str,
    pub(super) version: Option<&'a str>,
}

impl<'a> Doomed<'a> {
    fn call(&self) -> Call<'a> {
        let permission = if self.version.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
        Call { operation: "delete", permission, key: self.key }
    }
}

/// What became of a deletion.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    /// Keys that are still there, and why.
    pub(super) failures: HashMap<String, StorageError>,
    /// Markers that a deletion without version made, by key: the bucket keeps versions, or did.
    pub(super) markers: Vec<(String, String)>,
}

pub(super) async fn delete(store: &S3Store, keys: &[String]) -> Result<Vec<DeleteOutcome>, StorageError> {
    let (good, bad): (Vec<&String>, Vec<&String>) = keys.iter().partition(|key| is_key(key));
    let doomed: Vec<_> = good.into_iter().map(|key| Doomed { key, version: None }).collect();
    let mut failures = delete_batch(store, &doomed).await.failures;
    for key in bad {
        failures.insert(key.clone(), StorageError::invalid_key(store.location(), "delete", key));
    }
    Ok(keys.iter().map(|key| (key.clone(), failures.get(key).map_or(Ok(()), |error| Err(error.clone())))).collect())
}

/// Deletes everything given, a thousand in a call, which may be repeated. A call that fails as a whole failed for every
/// key of it.
pub(super) async fn delete_batch(store: &S3Store, doomed: &[Doomed<'_>]) -> Deleted {
    let mut deleted = Deleted::default();
    for batch in doomed.chunks(BATCH) {
        one_call(store, batch, &mut deleted).await;
    }
    deleted
}

async fn one_call(store: &S3Store, doomed: &[Doomed<'_>], deleted: &mut Deleted) {
    let identifier = |doomed: &Doomed<'_>| {
        let identifier = ObjectIdentifier::builder().key(store.full(doomed.key));
        identifier.set_version_id(doomed.version.map(ToOwned::to_owned)).build().ok()
    };
    // Neither can fail: every key is given.
    let Ok(all) = Delete::builder().set_objects(Some(doomed.iter().filter_map(identifier).collect())).build() else {
        return;
    };
    let request = store.client().await.delete_objects().bucket(store.bucket()).delete(all);
    let request = request.set_expected_bucket_owner(store.owner().await);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            let failed = |doomed: &Doomed<'_>| (doomed.key.to_owned(), store.problem(doomed.call(), &error));
            deleted.failures.extend(doomed.iter().map(failed));
            return;
        }
    };
    for error in answer.errors() {
        let key = error.key().and_then(|full| store.within(full)).unwrap_or_default();
        let code = error.code().unwrap_or_default().to_owned();
        // What is gone already counts as deleted.
        if matches!(code.as_str(), "NoSuchKey" | "NoSuchVersion") {
            continue;
        }
        let problem = format!("{code}: {}", error.message().unwrap_or_default());
        let status = matches!(code.as_str(), "InternalError" | "SlowDown").then_some(503).or(Some(400));
        let Some(doomed) = doomed.iter().find(|doomed| doomed.key == key) else { continue };
        let trouble = Trouble { code, problem, status, region: None };
        deleted.failures.insert(key.to_owned(), store.error(doomed.call(), trouble));
    }
    for one in answer.deleted().iter().filter(|one| one.delete_marker() == Some(true) && one.version_id().is_none()) {
        let key = one.key().and_then(|full| store.within(full)).unwrap_or_default().to_owned();
        deleted.markers.extend(one.delete_marker_version_id().map(|id| (key, id.to_owned())));
    }
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
