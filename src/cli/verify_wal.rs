//! What `verify --deep` reads of archived WAL.

use super::Context;
use super::catalogs::PolicyCatalog;
use crate::catalog::{FileProblem, Inspection};
use crate::stream::keys;
use crate::wal::{Fetch, verify_wal};

/// Reads all archived WAL of the databases that are wanted, in one storage or in all. What cannot be listed is left to whoever looks
/// for gaps, who tells it.
pub(super) async fn read_wal(
    all: &mut Inspection,
    context: &Context,
    catalog: &PolicyCatalog,
    is_wanted: impl Fn(&str) -> bool,
    storage: Option<&str>,
) {
    let (keys, _) = keys(&catalog.desired, context.lookup.as_ref());
    let order = Fetch { from: Vec::new(), spool: Vec::new(), keys, stop: context.cancel.clone() };
    for (name, database) in catalog.desired.databases.iter().filter(|(name, _)| is_wanted(name)) {
        let archives = database.wal.iter().flat_map(|wal| &wal.to);
        for to in archives.filter(|to| storage.is_none_or(|only| only == to.as_str())) {
            let Ok(place) = catalog.places.place(to) else { continue };
            for cluster in place.repository.wal_clusters(name).await.unwrap_or_default() {
                let found = verify_wal(&order, &place.repository, name, &cluster).await;
                all.n_files += found.n_good + found.damaged.len() as u64;
                all.bytes = all.bytes.saturating_add(found.stored_bytes);
                all.files.extend(found.damaged.into_iter().map(|(key, error)| FileProblem {
                    storage: to.clone(),
                    key,
                    problem: error.to_string(),
                }));
                // One reason is enough: without a key it is the same for all.
                all.unreadable.extend(
                    found
                        .unread
                        .into_iter()
                        .take(1)
                        .map(|(key, error)| (to.clone(), format!("`{key}` cannot be read: {error}"))),
                );
            }
        }
    }
}
