//! A backup that was interrupted goes on: under its id, with the packs that are stored. The server is read again from the
//! beginning, and what is as it was is neither compressed nor stored again.

use super::load::may_be_remembered;
use super::notes::{Head, Noted, Notes};
use crate::backup::cipher::cipher;
use crate::backup::take::{Order, Tools};
use crate::base::{BackupId, Period, Size, total};
use crate::catalog::{StoredObject, goes_on};
use crate::event::Event;
use crate::repository::{Repository, layout};
use crate::storage::StorageError;
use crate::stream::Encoding;
use std::collections::HashMap;

/// What is stored of an interrupted backup.
pub(in crate::backup) struct Unfinished {
    pub(in crate::backup) id: BackupId,
    pub(super) noted: Noted,
    /// The storages that have all of it.
    pub(super) storages: Vec<String>,
}

/// The backup of an order that was interrupted on this machine, where it can go on.
pub(in crate::backup) async fn find_unfinished(order: &Order<'_>, tools: &Tools<'_>) -> Option<Unfinished> {
    let notes = Notes::new(tools.state?, order);
    let id = notes.id().await?;
    let not = |why: String| {
        let note = format!("{id} was interrupted and does not go on: {why}");
        tools.observer.on(&Event::Note(note));
    };
    let noted = notes.read(&id).await.map_err(|error| not(error.to_string())).ok()?;
    let cipher = cipher(order.desired, order.target.spec.encryption.as_deref(), tools.lookup).ok()?;
    let layers = Encoding { compression: order.target.tier_spec.compression, cipher }.layers();
    if noted.head.layers != layers || !may_be_remembered(&layers) {
        not("it is compressed or encrypted otherwise than the policy says now".to_owned());
        return None;
    }
    if noted.head.on.as_ref() != order.earlier {
        not("it refers to another backup than the next one".to_owned());
        return None;
    }
    let mut storages = Vec::new();
    for repository in order.storages.iter().filter_map(|name| tools.repositories.get(*name)) {
        match has(repository, order, &id, &noted.packs).await {
            // It is whole, and only the notes were not forgotten any more.
            Ok((_, newest)) if newest.as_ref() == Some(&id) => return None,
            Ok((true, newest)) if goes_on(&id, newest.as_ref(), (tools.now)()) => {
                storages.push(repository.name.clone())
            }
            Ok((true, _)) => {
                not("it is more than a week old, or another one was taken since".to_owned());
                return None;
            }
            Ok((false, _)) | Err(_) => {}
        }
    }
    if storages.is_empty() || noted.packs.is_empty() {
        not("no storage has what was stored of it".to_owned());
        return None;
    }
    let stored = Size(total(noted.packs.iter().map(|pack| pack.stored_bytes)));
    let age = Period::between(id.started(), (tools.now)()).human();
    let n = noted.packs.len();
    let note = format!("{id}, begun {age} ago and interrupted, goes on: {n} packs of it are stored, {stored}");
    tools.observer.on(&Event::Note(note));
    Some(Unfinished { id, noted, storages })
}

/// Whether a storage has all packs, and its newest backup of the tier.
async fn has(
    repository: &Repository,
    order: &Order<'_>,
    id: &BackupId,
    packs: &[StoredObject],
) -> Result<(bool, Option<BackupId>), StorageError> {
    let (tier, database) = (order.target.tier, order.target.name);
    let listed = repository.store.list(&layout::data_prefix(tier, database, id.as_str())).await?;
    let sizes: HashMap<&str, u64> = listed.iter().map(|meta| (meta.key.as_str(), meta.size)).collect();
    let has_all = packs.iter().all(|pack| {
        sizes.get(layout::object_key(tier, database, id, &pack.name).as_str()) == Some(&pack.stored_bytes)
            && sizes.contains_key(layout::sidecar_key(tier, database, id, &pack.name).as_str())
    });
    let manifests = repository.store.list(&layout::manifest_prefix(tier, database)).await?;
    let ids = manifests.iter().filter_map(|meta| match layout::parse(&meta.key) {
        Some(layout::Key::Manifest(place)) => Some(place.id),
        _ => None,
    });
    Ok((has_all, ids.max()))
}

/// Forgets what was noted of an order's backup, which is whole now.
pub(in crate::backup) async fn forget_unfinished(order: &Order<'_>, tools: &Tools<'_>) {
    if let Some(state) = tools.state {
        // Notes on a backup that has its manifest count no more, wherever they are read.
        let _ = Notes::new(state, order).forget(None).await;
    }
}

/// What has to be the same when a backup goes on.
pub(super) fn head(order: &Order<'_>, encoding: &Encoding, system_identifier: Option<&String>) -> Head {
    Head {
        format: crate::catalog::FORMAT,
        system_identifier: system_identifier.cloned(),
        layers: encoding.layers(),
        on: order.earlier.cloned(),
    }
}
