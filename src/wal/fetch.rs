//! Out of the stores: the content of one file, known to be right.

use super::WalError;
use crate::base::WalFile;
use crate::catalog::wal::{WalDigest, WalObject};
use crate::codec::Keys;
use crate::repository::wal_layout::WalKey;
use crate::repository::{Repository, WalPlace};
use crate::storage::Body;
use crate::stream::{Content, Decode, Progress, StreamError, decode};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// Where WAL is looked for.
pub struct Fetch {
    /// Storages, in the order in which they are asked.
    pub from: Vec<Repository>,
    /// What waits on this host for storages that lack it, laid out as they are; asked last.
    pub spool: Vec<Repository>,
    /// What can decrypt.
    pub keys: Keys,
    /// Cancelled to stop.
    pub stop: CancellationToken,
}

/// A file from the first storage that has it whole, or else from the spool. `Ok(None)`: every storage was asked, and none has it. `Err`: it is not
/// known whether it exists, or it exists and cannot be had; every reason, with the storage that it is of.
pub async fn fetch(
    order: &Fetch,
    place: &WalPlace,
    file: WalFile,
) -> Result<Option<(WalObject, Vec<u8>)>, Vec<(String, WalError)>> {
    let mut problems = Vec::new();
    for repository in &order.from {
        match from(order, repository, place, file).await {
            Ok(Some(found)) => return Ok(Some(found)),
            Ok(None) => {}
            Err(error) => problems.push((repository.name.clone(), error)),
        }
    }
    let is_split = problems.iter().any(|(_, problem)| matches!(problem, WalError::OtherContent { .. }));
    for shelf in order.spool.iter().filter(|_| !is_split) {
        match waiting(order, shelf, place, file).await {
            Ok(Some(found)) => return Ok(Some(found)),
            Ok(None) => {}
            Err(error) => problems.push((shelf.name.clone(), error)),
        }
    }
    if problems.is_empty() { Ok(None) } else { Err(problems) }
}

/// The file from the spool.
async fn waiting(
    order: &Fetch,
    shelf: &Repository,
    place: &WalPlace,
    file: WalFile,
) -> Result<Option<(WalObject, Vec<u8>)>, WalError> {
    let Some(object) = shelf.wal_contents(place, file).await?.into_iter().next() else { return Ok(None) };
    let content = read(order, shelf, &place.database, &object).await?;
    Ok(Some((object, content)))
}

async fn from(
    order: &Fetch,
    repository: &Repository,
    place: &WalPlace,
    file: WalFile,
) -> Result<Option<(WalObject, Vec<u8>)>, WalError> {
    let contents = repository.wal_contents(place, file).await?;
    // An empty folder may be a disk that is not there, which has no answer.
    if contents.is_empty() && repository.marker().await?.is_none() {
        return Err(WalError::NoRepository(repository.store.location()));
    }
    let digests: BTreeSet<&WalDigest> = contents.iter().map(|object| &object.digest).collect();
    if digests.len() > 1 {
        let stored = digests.into_iter().cloned().collect();
        return Err(WalError::OtherContent { file, location: repository.store.location(), stored, ours: None });
    }
    // The same content may lie there more than once, encrypted in different ways.
    let mut last = Ok(None);
    for object in contents {
        last = read(order, repository, &place.database, &object).await.map(|content| Some((object, content)));
        if last.is_ok() {
            break;
        }
    }
    last
}

/// The content of a stored file, compared with the digest in its name.
pub(super) async fn read(
    order: &Fetch,
    repository: &Repository,
    database: &str,
    object: &WalObject,
) -> Result<Vec<u8>, WalError> {
    decoded(order, repository, database, object, repository.open_wal(database, object).await?).await
}

/// The content of a file whose stored bytes are these.
pub(super) async fn decoded(
    order: &Fetch,
    repository: &Repository,
    database: &str,
    object: &WalObject,
    source: Body,
) -> Result<Vec<u8>, WalError> {
    let key = WalKey::of(database, object).key();
    let damaged =
        |problem: String| WalError::Damaged { location: repository.store.location(), key: key.clone(), problem };
    let job = Decode {
        source,
        what: key.clone(),
        layers: object.layers.clone(),
        keys: order.keys.clone(),
        expected: None,
        content: Content::Digested,
        scan: None,
        progress: Progress::silent(),
        stop: order.stop.clone(),
    };
    let decoded = match decode(job, Vec::new()).await {
        Err(StreamError::Damaged(problem)) => return Err(damaged(problem)),
        decoded => decoded?,
    };
    match decoded.plain_blake3.map(WalDigest::from) {
        Some(digest) if digest == object.digest => Ok(decoded.sink),
        Some(digest) => Err(damaged(format!("its content has the BLAKE3 digest {digest}…"))),
        None => Err(damaged("its content was not digested".to_owned())),
    }
}
