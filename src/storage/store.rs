//! The port: what every store can do, what may be repeated, and what is unknown after a failure.

use super::StorageError;
use crate::base::Sha256;
use crate::resource::{Availability, LockedUntil, Protection, StorageClass, ThawSpeed};
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use tokio::io::AsyncRead;

/// What must hold for a write to take place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Always: an existing object is replaced as a whole.
    Always,
    /// Only when no object has this key.
    IfAbsent,
    /// Only when the object's `etag` is this one.
    IfMatch(String),
}

/// What a store says of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectMeta {
    /// Key relative to the store: components joined by `/`, no leading slash.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// Opaque: changes whenever other bytes are written; whether equal bytes change it is the store's affair. Empty in
    /// listings of a server that lists none.
    pub etag: String,
    /// When it was last written, seconds since 1970 by the store's clock; what `put` returns may be by ours.
    pub modified: i64,
    /// Its storage class; `STANDARD` in stores that know none.
    pub class: StorageClass,
}

impl ObjectMeta {
    /// What tells it from other objects that had or get its key: its etag, or its length and time where a listing says none.
    pub fn identity(&self) -> String {
        if self.etag.is_empty() { self.length_and_time() } else { self.etag.clone() }
    }

    /// True when it has an identity, as it was listed or looked at.
    pub fn is(&self, identity: &str) -> bool {
        self.etag == identity || self.length_and_time() == identity
    }

    fn length_and_time(&self) -> String {
        format!("{}-{}", self.size, self.modified)
    }
}

/// What a large object gets beside its bytes; stores that know neither class nor lock leave them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placement {
    /// Storage class at upload.
    pub class: StorageClass,
    /// Until when it cannot be deleted; the store's default unless set.
    pub lock: Option<LockedUntil>,
    /// How many bytes are expected, where somebody has an idea: decides only how the bytes are cut on the way.
    pub expected: Option<u64>,
}

/// What a store can do beyond the port's minimum. Of a server this is what is known by now: true until it was found
/// otherwise, which happens when it is first asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// `Condition`s hold even against writers on other machines. Without them they are judged by looking first.
    pub conditional_writes: bool,
    /// The class of a `Placement` is kept.
    pub classes: bool,
    /// The lock of a `Placement` is kept.
    pub locks: bool,
}

/// How the deletion of one key went. A key that did not exist counts as deleted.
pub type DeleteOutcome = (String, Result<(), StorageError>);

/// The bytes of an object, as a stream.
pub type Body = Box<dyn AsyncRead + Send + Unpin>;

