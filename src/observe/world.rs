//! Reading every storage of a policy, and the names of databases that entries with `match` mean.

use super::{Ground, ObserveError, Place, Places, bucket, cloudwatch, outside, server};
use crate::base::{BackupId, Lookup};
use crate::diag::Explain;
use crate::plan::{Live, LiveStorage, ReadStorage};
use crate::policy::{DatabaseSpec, Desired, MatchSpec};
use crate::postgres::{PostgresError, Server};
use crate::provider::read_folder;
use crate::resource::{Caller, Found};
use futures_util::future::join_all;
use std::path::Path;

/// Reads the world as far as a policy is concerned. What cannot be read is part of the result, not an error. A server
/// is asked only where an entry has `match`.
pub async fn observe(desired: &Desired, places: &Places, lookup: &dyn Lookup) -> Live {
    let mut live = Live::default();
    let looks = places.0.iter().map(|(name, place)| async move { (name, look(place).await) });
    for (name, Look { storage, bucket, caller }) in join_all(looks).await {
        live.storages.insert(name.clone(), storage);
        live.resources.extend(bucket.map(|found| (format!("storage/{name}/bucket"), found)));
        live.callers.extend(caller.map(|caller| (format!("storage/{name}"), caller)));
    }
    outside::read_outside(desired, places, lookup, &mut live).await;
    live.servers = server::servers(desired, lookup).await;
    for (entry, spec) in &desired.databases {
        if let Some(patterns) = &spec.matching {
            let found = databases(spec, patterns, lookup).await.map_err(|e| e.to_string());
            live.matched.insert(entry.clone(), found);
        }
    }
    cloudwatch::read_alarms(desired, lookup, &mut live).await;
    live
}

/// What was found of one storage.
struct Look {
    storage: LiveStorage,
    /// Its bucket, if it lies in one.
    bucket: Option<Found>,
    /// Who we are there.
    caller: Option<Caller>,
}

async fn look(place: &Result<Place, ObserveError>) -> Look {
    let unreadable = |problem: String| Look { storage: LiveStorage::Unreadable(problem), bucket: None, caller: None };
    let place = match place {
        Ok(place) => place,
        Err(problem) => return unreadable(problem.to_string()),
    };
    match &place.ground {
        Ground::Folder { path, spec, mounted_at } => {
            match read_in_folder(place, path, mounted_at.as_deref(), spec.mode).await {
                Ok(read) => Look { storage: LiveStorage::Read(Box::new(read)), bucket: None, caller: None },
                Err(problem) => unreadable(problem.to_string()),
            }
        }
        Ground::Bucket { place: at, connection, .. } => {
            let (read, caller) = tokio::join!(bucket::read(&place.repository, at, connection), connection.identity());
            let caller = caller.cloned();
            match read {
                Ok((read, found)) => Look { storage: LiveStorage::Read(Box::new(read)), bucket: Some(found), caller },
                Err(problem) => {
                    let hint = problem.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                    Look { caller, ..unreadable(format!("{problem}{hint}")) }
                }
            }
        }
    }
}

async fn read_in_folder(
    place: &Place,
    path: &Path,
    mounted_at: Option<&Path>,
    mode: u32,
) -> Result<ReadStorage, ObserveError> {
    let location = place.repository.store.location();
    let Some(folder) = read_folder(path, mounted_at, mode)? else {
        return Ok(ReadStorage { location, ..ReadStorage::default() });
    };
    let marker = place.repository.marker().await?;
    let contents = place.repository.read().await?;
    // How full a disk is decides nothing here, so that it cannot be asked is no failure.
    let space = place.repository.store.space().await.ok().flatten();
    let marker = marker.map(|marker| marker.id);
    Ok(ReadStorage { location, folder: Some(folder), bucket: None, marker, space, contents })
}

/// The databases of the server that the patterns mean, sorted.
async fn databases(
    spec: &DatabaseSpec,
    patterns: &MatchSpec,
    lookup: &dyn Lookup,
) -> Result<Vec<String>, PostgresError> {
    let mut session = Server::for_session(spec, lookup).await?.session().await?;
    let found = session.databases().await?;
    session.close().await?;
    let names = found.into_iter().map(|database| database.name);
    Ok(names.filter(|name| patterns.matches(name) && !is_of_a_restore(name)).collect())
}

/// True for what a restore makes beside a database: `<name>_restoring_<id>` and `<name>_before_<id>`. They come and
/// go, and hold what another database holds or held.
fn is_of_a_restore(name: &str) -> bool {
    ["_restoring_", "_before_"]
        .iter()
        .any(|mark| name.rsplit_once(mark).is_some_and(|(_, id)| id.parse::<BackupId>().is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_of_restores_are_told_by_their_names() {
        assert!(is_of_a_restore("shop_before_20261120T020000Z-k3f9"));
        assert!(is_of_a_restore("a_before_b_restoring_20261120T020000Z-k3f9"));
        assert!(!is_of_a_restore("the_day_before_tomorrow"));
        assert!(!is_of_a_restore("20261120T020000Z-k3f9"));
    }
}
