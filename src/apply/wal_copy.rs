//! Bringing WAL from one storage to another, as it is stored there. Another run may store the same files at the same time:
//! a key says its content, so both write one object.

use super::Hands;
use super::said::said;
use crate::base::{Lsn, Size, total};
use crate::catalog::wal::{ClusterWal, WalObject};
use crate::event::{Event, StepEnd};
use crate::plan::wal_lacking;
use crate::repository::wal_layout::WalKey;
use crate::repository::{PutWal, Repository};
use crate::stream::keys;
use crate::wal::{Fetch, check_stored};
use futures_util::stream::{self, StreamExt};

/// Files on their way at once. Each is in memory as stored, 16 MiB at most where segments have their usual length.
const AT_ONCE: usize = 4;

/// Brings what one storage has of a cluster and the other lacks. Looks at both again first.
pub(super) async fn copy_wal(
    (from, to): (&Repository, &Repository),
    database: &str,
    system_id: &str,
    before: Option<Lsn>,
    hands: &Hands<'_>,
) -> Result<StepEnd, String> {
    let Some(source) = cluster(from, database, system_id).await? else { return Ok(StepEnd::AlreadyDone) };
    let there = cluster(to, database, system_id).await?;
    let files = wal_lacking(&source, there.as_ref(), before);
    if files.is_empty() {
        return Ok(StepEnd::AlreadyDone);
    }
    let task = format!("copy WAL of {database}");
    let all = total(files.iter().map(|object| object.stored_bytes));
    let (keys, _) = keys(hands.desired, hands.lookup.as_ref());
    let order = Fetch { from: Vec::new(), spool: Vec::new(), keys, stop: hands.cancel.clone() };
    let order = &order;
    let (mut done, mut copied, mut n, mut problem) = (0, 0, 0, None);
    let ends =
        stream::iter(&files).map(|object| async move { (object, bring(order, from, to, database, object).await) });
    let mut ends = std::pin::pin!(ends.buffer_unordered(AT_ONCE));
    // What is wrong with one says nothing of the others.
    while let Some((object, written)) = ends.next().await {
        match written {
            Ok(PutWal::Written) => {
                copied += object.stored_bytes;
                n += 1;
            }
            Ok(PutWal::WasThere) => {}
            Err(said) => problem = problem.or(Some(said)),
        }
        done += object.stored_bytes;
        hands.observer.on(&Event::Progress { task: task.clone(), done, total: Some(all) });
        if hands.cancel.is_cancelled() {
            break;
        }
    }
    hands.observer.on(&Event::ProgressEnded { task });
    let made = format!("{n} files, {} copied", Size(copied));
    if let Some(problem) = problem {
        return Err(format!("{made}; {problem}"));
    }
    Ok(if hands.cancel.is_cancelled() { StepEnd::Partly(format!("{made}; interrupted")) } else { StepEnd::Done(made) })
}

async fn cluster(repository: &Repository, database: &str, system_id: &str) -> Result<Option<ClusterWal>, String> {
    let clusters = ClusterWal::of(repository.wal_of(database).await.map_err(|error| said(&error))?);
    Ok(clusters.into_iter().find(|cluster| cluster.system.to_string() == system_id))
}

/// Reads a file, looks whether it is what its name says as far as there is a key that tells, and writes it.
async fn bring(
    order: &Fetch,
    from: &Repository,
    to: &Repository,
    database: &str,
    object: &WalObject,
) -> Result<PutWal, String> {
    let key = WalKey::of(database, object);
    let stored = from.wal_as_stored(&key).await.map_err(|error| said(&error))?;
    let Some(stored) = stored else { return Err(format!("{} went away while it was copied", object.file)) };
    check_stored(order, from, database, object, stored.clone()).await.map_err(|error| said(&error))?;
    to.put_wal(&key, stored).await.map_err(|error| said(&error))
}
