//! What WAL is archived, for what can be restored and what may go: names are listed and histories read, no segment. And what
//! the servers that write it say.

use super::{Places, archiver};
use crate::base::Lookup;
use crate::plan::Live;
use crate::policy::Desired;
use futures_util::future::{join, join_all};

/// Looks into the archives of every database and asks its server. What cannot be read is noted as such, and nothing of it is
/// deleted.
pub async fn observe_wal(desired: &Desired, places: &Places, lookup: &dyn Lookup, live: &mut Live) {
    let archiving = || desired.databases.iter().filter_map(|(name, spec)| Some((name, spec, spec.wal.as_ref()?)));
    let archives =
        archiving().flat_map(|(name, _, wal)| wal.to.iter().map(move |storage| (storage.clone(), name.clone())));
    let looks = archives.map(|(storage, database)| async {
        let found = match places.place(&storage) {
            Ok(place) => place.repository.wal_clusters(&database).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        ((storage, database), found)
    });
    let questions =
        archiving().map(|(name, spec, _)| async move { (name.clone(), archiver::archiver(spec, lookup).await) });
    let (found, said) = join(join_all(looks), join_all(questions)).await;
    live.wal.extend(found);
    live.archivers.extend(said);
}
