//! Into the stores: the file that PostgreSQL asks for, and what is ready beside it.

use super::{LocalFile, WalError};
use crate::base::{Blake3Hasher, WalFile};
use crate::catalog::wal::WalDigest;
use crate::codec::Cipher;
use crate::policy::Compression;
use crate::repository::wal_layout::{WAL_LEVEL, WalKey, wal_folder_prefix};
use crate::repository::{PutWal, Repository, WalPlace};
use crate::stream::{Blocks, Encoding, SmallEncoder};
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, OnceLock};
use tokio::sync::Semaphore;

/// Content under way at once, in bytes and in files.
const BYTES_AT_ONCE: u64 = 64 << 20;
const FILES_AT_ONCE: u64 = 8;
/// A place for each processor: the first of several files is done first, instead of all of them late.
static COMPUTING: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)));

/// Of blocks that are read: one for each processor, for one file after another.
static MEMORY: LazyLock<Blocks> = LazyLock::new(Blocks::default);

/// Where WAL goes.
pub struct Push {
    /// The database entry.
    pub database: String,
    /// Every storage that gets it.
    pub to: Vec<Repository>,
    /// How it is encrypted.
    pub cipher: Cipher,
}

/// What became of one file in one storage.
#[derive(Debug)]
pub struct Upshot {
    /// Name of the storage.
    pub storage: String,
    /// How it went.
    pub end: Result<PutWal, WalError>,
}

/// What became of a call.
#[derive(Debug)]
pub struct Pushed {
    /// The file that was asked for, in every storage.
    pub own: Vec<Upshot>,
    /// Files that were taken along and are in every storage now.
    pub ahead: Vec<LocalFile>,
}

impl Pushed {
    /// True when the file that was asked for is in every storage.
    pub fn is_archived(&self) -> bool {
        !self.own.is_empty() && self.own.iter().all(|upshot| upshot.end.is_ok())
    }
}

/// A storage, and what it holds of the files in question.
pub(super) struct Shelf<'a> {
    repository: &'a Repository,
    held: Held,
    /// The file that it failed for: then it is left alone for the rest of the call.
    failed: OnceLock<WalFile>,
}

/// Contents by file.
type Held = BTreeMap<WalFile, BTreeSet<WalDigest>>;

/// Stores a file in every storage, and others along with it. A storage that fails keeps no other from getting the file.
/// What was stored is durable. `ahead` are files of the same cluster.
pub async fn push(order: &Push, own: LocalFile, ahead: Vec<LocalFile>) -> Pushed {
    let place = WalPlace { database: order.database.clone(), system: own.system };
    let in_all = at_once(&own);
    let asked_for = own.file;
    let files: Vec<LocalFile> = std::iter::once(own).chain(ahead).collect();
    let (shelves, failed) = shelves(order, &place, &files).await;
    let mut pushed = Pushed { own: failed, ahead: Vec::new() };
    let are_all_there = pushed.own.is_empty();
    let carried = stream::iter(files)
        .map(|file| async {
            // What was not asked for is not worth waiting for a store that fails.
            let is_worth = are_all_there && shelves.iter().all(|shelf| shelf.failed.get().is_none());
            let is_to_go = file.file == asked_for || is_worth;
            let upshots = if is_to_go { carry(order, &place, &shelves, &file).await } else { Vec::new() };
            (file, upshots)
        })
        .buffered(in_all)
        .collect::<Vec<_>>()
        .await;
    for (file, upshots) in carried {
        if file.file == asked_for {
            pushed.own.extend(upshots);
        } else if !upshots.is_empty() && upshots.iter().all(|upshot| upshot.end.is_ok()) {
            pushed.ahead.push(file);
        }
    }
    pushed
}

/// How many files like this one are under way at once.
pub(super) fn at_once(file: &LocalFile) -> usize {
    usize::try_from((BYTES_AT_ONCE / file.segment_size.bytes()).clamp(1, FILES_AT_ONCE)).unwrap_or(1)
}

/// The storages with what they hold of these files, and those that could not be asked.
pub(super) async fn shelves<'a>(
    order: &'a Push,
    place: &WalPlace,
    files: &[LocalFile],
) -> (Vec<Shelf<'a>>, Vec<Upshot>) {
    let (mut shelves, mut failed) = (Vec::new(), Vec::new());
    for (repository, held) in join_all(order.to.iter().map(|to| look(to, place, files))).await {
        match held {
            Ok(held) => shelves.push(Shelf { repository, held, failed: OnceLock::new() }),
            Err(error) => failed.push(Upshot { storage: repository.name.clone(), end: Err(error) }),
        }
    }
    (shelves, failed)
}

