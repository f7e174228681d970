//! Where the storages of a policy are and who we are there, without touching one: for whoever has no permission yet.

use super::outside::texts;
use super::{Ground, Places, cloudwatch};
use crate::base::Lookup;
use crate::plan::{Live, LiveStorage, ReadStorage};
use crate::policy::Desired;
use crate::storage::AwsConnection;

/// A world in which nothing is known but places and callers. Asks STS, which takes no permission; without credentials
/// nobody is known.
pub async fn acquaint(desired: &Desired, places: &Places, lookup: &dyn Lookup) -> Live {
    let mut live = Live { texts: texts(desired, lookup), ..Live::default() };
    for (name, place) in &places.0 {
        let Ok(place) = place else { continue };
        let mut read = ReadStorage { location: place.repository.store.location(), ..ReadStorage::default() };
        if let Ground::Bucket { place, connection, .. } = &place.ground {
            let mut place = place.clone();
            if place.region.is_empty() {
                place.region = connection.config().await.region().map(ToString::to_string).unwrap_or_default();
            }
            read.bucket = Some(place);
            let caller = connection.identity().await.cloned();
            live.callers.extend(caller.map(|caller| (format!("storage/{name}"), caller)));
        }
        live.storages.insert(name.clone(), LiveStorage::Read(Box::new(read)));
    }
    for name in desired.access.keys() {
        if let Some(connection) = connection(desired, places, &format!("access/{name}")) {
            let caller = connection.identity().await.cloned();
            live.callers.extend(caller.map(|caller| (format!("access/{name}"), caller)));
        }
    }
    if let Some(Ok(session)) = desired.alerts.cloudwatch.as_ref().map(|spec| cloudwatch(spec, lookup)) {
        let caller = session.caller().await.cloned();
        live.callers.extend(caller.map(|caller| ("cloudwatch".to_owned(), caller)));
    }
    live
}

/// The connection of `storage/<name>`; an entry of `access` uses that of its first storage.
pub(super) fn connection<'a>(desired: &Desired, places: &'a Places, of: &str) -> Option<&'a AwsConnection> {
    let storage = match of.split_once('/')? {
        ("storage", storage) => storage,
        (_, access) => desired.access.get(access)?.storages.first()?,
    };
    match &places.0.get(storage)?.as_ref().ok()?.ground {
        Ground::Bucket { connection, .. } => Some(connection),
        Ground::Folder { .. } => None,
    }
}
