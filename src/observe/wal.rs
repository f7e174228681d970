//! What WAL is archived, for planning what of it may go. Names are listed and histories read, no segment.

use super::Places;
use crate::plan::Live;
use crate::policy::Desired;
use futures_util::future::join_all;

/// Looks into the archives of every database. What cannot be read is noted as such, and nothing of it is deleted.
pub async fn observe_wal(desired: &Desired, places: &Places, live: &mut Live) {
    let archives = desired.databases.iter().flat_map(|(name, database)| {
        let storages = database.wal.iter().flat_map(|wal| &wal.to);
        storages.map(move |storage| (storage.clone(), name.clone()))
    });
    let looks = archives.map(|(storage, database)| async {
        let found = match places.place(&storage) {
            Ok(place) => place.repository.wal_clusters(&database).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        ((storage, database), found)
    });
    live.wal.extend(join_all(looks).await);
}
