//! What keeps an object from being deleted: its retention, and holds.

use super::store::S3Store;
use super::trouble::Trouble;
use crate::storage::{Protection, StorageError};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::ObjectLockLegalHoldStatus;
use jiff::Timestamp;

/// HEAD tells it to whoever may read the object; who may only delete has to ask for the lock alone.
pub(super) async fn protection(store: &S3Store, key: &str) -> Result<Protection, StorageError> {
    match store.look(key).await {
        Ok(None) => Ok(Protection::Free),
        Ok(Some(head)) => {
            let is_held = head.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On);
            Ok(protected(is_held, head.object_lock_retain_until_date()))
        }
        Err(StorageError::Forbidden { .. }) => Ok(ask(store, key).await),
        Err(error) => Err(error),
    }
}

fn protected(is_held: bool, until: Option<&DateTime>) -> Protection {
    match until.and_then(|until| Timestamp::from_second(until.secs()).ok()) {
        _ if is_held => Protection::Held,
        Some(until) => Protection::Until(until),
        None => Protection::Free,
    }
}

/// Asks for lock and hold. A bucket without object lock answers with an error, and so does one that we may not ask
/// because the policy locks nothing there.
async fn ask(store: &S3Store, key: &str) -> Protection {
    let (client, owner) = (store.client().await, store.owner().await);
    let retention = client.get_object_retention().bucket(store.bucket()).key(store.full(key));
    let until = match retention.set_expected_bucket_owner(owner.clone()).send().await {
        Ok(answer) => answer.retention().and_then(|retention| retention.retain_until_date().copied()),
        Err(error) if Trouble::of(&error).code == "NoSuchObjectLockConfiguration" => None,
        Err(_) => return Protection::Free,
    };
    let hold = client.get_object_legal_hold().bucket(store.bucket()).key(store.full(key));
    let hold = hold.set_expected_bucket_owner(owner).send().await.ok();
    let status = hold.as_ref().and_then(|hold| hold.legal_hold()).and_then(|hold| hold.status());
    protected(status == Some(&ObjectLockLegalHoldStatus::On), until.as_ref())
}
