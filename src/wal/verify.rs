//! Whether stored WAL is what its names say: every file read, decrypted, decompressed and compared.

use super::fetch::{decoded, read};
use super::{Fetch, WalError};
use crate::base::WalFile;
use crate::catalog::wal::{ClusterWal, WalObject};
use crate::codec::WalHeader;
use crate::repository::Repository;
use crate::repository::wal_layout::WalKey;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

/// Files read at once.
const AT_ONCE: usize = 4;

/// What came of reading the WAL of one cluster in one storage.
#[derive(Debug, Default)]
pub struct WalInspection {
    /// Files that are what their names say.
    pub n_good: u64,
    /// Bytes that were read of the store.
    pub stored_bytes: u64,
    /// Keys of files that are not what their names say, and how they differ.
    pub damaged: Vec<(String, WalError)>,
    /// Keys of files that could not be looked at, and why: nothing is known of them.
    pub unread: Vec<(String, WalError)>,
}

/// Reads every file of a cluster.
pub async fn verify_wal(order: &Fetch, repository: &Repository, database: &str, cluster: &ClusterWal) -> WalInspection {
    let looked = stream::iter(cluster.objects())
        .map(|object| async move {
            let content = read(order, repository, database, object).await;
            (object, content.and_then(|content| check(object, &content)))
        })
        .buffered(AT_ONCE);
    let mut inspection = WalInspection::default();
    let mut looked = std::pin::pin!(looked);
    while let Some((object, end)) = looked.next().await {
        let key = WalKey::of(database, object).key();
        inspection.stored_bytes += object.stored_bytes;
        match end {
            Ok(()) => inspection.n_good += 1,
            Err(error) if is_damage(&error) => inspection.damaged.push((key, error)),
            Err(error) => inspection.unread.push((key, error)),
        }
        if order.stop.is_cancelled() {
            break;
        }
    }
    inspection
}

/// Whether these bytes, read of a storage, are what the name of their file says. Without a key that decrypts nothing is
/// known, and they pass.
pub async fn check_stored(
    order: &Fetch,
    repository: &Repository,
    database: &str,
    object: &WalObject,
    stored: Bytes,
) -> Result<(), WalError> {
    let content = decoded(order, repository, database, object, Box::new(std::io::Cursor::new(stored))).await;
    match content.and_then(|content| check(object, &content)) {
        Err(error) if is_damage(&error) => Err(error),
        _ => Ok(()),
    }
}

fn is_damage(error: &WalError) -> bool {
    matches!(error, WalError::Damaged { .. } | WalError::NotThisSegment { .. } | WalError::OtherCluster { .. })
}

/// Whether the content of a segment is that segment. Its digest was compared already.
fn check(object: &WalObject, content: &[u8]) -> Result<(), WalError> {
    let (WalFile::Segment(segment) | WalFile::Partial(segment)) = object.file else { return Ok(()) };
    let file = object.file;
    let header = WalHeader::read(content).and_then(|h| h.check(segment, content.len() as u64).map(|()| h));
    let header = header.map_err(|problem| WalError::NotThisSegment { file, problem })?;
    match header.system == object.system {
        true => Ok(()),
        false => Err(WalError::OtherCluster { file, said: header.system, cluster: object.system }),
    }
}