/// A place for objects. Reading and listing see every completed write. All methods may be called concurrently.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Writes a small object in one go; all of it or nothing is seen. May be repeated with `Always`; after a failure
    /// that is not `AlreadyExists` or `Changed` it is unknown whether the write took place.
    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<ObjectMeta, StorageError>;

    /// Begins a large object of unknown length. Nothing is seen before `Upload::complete`.
    async fn upload(&self, key: &str, placement: &Placement) -> Result<Box<dyn Upload>, StorageError>;

    /// Begins a large object whose content is known: it has this digest, and `placement.expected` bytes. Where the store
    /// can, the upload goes on from what an earlier one with the same key brought there before it was suspended or cut;
    /// all bytes are written to it all the same, and what arrived counts only where it equals them. Other unfinished
    /// uploads of the key are given up. Only one may write to the key at a time.
    async fn upload_known(
        &self,
        key: &str,
        placement: &Placement,
        _digest: &Sha256,
    ) -> Result<Box<dyn Upload>, StorageError> {
        self.upload(key, placement).await
    }

    /// Reads an object, or a range of it (bytes past the end are not an error: fewer come). `NotFound` when absent.
    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Body, StorageError>;

    /// The object's metadata, or `None` when absent. An error never means absent.
    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StorageError>;

    /// Every object whose key begins with `prefix`, sorted by key. The unfinished uploads of killed runs are not
    /// listed; see `unfinished`.
    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError>;

    /// Deletes objects, one outcome a key, in the order given. May be repeated. Where the store keeps versions, the old
    /// ones stay; see `purge`.
    async fn delete(&self, keys: &[String]) -> Result<Vec<DeleteOutcome>, StorageError>;

    /// Deletes one object while it has this etag (`Changed` otherwise). May be repeated: what is absent is deleted.
    async fn delete_if(&self, key: &str, etag: &str) -> Result<(), StorageError> {
        match self.head(key).await? {
            None => Ok(()),
            Some(found) if found.etag != etag => {
                Err(StorageError::Changed { location: self.location(), key: key.to_owned() })
            }
            Some(_) => {
                let outcomes = self.delete(&[key.to_owned()]).await?;
                outcomes.into_iter().try_for_each(|(_, outcome)| outcome)
            }
        }
    }

    /// Deletes objects for good, as they were listed: with every version where the store keeps versions, and only when
    /// the object still has the etag given here (`Changed` otherwise). One outcome a key, in the order given; a locked
    /// one stays (`Locked`). May be repeated.
    async fn purge(&self, objects: &[ObjectMeta]) -> Result<Vec<DeleteOutcome>, StorageError> {
        let mut outcomes = Vec::with_capacity(objects.len());
        for object in objects {
            match self.head(&object.key).await? {
                Some(found) if found.etag != object.etag => {
                    let changed = StorageError::Changed { location: self.location(), key: object.key.clone() };
                    outcomes.push((object.key.clone(), Err(changed)));
                }
                _ => outcomes.extend(self.delete(std::slice::from_ref(&object.key)).await?),
            }
        }
        Ok(outcomes)
    }

    /// What keeps an object from being deleted for good; nothing keeps an absent one. Stores without locks always say
    /// `Free`.
    async fn protection(&self, _key: &str) -> Result<Protection, StorageError> {
        Ok(Protection::Free)
    }

    /// Uploads under `prefix` that were begun and neither completed nor aborted. `key` names the object they were
    /// for, `etag` identifies the upload for `abort_unfinished`, `modified` is the last write to it. A store that can
    /// tell leaves out those whose writer lives.
    async fn unfinished(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError>;

    /// Removes an unfinished upload that `unfinished` listed. May be repeated.
    async fn abort_unfinished(&self, upload: &ObjectMeta) -> Result<(), StorageError>;

    /// Whether an object can be read now. Stores without cold classes always say `Ready`.
    async fn availability(&self, _key: &str) -> Result<Availability, StorageError> {
        Ok(Availability::Ready)
    }

    /// Asks for a copy of a cold object that can be read for `days`. May be repeated; returns at once, long before the
    /// copy is there.
    async fn thaw(&self, _key: &str, _days: u32, _speed: ThawSpeed) -> Result<(), StorageError> {
        Ok(())
    }

    /// Free and total bytes, where the store has a limit that it knows.
    async fn space(&self) -> Result<Option<(u64, u64)>, StorageError>;

    /// What this store can do.
    fn capabilities(&self) -> Capabilities;

    /// What the store turned out not to do since this was last asked, as phrases about it; each is told once.
    fn newly_lacking(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Where it is, for people; never holds a secret.
    fn location(&self) -> String;
}

/// A large object in the making. Dropping it without `complete` leaves at most an unfinished upload.
#[async_trait]
pub trait Upload: Send {
    /// Adds bytes at the end. After an error only `abort` is of use.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError>;

    /// Makes the object visible, durably, if no object has its key (`AlreadyExists` otherwise).
    async fn complete(self: Box<Self>) -> Result<ObjectMeta, StorageError>;

    /// Gives up and removes what was written.
    async fn abort(self: Box<Self>) -> Result<(), StorageError>;

    /// Stops, and keeps what arrived where `ObjectStore::upload_known` can go on from it; gives up otherwise.
    async fn suspend(self: Box<Self>) -> Result<(), StorageError> {
        self.abort().await
    }
}
