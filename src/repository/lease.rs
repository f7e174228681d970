//! Locks: one run at a time works on a database's backups in one repository.
//!
//! The lock is an object that expires. Its holder prolongs it three times in its life; a holder that is provably dead
//! is not waited for. Losing it is noticed: by the next heartbeat, or by the clock when the store does not answer.

use super::layout::{index_key, lock_key};
use super::process::is_dead;
use super::small;
use super::{Repository, RepositoryError};
use crate::catalog::{FORMAT, LockRecord, LockState, Owner, seal};
use crate::storage::{Condition, ObjectMeta, ObjectStore, StorageError};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a lock lasts unless it is prolonged.
pub const LEASE_TTL: Duration = Duration::from_secs(60);

/// A lock that was not written for so many seconds is held by nobody, whenever its holder's clock says that it expires.
const SILENCE: i64 = 3600;

/// A lock that this process holds. Dropping it gives it back as well as that can be done without waiting.
#[derive(Debug)]
pub struct Lease {
    shared: Arc<Shared>,
    heartbeat: Option<JoinHandle<()>>,
}

struct Shared {
    store: Arc<dyn ObjectStore>,
    key: String,
    ttl: Duration,
    state: Mutex<State>,
    lost: CancellationToken,
    stop: CancellationToken,
}

struct State {
    record: LockRecord,
    etag: String,
    held_until: Instant,
    problem: Option<String>,
}

