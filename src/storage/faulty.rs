//! A store that fails on purpose: at call number n, or from there on as if the process had died. For tests that sweep
//! over every call of a deed.

use super::Availability;
use super::Placement;
use super::Protection;
use super::ThawSpeed;
use super::{Body, Capabilities, Condition, DeleteOutcome, ObjectMeta, ObjectStore, StorageError, Upload};
use crate::base::Sha256;
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which calls fail. Calls are counted from 1, those of uploads included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    /// None: calls are only counted.
    Never,
    /// Only this one, and it does not take place.
    At(u64),
    /// Only this one, and it takes place: the answer is lost.
    AfterwardsAt(u64),
    /// This one and every later one: the process is as good as dead.
    From(u64),
    /// Every one that would change something, as for someone who may only read.
    Writes,
}

/// What a call meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Good,
    Refused,
    AnswerLost,
}

/// A store around another one. Clones count together.
#[derive(Clone)]
pub struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    script: Script,
}

#[derive(Clone)]
struct Script {
    faults: Faults,
    calls: Arc<AtomicU64>,
}

impl Script {
    fn call(&self, operation: &str) -> Fate {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.faults {
            Faults::At(n) if number == n => Fate::Refused,
            Faults::AfterwardsAt(n) if number == n => Fate::AnswerLost,
            Faults::From(n) if number >= n => Fate::Refused,
            Faults::Writes if matches!(operation, "write" | "delete") => Fate::Refused,
            Faults::Never | Faults::Writes | Faults::At(_) | Faults::AfterwardsAt(_) | Faults::From(_) => Fate::Good,
        }
    }
}

impl FaultyStore {
    /// The store `inner`, with faults.
    pub fn new(inner: Arc<dyn ObjectStore>, faults: Faults) -> FaultyStore {
        FaultyStore { inner, script: Script { faults, calls: Arc::default() } }
    }

    /// Calls so far.
    pub fn n_calls(&self) -> u64 {
        self.script.calls.load(Ordering::SeqCst)
    }
}

fn fault(operation: &'static str, key: &str) -> StorageError {
    StorageError::Failed {
        location: "a faulty store".to_owned(),
        operation,
        key: key.to_owned(),
        problem: "this call fails on purpose".to_owned(),
        transient: false,
    }
}

/// Runs one call as its fate has it.
macro_rules! call {
    ($script:expr, $operation:literal, $key:expr, $call:expr) => {
        match $script.call($operation) {
            Fate::Good => $call.await,
            Fate::Refused => Err(fault($operation, $key)),
            Fate::AnswerLost => $call.await.and_then(|_| Err(fault($operation, $key))),
        }
    };
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<ObjectMeta, StorageError> {
        call!(self.script, "write", key, self.inner.put(key, bytes, condition))
    }

    async fn upload(&self, key: &str, placement: &Placement) -> Result<Box<dyn Upload>, StorageError> {
        let inner = call!(self.script, "write", key, self.inner.upload(key, placement))?;
        Ok(Box::new(FaultyUpload { inner, script: self.script.clone(), key: key.to_owned() }))
    }

    async fn upload_known(
        &self,
        key: &str,
        placement: &Placement,
        digest: &Sha256,
    ) -> Result<Box<dyn Upload>, StorageError> {
        let inner = call!(self.script, "write", key, self.inner.upload_known(key, placement, digest))?;
        Ok(Box::new(FaultyUpload { inner, script: self.script.clone(), key: key.to_owned() }))
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Body, StorageError> {
        call!(self.script, "read", key, self.inner.get(key, range))
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StorageError> {
        call!(self.script, "read", key, self.inner.head(key))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError> {
        call!(self.script, "list", prefix, self.inner.list(prefix))
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<DeleteOutcome>, StorageError> {
        // Key by key, so that a sweep also meets the moments between two of them.
        let mut outcomes = Vec::with_capacity(keys.len());
        for key in keys {
            match call!(self.script, "delete", key, self.inner.delete(std::slice::from_ref(key))) {
                Ok(outcome) => outcomes.extend(outcome),
                Err(error) => outcomes.push((key.clone(), Err(error))),
            }
        }
        Ok(outcomes)
    }

    async fn purge(&self, objects: &[ObjectMeta]) -> Result<Vec<DeleteOutcome>, StorageError> {
        let mut outcomes = Vec::with_capacity(objects.len());
        for object in objects {
            match call!(self.script, "delete", &object.key, self.inner.purge(std::slice::from_ref(object))) {
                Ok(outcome) => outcomes.extend(outcome),
                Err(error) => outcomes.push((object.key.clone(), Err(error))),
            }
        }
        Ok(outcomes)
    }

    async fn protection(&self, key: &str) -> Result<Protection, StorageError> {
        call!(self.script, "read", key, self.inner.protection(key))
    }

    async fn unfinished(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError> {
        call!(self.script, "list", prefix, self.inner.unfinished(prefix))
    }

    async fn abort_unfinished(&self, upload: &ObjectMeta) -> Result<(), StorageError> {
        call!(self.script, "delete", &upload.key, self.inner.abort_unfinished(upload))
    }

    async fn availability(&self, key: &str) -> Result<Availability, StorageError> {
        call!(self.script, "read", key, self.inner.availability(key))
    }

    async fn thaw(&self, key: &str, days: u32, speed: ThawSpeed) -> Result<(), StorageError> {
        call!(self.script, "write", key, self.inner.thaw(key, days, speed))
    }

    async fn space(&self) -> Result<Option<(u64, u64)>, StorageError> {
        call!(self.script, "measure", "", self.inner.space())
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn newly_lacking(&self) -> Vec<&'static str> {
        self.inner.newly_lacking()
    }

    fn location(&self) -> String {
        self.inner.location()
    }
}

struct FaultyUpload {
    inner: Box<dyn Upload>,
    script: Script,
    key: String,
}

#[async_trait]
impl Upload for FaultyUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        call!(self.script, "write", &self.key, self.inner.write(bytes))
    }

    async fn complete(self: Box<Self>) -> Result<ObjectMeta, StorageError> {
        let FaultyUpload { inner, script, key } = *self;
        call!(script, "write", &key, inner.complete())
    }

    async fn abort(self: Box<Self>) -> Result<(), StorageError> {
        let FaultyUpload { inner, script, key } = *self;
        call!(script, "write", &key, inner.abort())
    }

    async fn suspend(self: Box<Self>) -> Result<(), StorageError> {
        let FaultyUpload { inner, script, key } = *self;
        call!(script, "write", &key, inner.suspend())
    }
}
