//! Reading every storage of a policy, and the names of databases that entries with `match` mean.

use super::{Ground, ObserveError, Place, Places};
use crate::base::{BackupId, Lookup};
use crate::plan::{Live, LiveStorage, ReadStorage};
use crate::policy::{DatabaseSpec, Desired, MatchSpec};
use crate::postgres::{PostgresError, Server};
use crate::provider::read_folder;

/// Reads the world as far as a policy is concerned. What cannot be read is part of the result, not an error. A server
/// is asked only where an entry has `match`.
pub async fn observe(desired: &Desired, places: &Places, lookup: &dyn Lookup) -> Live {
    let mut live = Live::default();
    for (name, place) in &places.0 {
        let storage = match place {
            Ok(place) => match read(place).await {
                Ok(read) => LiveStorage::Read(Box::new(read)),
                Err(e) => LiveStorage::Unreadable(e.to_string()),
            },
            Err(e) => LiveStorage::Unreadable(e.to_string()),
        };
        live.storages.insert(name.clone(), storage);
    }
    for (entry, spec) in &desired.databases {
        if let Some(patterns) = &spec.matching {
            let found = databases(spec, patterns, lookup).await.map_err(|e| e.to_string());
            live.matched.insert(entry.clone(), found);
        }
    }
    live
}

async fn read(place: &Place) -> Result<ReadStorage, ObserveError> {
    let location = place.repository.store.location();
    let Ground::Folder { path, spec, mounted_at } = &place.ground;
    let Some(folder) = read_folder(path, mounted_at.as_deref(), spec.mode)? else {
        return Ok(ReadStorage { location, ..ReadStorage::default() });
    };
    let marker = place.repository.marker().await?;
    let contents = place.repository.read().await?;
    Ok(ReadStorage { location, folder: Some(folder), bucket: None, marker: marker.map(|marker| marker.id), contents })
}

/// The databases of the server that the patterns mean, sorted.
async fn databases(
    spec: &DatabaseSpec,
    patterns: &MatchSpec,
    lookup: &dyn Lookup,
) -> Result<Vec<String>, PostgresError> {
    let mut session = Server::of(spec, lookup).await?.session().await?;
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