/// What a storage holds of these files.
async fn look<'a>(
    repository: &'a Repository,
    place: &WalPlace,
    files: &[LocalFile],
) -> (&'a Repository, Result<Held, WalError>) {
    let mut folders: BTreeMap<String, Vec<WalFile>> = BTreeMap::new();
    for file in files {
        let folder = wal_folder_prefix(&place.database, place.system, file.file);
        folders.entry(folder).or_default().push(file.file);
    }
    let looking = async {
        if repository.marker().await?.is_none() {
            return Err(WalError::NoRepository(repository.store.location()));
        }
        let mut held = Held::new();
        for inside in folders.values() {
            let objects = match inside.as_slice() {
                [] => continue,
                [only] => repository.wal_contents(place, *only).await?,
                [first, ..] => repository.wal_neighbours(place, *first).await?,
            };
            for object in objects {
                held.entry(object.file).or_default().insert(object.digest);
            }
        }
        Ok(held)
    };
    (repository, looking.await)
}

/// Brings one file into every storage.
pub(super) async fn carry(order: &Push, place: &WalPlace, shelves: &[Shelf<'_>], file: &LocalFile) -> Vec<Upshot> {
    // Where something of that name is held, it is the same or an error.
    let is_wanted = |shelf: &Shelf<'_>| !shelf.held.contains_key(&file.file) && shelf.failed.get().is_none();
    match prepare(order, place, file, shelves.iter().any(is_wanted)).await {
        Ok((key, stored)) => join_all(shelves.iter().map(|shelf| bring(shelf, &key, stored.as_ref()))).await,
        // The same for every storage: said once.
        Err(error) => {
            let storage = shelves.first().map(|shelf| shelf.repository.name.clone()).unwrap_or_default();
            vec![Upshot { storage, end: Err(error) }]
        }
    }
}

/// A file's key, and what is to be stored, if that is wanted. Each block is digested and compressed as it is read, while a core has
/// it in its cache.
pub(super) async fn prepare(
    order: &Push,
    place: &WalPlace,
    file: &LocalFile,
    is_wanted: bool,
) -> Result<(WalKey, Option<Bytes>), WalError> {
    let encoding = encoding(file.file, &order.cipher);
    let (taken, layers) = (file.clone(), encoding.layers());
    let (digest, stored) = computed(move || {
        let length = usize::try_from(taken.identity.bytes).unwrap_or(usize::MAX);
        let mut encoder = if is_wanted { Some(SmallEncoder::begin(length, &encoding)?) } else { None };
        let mut hasher = Blake3Hasher::default();
        taken.read(&MEMORY, |block| {
            hasher.update(&block);
            encoder.as_mut().map_or(Ok(()), |encoder| encoder.push(block))
        })?;
        let stored = encoder.map(SmallEncoder::finish).transpose()?;
        Ok::<_, WalError>((WalDigest::from(hasher.finish()), stored))
    })
    .await?;
    let (segment_size, file) = (file.segment_size, file.file);
    let key = WalKey { database: place.database.clone(), system: place.system, file, digest, segment_size, layers };
    Ok((key, stored))
}

/// What is known of a file in a storage before anything is written; `None`: it is to be written.
fn judge(shelf: &Shelf<'_>, key: &WalKey) -> Option<Result<PutWal, WalError>> {
    let there = shelf.held.get(&key.file);
    match there {
        Some(stored) if stored.len() == 1 && stored.contains(&key.digest) => Some(Ok(PutWal::WasThere)),
        Some(stored) => Some(Err(WalError::OtherContent {
            file: key.file,
            location: shelf.repository.store.location(),
            stored: stored.iter().cloned().collect(),
            ours: Some(key.digest.clone()),
        })),
        None => shelf.failed.get().map(|file| Err(WalError::FailedBefore(*file))),
    }
}

async fn bring(shelf: &Shelf<'_>, key: &WalKey, stored: Option<&Bytes>) -> Upshot {
    let end = match (judge(shelf, key), stored) {
        (Some(known), _) => known,
        (None, Some(stored)) => {
            let put = shelf.repository.put_wal(key, stored.clone()).await;
            if put.is_err() {
                // Whoever was first is named.
                let _ = shelf.failed.set(key.file);
            }
            put.map_err(WalError::from)
        }
        // A storage that was to be left alone when the file was prepared is left alone.
        (None, None) => Err(WalError::FailedBefore(key.file)),
    };
    Upshot { storage: shelf.repository.name.clone(), end }
}

/// What is done to a file. Histories are small and say nothing of what is in the database: they stay readable for whoever
/// plans without a key.
fn encoding(file: WalFile, cipher: &Cipher) -> Encoding {
    match file {
        WalFile::History(_) => Encoding { compression: Compression::None, cipher: Cipher::None },
        _ => Encoding { compression: Compression::Zstd(WAL_LEVEL), cipher: cipher.clone() },
    }
}

/// Computes on a thread where it may take its time.
async fn computed<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    // It is never closed.
    let _place = COMPUTING.acquire().await;
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
