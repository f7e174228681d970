//! Out of the spool into a storage that is back.

use super::spool::{OutageSpool, Waits};
use crate::base::WalFile;
use crate::catalog::wal::GivenUp;
use crate::repository::wal_layout::WalKey;
use crate::repository::{Repository, RepositoryError, WalPlace};
use crate::wal::WalError;
use futures_util::stream::{self, StreamExt};

/// Files under way at once.
const AT_ONCE: usize = 4;

/// What was brought to one storage.
#[derive(Debug, Default)]
pub struct Drained {
    /// The storage.
    pub storage: String,
    /// Files of WAL that it has now and that no longer wait.
    pub brought: usize,
    /// Their length as stored.
    pub bytes: u64,
    /// Records of what was given up that it has now.
    pub records: usize,
    /// What still waits.
    pub left: Waits,
    /// How many of those the storage has with another content: they wait for somebody who looks into it.
    pub conflicts: usize,
    /// The first problem.
    pub problem: Option<WalError>,
}

impl Drained {
    /// How many files and records wait that can be brought.
    pub fn still_queued(&self) -> usize {
        self.left.files.saturating_sub(self.conflicts) + self.left.records
    }

    /// False when nothing waited.
    pub fn is_worth_telling(&self) -> bool {
        self.brought + self.records + self.left.files > 0 || self.problem.is_some()
    }
}

/// Brings what waits for a storage, histories and the oldest first, at most so many files. A file leaves the spool when the
/// storage has it, durably. One of which the storage has another content stays, and is a problem. Who calls this holds
/// [`OutageSpool::claim`]; whoever lays something down meanwhile does not wait.
pub async fn drain(spool: &OutageSpool, to: &Repository, database: &str, at_most: usize) -> Drained {
    let mut drained = Drained { storage: to.name.clone(), ..Drained::default() };
    if let Err(problem) = bring(spool, to, database, at_most, &mut drained).await {
        drained.problem = Some(problem);
    }
    match spool.waits(&to.name, database).await {
        Ok(left) => drained.left = left,
        Err(error) => drained.problem = drained.problem.or(Some(error.into())),
    }
    drained
}

async fn bring(
    spool: &OutageSpool,
    to: &Repository,
    database: &str,
    at_most: usize,
    drained: &mut Drained,
) -> Result<(), WalError> {
    let shelf = spool.shelf(&to.name);
    let mut waiting: Vec<(WalKey, u64)> = Vec::new();
    for object in shelf.wal_of(database).await? {
        waiting.push((WalKey::of(database, &object), object.stored_bytes));
    }
    let records = spool.records(&to.name, database, None).await?;
    if waiting.is_empty() && records.is_empty() {
        return Ok(());
    }
    if to.marker().await?.is_none() {
        return Err(WalError::NoRepository(to.store.location()));
    }
    // What was given up is known before what follows it is there.
    for (key, record) in records {
        to.record_given_up(&record).await?;
        forget_record(spool, to, database, &key, &record).await?;
        drained.records += 1;
    }
    let is_segment = |file: &WalFile| !matches!(file, WalFile::History(_));
    waiting.sort_by_key(|(key, _)| (key.system, is_segment(&key.file), key.file));
    let mut carried = stream::iter(waiting.into_iter().take(at_most))
        .map(|(key, bytes)| {
            let shelf = &shelf;
            async move { (bytes, carry(spool, shelf, to, &key).await) }
        })
        .buffered(AT_ONCE);
    let mut problem = None;
    while let Some((bytes, end)) = carried.next().await {
        match end {
            Ok(()) => {
                drained.brought += 1;
                drained.bytes += bytes;
            }
            // Only this one cannot be brought.
            Err(error @ WalError::OtherContent { .. }) => {
                drained.conflicts += 1;
                problem = problem.or(Some(error));
            }
            Err(error) => return Err(problem.unwrap_or(error)),
        }
    }
    problem.map_or(Ok(()), Err)
}

async fn carry(spool: &OutageSpool, shelf: &Repository, to: &Repository, key: &WalKey) -> Result<(), WalError> {
    let place = WalPlace { database: key.database.clone(), system: key.system };
    let there = to.wal_contents(&place, key.file).await?;
    if there.iter().any(|object| object.digest != key.digest) {
        return Err(WalError::OtherContent {
            file: key.file,
            location: to.store.location(),
            stored: there.into_iter().map(|object| object.digest).collect(),
            ours: Some(key.digest.clone()),
        });
    }
    if there.is_empty() {
        // Another process that brings the same may have been faster.
        let Some(stored) = shelf.wal_as_stored(key).await? else { return Ok(()) };
        to.put_wal(key, stored).await?;
    }
    let _lock = spool.lock(&key.database).await?;
    forget(shelf, &key.key()).await
}

/// Lets go of a record that the storage has, unless it was made longer meanwhile: then it is told again.
async fn forget_record(
    spool: &OutageSpool,
    to: &Repository,
    database: &str,
    key: &str,
    told: &GivenUp,
) -> Result<(), WalError> {
    let _lock = spool.lock(database).await?;
    let shelf = spool.shelf(&to.name);
    match shelf.given_up(key).await? {
        Some(record) if record == *told => forget(&shelf, key).await,
        _ => Ok(()),
    }
}

/// Under the lock: folders that are empty go with the file, and nobody may be making one just then.
async fn forget(shelf: &Repository, key: &str) -> Result<(), WalError> {
    let outcomes = shelf.store.delete(&[key.to_owned()]).await.map_err(RepositoryError::from)?;
    outcomes.into_iter().try_for_each(|(_, outcome)| outcome).map_err(|error| RepositoryError::from(error).into())
}
