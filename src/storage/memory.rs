//! A store in memory: for tests, and to compare other stores with.

use super::{
    Availability, Body, Capabilities, Condition, DeleteOutcome, ObjectMeta, ObjectStore, Placement, Protection,
    StorageError, ThawSpeed, Upload,
    key::{is_key, is_prefix},
};
use crate::resource::StorageClass;
use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Objects in memory. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shelves: Arc<Mutex<Shelves>>,
    features: Features,
}

/// What a store knows beside keys and bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Features {
    /// Nothing, as a folder.
    #[default]
    Plain,
    /// Classes and locks, as S3.
    Classes,
}

#[derive(Default)]
struct Shelves {
    objects: BTreeMap<String, Stored>,
    unfinished: BTreeMap<String, ObjectMeta>,
    writes: u64,
}

#[derive(Clone)]
struct Stored {
    bytes: Bytes,
    meta: ObjectMeta,
    locked: Option<Timestamp>,
    thaw: Option<Thaw>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Thaw {
    Asked { days: u32 },
    Ended { until: Option<Timestamp> },
}

impl Stored {
    fn availability(&self) -> Availability {
        match (self.meta.class, self.thaw) {
            (class, _) if !class.is_cold() => Availability::Ready,
            (class, Some(Thaw::Ended { until })) => Availability::Thawed { class, until },
            (class, Some(Thaw::Asked { .. })) => Availability::Thawing(class),
            (class, None) => Availability::Archived(class),
        }
    }
}

impl Shelves {
    fn store(&mut self, key: &str, bytes: Bytes, placement: &Placement) -> ObjectMeta {
        self.writes += 1;
        let meta = ObjectMeta {
            key: key.to_owned(),
            size: bytes.len() as u64,
            etag: format!("{:x}", self.writes),
            modified: Timestamp::now().as_second(),
            class: placement.class,
        };
        let locked = placement.lock.map(|lock| lock.until);
        self.objects.insert(key.to_owned(), Stored { bytes, meta: meta.clone(), locked, thaw: None });
        meta
    }
}

impl MemoryStore {
    /// A store that knows storage classes and object lock.
    pub fn with_classes() -> MemoryStore {
        MemoryStore { features: Features::Classes, ..MemoryStore::default() }
    }

    /// Moves every object whose key begins with `prefix` to a class, as a lifecycle rule does.
    pub fn move_to(&self, prefix: &str, class: StorageClass) {
        for (_, stored) in self.shelves().objects.iter_mut().filter(|(key, _)| key.starts_with(prefix)) {
            stored.meta.class = class;
            stored.thaw = None;
        }
    }

    /// Ends every thaw that was asked for.
    pub fn end_thaws(&self) {
        for stored in self.shelves().objects.values_mut() {
            if let Some(Thaw::Asked { days }) = stored.thaw {
                let until = Timestamp::now() + SignedDuration::from_hours(24 * i64::from(days));
                stored.thaw = Some(Thaw::Ended { until: Some(until) });
            }
        }
    }

    /// Locks every object whose key begins with `prefix`, as a bucket's default retention does; in the past: unlocks.
    pub fn lock_until(&self, prefix: &str, until: Timestamp) {
        for (_, stored) in self.shelves().objects.iter_mut().filter(|(key, _)| key.starts_with(prefix)) {
            stored.locked = Some(until);
        }
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, operation: &'static str, key: &str, good: bool) -> Result<(), StorageError> {
        if good { Ok(()) } else { Err(StorageError::invalid_key(self.location(), operation, key)) }
    }

