//! Reading every storage of a policy.

use super::{ObserveError, Place, Places};
use crate::plan::{Live, LiveStorage, ReadStorage};
use crate::provider::read_folder;

/// Reads the world as far as a policy is concerned. What cannot be read is part of the result, not an error.
pub async fn observe(places: &Places) -> Live {
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
    live
}

async fn read(place: &Place) -> Result<ReadStorage, ObserveError> {
    let location = place.repository.store.location();
    let Some(folder) = read_folder(&place.folder, place.spec.mode)? else {
        return Ok(ReadStorage { location, ..ReadStorage::default() });
    };
    let marker = place.repository.marker().await?;
    let contents = place.repository.read().await?;
    Ok(ReadStorage { location, folder: Some(folder), marker: marker.map(|marker| marker.id), contents })
}