impl Repository {
    /// Takes the lock on a database for `ttl`, prolonged until the lease is released or dropped. `Locked` names the
    /// holder; nobody waits. Needs a tokio runtime.
    pub async fn lock(&self, database: &str, owner: Owner, ttl: Duration) -> Result<Lease, RepositoryError> {
        let key = lock_key(database);
        // Each turn that ends without an answer means that another run changed the lock meanwhile.
        for _ in 0..5 {
            let asked = Instant::now();
            let record = record(database, &owner, ttl);
            match self.put_lock(database, &key, &record, Condition::IfAbsent).await {
                Ok(meta) => return Ok(Lease::begin(self, key, record, meta.etag, asked, ttl)),
                Err(StorageError::AlreadyExists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            let Some((holder, etag)) = self.holder(database, &key, ttl).await? else { continue };
            if let Some(holder) = holder.filter(LockRecord::is_live) {
                return Err(RepositoryError::Locked {
                    location: self.store.location(),
                    database: database.to_owned(),
                    owner: Box::new(holder.owner),
                    expires_at: holder.expires_at,
                });
            }
            match self.put_lock(database, &key, &record, Condition::IfMatch(etag)).await {
                Ok(meta) => return Ok(Lease::begin(self, key, record, meta.etag, asked, ttl)),
                Err(StorageError::Changed { .. } | StorageError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(self.lost_error(database, "other runs took it again and again"))
    }

    /// Writes a lock. Where the store is full, the database's index makes room for it: it is a cache, and without a lock
    /// nothing could be pruned, which is what a full store needs.
    async fn put_lock(
        &self,
        database: &str,
        key: &str,
        record: &LockRecord,
        condition: Condition,
    ) -> Result<ObjectMeta, StorageError> {
        let bytes = Bytes::from(seal(record));
        match self.store.put(key, bytes.clone(), condition.clone()).await {
            Err(full @ StorageError::Full { .. }) => {
                // When there is none, or it cannot be removed, the store is as full as it was.
                if self.store.delete(&[index_key(database)]).await.is_err() {
                    return Err(full);
                }
                self.store.put(key, bytes, condition).await
            }
            put => put,
        }
    }

    /// The record of the lock that exists, judged, with its etag. `Some((None, _))`: it is damaged and old.
    async fn holder(
        &self,
        database: &str,
        key: &str,
        ttl: Duration,
    ) -> Result<Option<(Option<LockRecord>, String)>, RepositoryError> {
        let Some(meta) = self.store.head(key).await? else { return Ok(None) };
        let Some(bytes) = small::read(self.store.as_ref(), key).await? else { return Ok(None) };
        match small::judge::<LockRecord>(&bytes, |lock| lock.format) {
            Ok(record) => Ok(Some((Some(judge(record, meta.modified, Timestamp::now())), meta.etag))),
            Err(small::Unreadable::Newer(format)) => {
                Err(RepositoryError::Newer { location: self.store.location(), format, known: FORMAT })
            }
            Err(problem) => {
                // Damage that is dated in the future is not young, its clock was wrong.
                let age = Timestamp::now().as_second().abs_diff(meta.modified);
                if age <= ttl.as_secs() {
                    return Err(self.broken(&lock_key(database), problem.to_string()));
                }
                Ok(Some((None, meta.etag)))
            }
        }
    }

    fn lost_error(&self, database: &str, problem: &str) -> RepositoryError {
        RepositoryError::LeaseLost {
            location: self.store.location(),
            database: database.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

/// The record with its state as of `now`. `modified`: when the store took it, in seconds since 1970.
pub(super) fn judge(record: LockRecord, modified: i64, now: Timestamp) -> LockRecord {
    let is_silent = now.as_second().saturating_sub(modified) > SILENCE;
    let state = if is_dead(&record.owner) {
        LockState::Dead
    } else if record.expires_at <= now || is_silent {
        LockState::Expired
    } else {
        LockState::Live
    };
    LockRecord { state, ..record }
}

fn record(database: &str, owner: &Owner, ttl: Duration) -> LockRecord {
    let now = Timestamp::now();
    LockRecord {
        format: FORMAT,
        database: database.to_owned(),
        owner: owner.clone(),
        acquired_at: now,
        expires_at: after(now, ttl),
        state: LockState::Live,
    }
}

fn after(now: Timestamp, ttl: Duration) -> Timestamp {
    SignedDuration::try_from(ttl).ok().and_then(|ttl| now.checked_add(ttl).ok()).unwrap_or(Timestamp::MAX)
}

impl Lease {
    fn begin(
        repository: &Repository,
        key: String,
        record: LockRecord,
        etag: String,
        asked: Instant,
        ttl: Duration,
    ) -> Lease {
        let state = State { record, etag, held_until: asked + ttl, problem: None };
        let shared = Arc::new(Shared {
            store: repository.store.clone(),
            key,
            ttl,
            state: Mutex::new(state),
            lost: CancellationToken::new(),
            stop: CancellationToken::new(),
        });
        let heartbeat = tokio::spawn(beat(shared.clone()));
        Lease { shared, heartbeat: Some(heartbeat) }
    }

    /// True while nobody else can have the lock.
    pub fn is_held(&self) -> bool {
        let state = self.shared.state();
        state.problem.is_none() && Instant::now() < state.held_until
    }

    /// `Ok` while the lock is held, `LeaseLost` afterwards. To be asked before anything is made visible or removed.
    pub fn check(&self) -> Result<(), RepositoryError> {
        if self.is_held() {
            return Ok(());
        }
        let state = self.shared.state();
        Err(RepositoryError::LeaseLost {
            location: self.shared.store.location(),
            database: state.record.database.clone(),
            problem: state.problem.clone().unwrap_or_else(|| "it could not be prolonged in time".to_owned()),
        })
    }

    /// Is cancelled when the lock is lost.
    pub fn lost(&self) -> CancellationToken {
        self.shared.lost.clone()
    }

    /// Gives the lock back. A lock that was lost is left to who has it now.
    pub async fn release(mut self) -> Result<(), RepositoryError> {
        self.shared.stop.cancel();
        if let Some(heartbeat) = self.heartbeat.take() {
            // It ends by itself; if it panicked there is nothing to wait for.
            let _ = heartbeat.await;
        }
        let held = self.is_held();
        if held { give_back(&self.shared).await.map_err(Into::into) } else { Ok(()) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        let Some(heartbeat) = self.heartbeat.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let shared = self.shared.clone();
        runtime.spawn(async move {
            let _ = heartbeat.await;
            let held = Instant::now() < shared.state().held_until;
            if held {
                let _ = give_back(&shared).await;
            }
        });
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, problem: String) {
        self.state().problem = Some(problem);
        self.lost.cancel();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.key, self.store.location())
    }
}

/// Removes the lock object if it is still ours.
async fn give_back(shared: &Shared) -> Result<(), StorageError> {
    let etag = shared.state().etag.clone();
    match shared.store.delete_if(&shared.key, &etag).await {
        Err(StorageError::Changed { .. }) => Ok(()),
        done => done,
    }
}

async fn beat(shared: Arc<Shared>) {
    let mut pause = shared.ttl / 3;
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let (mut record, etag) = {
            let state = shared.state();
            (state.record.clone(), state.etag.clone())
        };
        let asked = Instant::now();
        record.expires_at = after(Timestamp::now(), shared.ttl);
        match shared.store.put(&shared.key, seal(&record).into(), Condition::IfMatch(etag)).await {
            Ok(meta) => {
                let mut state = shared.state();
                (state.record, state.etag, state.held_until) = (record, meta.etag, asked + shared.ttl);
                pause = shared.ttl / 3;
            }
            Err(StorageError::Changed { .. } | StorageError::NotFound { .. } | StorageError::AlreadyExists { .. }) => {
                match ours(&shared).await {
                    // An earlier heartbeat took place though the store said it failed.
                    Some(etag) => shared.state().etag = etag,
                    None => return shared.lose("another run took it over".to_owned()),
                }
                pause = Duration::ZERO;
            }
            Err(error) => {
                if asked >= shared.state().held_until {
                    return shared.lose(format!("it expired while the store failed: {error}"));
                }
                pause = (shared.ttl / 20).max(Duration::from_millis(10));
            }
        }
    }
}

/// The etag of the lock object when it is one that we wrote.
async fn ours(shared: &Shared) -> Option<String> {
    let meta = shared.store.head(&shared.key).await.ok()??;
    let bytes = small::read(shared.store.as_ref(), &shared.key).await.ok()??;
    let there = small::judge::<LockRecord>(&bytes, |lock| lock.format).ok()?;
    (there.owner == shared.state().record.owner).then_some(meta.etag)
}
