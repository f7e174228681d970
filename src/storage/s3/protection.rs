//! What keeps an object from being deleted: its retention, and holds; and keeping it longer.

use super::store::S3Store;
use super::trouble::{Call, Trouble};
use super::write;
use crate::resource::LockedUntil;
use crate::storage::{Placement, Protection, StorageError};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockLegalHoldStatus, ObjectLockRetention, ObjectLockRetentionMode};
use jiff::Timestamp;

/// HEAD tells it to whoever may read the object; who may only delete has to ask for the lock alone.
pub(super) async fn protection(store: &S3Store, key: &str) -> Result<Protection, StorageError> {
    match store.look(key).await {
        Ok(None) => Ok(Protection::Free),
        Ok(Some(head)) => {
            let is_held = head.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On);
            Ok(protected(is_held, head.object_lock_retain_until_date()))
        }
        Err(StorageError::Forbidden { .. }) => ask(store, key).await,
        Err(error) => Err(error),
    }
}

/// Keeps an object until a later moment than the one that it is kept until; where it is kept longer already, or the store
/// keeps no locks, nothing changes.
pub(super) async fn extend(store: &S3Store, key: &str, lock: &LockedUntil) -> Result<(), StorageError> {
    let wanted = Placement { lock: Some(*lock), ..Placement::default() };
    let (Some(mode), Some(until)) = write::lock(store, &wanted) else { return Ok(()) };
    if let Ok(Some(head)) = store.look(key).await
        && head.object_lock_retain_until_date().is_some_and(|there| there.secs() >= until.secs())
    {
        return Ok(());
    }
    let mode = ObjectLockRetentionMode::from(mode.as_str());
    let retention = ObjectLockRetention::builder().mode(mode).retain_until_date(until).build();
    let request = store.client().await.put_object_retention().bucket(store.bucket()).key(store.full(key));
    let request = request.retention(retention).set_expected_bucket_owner(store.owner().await);
    let Err(error) = request.send().await else { return Ok(()) };
    let trouble = Trouble::of(&error);
    if trouble.is_not_implemented() && !store.is_aws() {
        store.powers().locks.judge(false);
        return Ok(());
    }
    Err(store.error(Call { operation: "write", permission: "s3:PutObjectRetention", key }, trouble))
}

fn protected(is_held: bool, until: Option<&DateTime>) -> Protection {
    match until.and_then(|until| Timestamp::from_second(until.secs()).ok()) {
        _ if is_held => Protection::Held,
        Some(until) => Protection::Until(until),
        None => Protection::Free,
    }
}

/// Asks for lock and hold. A bucket without object lock answers with an error, and so does a server that knows none.
async fn ask(store: &S3Store, key: &str) -> Result<Protection, StorageError> {
    let refused = |permission, trouble: Trouble| match is_without_locks(&trouble) {
        true => Ok(None),
        false => Err(store.error(Call { operation: "read", permission, key }, trouble)),
    };
    let (client, owner) = (store.client().await, store.owner().await);
    let retention = client.get_object_retention().bucket(store.bucket()).key(store.full(key));
    let until = match retention.set_expected_bucket_owner(owner.clone()).send().await {
        Ok(answer) => answer.retention().and_then(|retention| retention.retain_until_date().copied()),
        Err(error) => refused("s3:GetObjectRetention", Trouble::of(&error))?,
    };
    let hold = client.get_object_legal_hold().bucket(store.bucket()).key(store.full(key));
    let status = match hold.set_expected_bucket_owner(owner).send().await {
        Ok(answer) => answer.legal_hold().and_then(|hold| hold.status().cloned()),
        Err(error) => refused("s3:GetObjectLegalHold", Trouble::of(&error))?.and(None),
    };
    Ok(protected(status == Some(ObjectLockLegalHoldStatus::On), until.as_ref()))
}

/// True for answers that say that nothing is locked: the object, its bucket, or any.
fn is_without_locks(trouble: &Trouble) -> bool {
    let says_so = ["NoSuchObjectLockConfiguration", "InvalidRequest", "MethodNotAllowed"];
    says_so.contains(&trouble.code.as_str()) || trouble.is_absent() || trouble.is_not_implemented()
}
