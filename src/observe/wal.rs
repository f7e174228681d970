//! What WAL is archived, for what can be restored and what may go: names are listed and histories read, no segment. And what
//! the servers that write it say.

use super::{Places, archiver};
use crate::base::Lookup;
use crate::plan::Live;
use crate::policy::{Desired, WalMode, WalSpec};
use futures_util::future::{join, join_all};

/// Looks into the archives of every database and asks its server.
pub async fn observe_wal(desired: &Desired, places: &Places, lookup: &dyn Lookup, live: &mut Live) {
    let archiving = desired.databases.iter().filter(|(_, spec)| spec.wal.is_some());
    let questions = archiving.map(|(name, spec)| async move { (name.clone(), archiver::archiver(spec, lookup).await) });
    let said = join(observe_archives(desired, places, live), join_all(questions)).await.1;
    live.archivers.extend(said);
}

/// Looks into the archives of every database. What cannot be read is noted as such, and nothing of it is deleted.
pub async fn observe_archives(desired: &Desired, places: &Places, live: &mut Live) {
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
    let is_spooled = |wal: &WalSpec| wal.spool.is_some() || wal.mode == WalMode::Stream;
    let spooled = desired.databases.iter().filter(|(_, spec)| spec.wal.as_ref().is_some_and(is_spooled));
    live.spooled.extend(spooled.map(|(name, _)| name.clone()));
}