    fn exists_already(&self, key: &str) -> StorageError {
        StorageError::AlreadyExists { location: self.location(), key: key.to_owned() }
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<ObjectMeta, StorageError> {
        self.check("write", key, is_key(key))?;
        let mut shelves = self.shelves();
        let there = shelves.objects.get(key).map(|stored| stored.meta.etag.clone());
        match condition {
            Condition::IfAbsent if there.is_some() => return Err(self.exists_already(key)),
            Condition::IfMatch(etag) if there.as_ref() != Some(&etag) => {
                return Err(StorageError::Changed { location: self.location(), key: key.to_owned() });
            }
            Condition::Always | Condition::IfAbsent | Condition::IfMatch(_) => {}
        }
        Ok(shelves.store(key, bytes, &Placement::default()))
    }

    async fn upload(&self, key: &str, placement: &Placement) -> Result<Box<dyn Upload>, StorageError> {
        self.check("write", key, is_key(key))?;
        let mut shelves = self.shelves();
        shelves.writes += 1;
        let ticket = format!("upload-{:x}", shelves.writes);
        let meta = ObjectMeta {
            key: key.to_owned(),
            size: 0,
            etag: ticket.clone(),
            modified: Timestamp::now().as_second(),
            class: StorageClass::Standard,
        };
        shelves.unfinished.insert(ticket.clone(), meta);
        let placement = if self.features == Features::Classes { *placement } else { Placement::default() };
        Ok(Box::new(MemoryUpload { store: self.clone(), ticket, key: key.to_owned(), bytes: Vec::new(), placement }))
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Body, StorageError> {
        self.check("read", key, is_key(key))?;
        let absent = || StorageError::NotFound { location: self.location(), key: key.to_owned() };
        let stored = self.shelves().objects.get(key).cloned().ok_or_else(absent)?;
        if !stored.availability().is_readable() {
            let (location, class) = (self.location(), stored.meta.class);
            return Err(StorageError::Archived { location, key: key.to_owned(), class });
        }
        let stored = stored.bytes;
        let bytes = match range {
            None => stored,
            Some(range) => {
                let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(stored.len());
                let (start, end) = (clamp(range.start), clamp(range.end));
                stored.slice(start..end.max(start))
            }
        };
        Ok(Box::new(std::io::Cursor::new(bytes)))
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StorageError> {
        self.check("read", key, is_key(key))?;
        Ok(self.shelves().objects.get(key).map(|stored| stored.meta.clone()))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError> {
        self.check("list", prefix, is_prefix(prefix))?;
        let shelves = self.shelves();
        let from = shelves.objects.range(prefix.to_owned()..);
        Ok(from.take_while(|(key, _)| key.starts_with(prefix)).map(|(_, stored)| stored.meta.clone()).collect())
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<DeleteOutcome>, StorageError> {
        let mut shelves = self.shelves();
        let delete = |key: &String| {
            let now = Timestamp::now();
            let until = shelves.objects.get(key).and_then(|stored| stored.locked).filter(|until| *until > now);
            let outcome = self.check("delete", key, is_key(key)).and_then(|()| match until {
                Some(_) => Err(StorageError::Locked { location: self.location(), key: key.clone(), until }),
                None => Ok(()),
            });
            if outcome.is_ok() {
                shelves.objects.remove(key);
            }
            (key.clone(), outcome)
        };
        Ok(keys.iter().map(delete).collect())
    }

    async fn unfinished(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError> {
        self.check("list", prefix, is_prefix(prefix))?;
        let mut found: Vec<_> =
            self.shelves().unfinished.values().filter(|meta| meta.key.starts_with(prefix)).cloned().collect();
        found.sort();
        Ok(found)
    }

    async fn abort_unfinished(&self, upload: &ObjectMeta) -> Result<(), StorageError> {
        self.shelves().unfinished.remove(&upload.etag);
        Ok(())
    }

    async fn availability(&self, key: &str) -> Result<Availability, StorageError> {
        let absent = || StorageError::NotFound { location: self.location(), key: key.to_owned() };
        Ok(self.shelves().objects.get(key).ok_or_else(absent)?.availability())
    }

    async fn protection(&self, key: &str) -> Result<Protection, StorageError> {
        let shelves = self.shelves();
        let locked = shelves.objects.get(key).and_then(|stored| stored.locked);
        Ok(locked.filter(|until| *until > Timestamp::now()).map_or(Protection::Free, Protection::Until))
    }

    async fn thaw(&self, key: &str, days: u32, _speed: ThawSpeed) -> Result<(), StorageError> {
        let mut shelves = self.shelves();
        let absent = || StorageError::NotFound { location: self.location(), key: key.to_owned() };
        let stored = shelves.objects.get_mut(key).ok_or_else(absent)?;
        stored.thaw = stored.thaw.or(Some(Thaw::Asked { days }));
        Ok(())
    }

    async fn space(&self) -> Result<Option<(u64, u64)>, StorageError> {
        Ok(None)
    }

    fn capabilities(&self) -> Capabilities {
        let knows = self.features == Features::Classes;
        Capabilities { conditional_writes: true, classes: knows, locks: knows }
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

struct MemoryUpload {
    store: MemoryStore,
    ticket: String,
    key: String,
    bytes: Vec<u8>,
    placement: Placement,
}

#[async_trait]
impl Upload for MemoryUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        self.bytes.extend_from_slice(&bytes);
        if let Some(meta) = self.store.shelves().unfinished.get_mut(&self.ticket) {
            meta.size = self.bytes.len() as u64;
        }
        Ok(())
    }

    async fn complete(self: Box<Self>) -> Result<ObjectMeta, StorageError> {
        let mut shelves = self.store.shelves();
        if shelves.objects.contains_key(&self.key) {
            return Err(self.store.exists_already(&self.key));
        }
        if shelves.unfinished.remove(&self.ticket).is_none() {
            return Err(StorageError::Changed { location: self.store.location(), key: self.key.clone() });
        }
        Ok(shelves.store(&self.key, Bytes::from(self.bytes), &self.placement))
    }

    async fn abort(self: Box<Self>) -> Result<(), StorageError> {
        self.store.shelves().unfinished.remove(&self.ticket);
        Ok(())
    }
}
