//! Writing a small object in one call, under a condition.

use super::stamp::{STAMP, stamp};
use super::store::{S3Store, etag, meta_of};
use super::trouble::{Call, Trouble};
use super::{list, retry};
use crate::resource::{LockMode, LockedUntil, StorageClass};
use crate::storage::{Condition, ObjectMeta, ObjectStore, Placement, StorageError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types;
use bytes::Bytes;
use jiff::Timestamp;

fn call(key: &str) -> Call<'_> {
    Call { operation: "write", permission: "s3:PutObject", key }
}

/// Writes without class or lock.
pub(super) async fn put(
    store: &S3Store,
    key: &str,
    bytes: Bytes,
    condition: Condition,
) -> Result<ObjectMeta, StorageError> {
    write(store, key, bytes, &condition, &Placement::default()).await
}

/// Writes an object. One that was written though its answer was lost is known again by its stamp.
pub(super) async fn write(
    store: &S3Store,
    key: &str,
    bytes: Bytes,
    condition: &Condition,
    placement: &Placement,
) -> Result<ObjectMeta, StorageError> {
    let stamp = stamp();
    let mut attempt = 1;
    loop {
        if !store.powers().conditions.may_be_there() {
            look_first(store, key, condition).await?;
        }
        let trouble = match send(store, key, &bytes, condition, placement, &stamp).await {
            Ok(etag) => {
                let etag = match condition {
                    Condition::IfAbsent if store.powers().conditions.is_untried() => {
                        try_condition(store, key, &bytes, placement, &stamp).await.unwrap_or(etag)
                    }
                    _ => etag,
                };
                let modified = Timestamp::now().as_second();
                return Ok(ObjectMeta {
                    key: key.to_owned(),
                    size: bytes.len() as u64,
                    etag,
                    modified,
                    class: placement.class,
                });
            }
            Err(trouble) => trouble,
        };
        if is_refused_for_placement(store, placement, &trouble) {
            continue;
        }
        if *condition != Condition::Always {
            if trouble.is_not_implemented() && store.powers().conditions.is_untried() {
                store.powers().conditions.judge(false);
                continue;
            }
            let may_be_ours = trouble.is_precondition() || trouble.is_ambiguous() || trouble.is_conflict();
            if may_be_ours && let Some(meta) = ours(store, key, &stamp, bytes.len() as u64).await {
                return Ok(meta);
            }
            if trouble.is_conflict() && attempt < retry::ATTEMPTS {
                retry::pause(attempt).await;
                attempt += 1;
                continue;
            }
        }
        return Err(refusal(store, key, condition, trouble));
    }
}

fn refusal(store: &S3Store, key: &str, condition: &Condition, trouble: Trouble) -> StorageError {
    let does_not_hold = trouble.is_precondition() || trouble.is_conflict();
    match condition {
        Condition::IfAbsent if does_not_hold => {
            StorageError::AlreadyExists { location: store.location(), key: key.to_owned() }
        }
        Condition::IfMatch(_) if does_not_hold || trouble.is_absent() => {
            StorageError::Changed { location: store.location(), key: key.to_owned() }
        }
        _ => store.error(call(key), trouble),
    }
}

/// The object, when it is the one that was written with this stamp. Who may not read it goes by its length: then it is
/// a file of a backup, whose key holds the backup's id and is made up by one writer only.
pub(super) async fn ours(store: &S3Store, key: &str, stamp: &str, length: u64) -> Option<ObjectMeta> {
    match store.look(key).await {
        Ok(head) => {
            let head = head?;
            let is_ours = head.metadata().and_then(|all| all.get(STAMP)).is_some_and(|there| there == stamp);
            is_ours.then(|| meta_of(key, &head))
        }
        Err(StorageError::Forbidden { .. }) => list::find(store, key).await.ok()?.filter(|meta| meta.size == length),
        Err(_) => None,
    }
}

/// Judges a condition by looking, for servers that do not. Another writer may come between.
pub(super) async fn look_first(store: &S3Store, key: &str, condition: &Condition) -> Result<(), StorageError> {
    let (location, named) = (store.location(), key.to_owned());
    match condition {
        Condition::Always => Ok(()),
        Condition::IfAbsent => match store.look(key).await? {
            Some(_) => Err(StorageError::AlreadyExists { location, key: named }),
            None => Ok(()),
        },
        Condition::IfMatch(expected) => match store.look(key).await? {
            Some(head) if etag(head.e_tag()) == *expected => Ok(()),
            _ => Err(StorageError::Changed { location, key: named }),
        },
    }
}

/// Writes what was just written once more under the condition that nothing is there, which must fail: a server that
/// does it knows no conditions. Gives the etag if it was written again.
async fn try_condition(
    store: &S3Store,
    key: &str,
    bytes: &Bytes,
    placement: &Placement,
    stamp: &str,
) -> Option<String> {
    match send(store, key, bytes, &Condition::IfAbsent, placement, stamp).await {
        Ok(etag) => {
            store.powers().conditions.judge(false);
            Some(etag)
        }
        Err(trouble) => {
            if trouble.is_precondition() {
                store.powers().conditions.judge(true);
            }
            None
        }
    }
}

/// One call; gives the etag.
async fn send(
    store: &S3Store,
    key: &str,
    bytes: &Bytes,
    condition: &Condition,
    placement: &Placement,
    stamp: &str,
) -> Result<String, Trouble> {
    let request = store.client().await.put_object().bucket(store.bucket()).key(store.full(key));
    let request = request
        .body(ByteStream::from(bytes.clone()))
        .checksum_algorithm(store.checksum())
        .metadata(STAMP, stamp)
        .set_expected_bucket_owner(store.owner().await);
    let request = under(request, condition, store.powers().conditions.may_be_there());
    let (mode, until) = lock(store, placement);
    let request = request
        .set_storage_class(class(store, placement))
        .set_object_lock_mode(mode)
        .set_object_lock_retain_until_date(until)
        .customize();
    let request = if store.is_encrypted_on_the_way().await { request.disable_payload_signing() } else { request };
    let written = request.send().await.map_err(|error| Trouble::of(&error))?;
    Ok(etag(written.e_tag()))
}

fn under(request: PutObjectFluentBuilder, condition: &Condition, is_held: bool) -> PutObjectFluentBuilder {
    match condition {
        Condition::IfAbsent if is_held => request.if_none_match("*"),
        Condition::IfMatch(etag) if is_held => request.if_match(format!("\"{etag}\"")),
        Condition::Always | Condition::IfAbsent | Condition::IfMatch(_) => request,
    }
}

/// The class to ask for; none for the one that everything gets, and none where it would not be kept.
pub(super) fn class(store: &S3Store, placement: &Placement) -> Option<types::StorageClass> {
    let is_asked = placement.class != StorageClass::Standard && store.powers().classes.may_be_there();
    is_asked.then(|| types::StorageClass::from(placement.class.name()))
}

/// The lock to ask for; none where it would not be kept.
pub(super) fn lock(store: &S3Store, placement: &Placement) -> (Option<types::ObjectLockMode>, Option<DateTime>) {
    let asked = placement.lock.filter(|_| store.powers().locks.may_be_there());
    let Some(LockedUntil { mode, until }) = asked else { return (None, None) };
    let mode = match mode {
        LockMode::Governance => types::ObjectLockMode::Governance,
        LockMode::Compliance => types::ObjectLockMode::Compliance,
    };
    (Some(mode), Some(DateTime::from_secs(until.as_second())))
}

/// True when the server refused for what it lacks, which is noted: the same call may succeed without it.
pub(super) fn is_refused_for_placement(store: &S3Store, placement: &Placement, trouble: &Trouble) -> bool {
    let powers = store.powers();
    let is_class_asked = placement.class != StorageClass::Standard;
    if is_class_asked && trouble.code == "InvalidStorageClass" && powers.classes.is_untried() {
        powers.classes.judge(false);
        return true;
    }
    if placement.lock.is_some() && trouble.is_not_implemented() && powers.locks.is_untried() {
        powers.locks.judge(false);
        return true;
    }
    false
}
