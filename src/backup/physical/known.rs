//! What a backup in the making need not store: what an earlier one has that it may refer to, and what it stored itself
//! before it was interrupted.

use super::earlier::Earlier;
use super::load::{Loaded, Making, load, may_be_remembered};
use super::notes::Notes;
use super::packs::Noting;
use super::resume::{self, Unfinished, forget_unfinished};
use crate::backup::copies::Copies;
use crate::backup::error::BackupError;
use crate::backup::take::{Order, Tools};
use crate::base::BackupId;
use crate::catalog::StoredObject;
use crate::event::Event;
use crate::stream::{Encoding, StreamError};

const OTHER_CLUSTER: &str = "it is of another cluster than the one of which packs are stored; run again";

/// What is stored already and need not be stored again.
pub(super) struct Known {
    /// Packs of this very backup.
    pub(super) stored: Vec<StoredObject>,
    /// What is compared with; `None`: nothing.
    pub(super) earlier: Option<Earlier>,
    /// The earlier backup that is referred to.
    pub(super) on: Option<BackupId>,
}

/// What an order's backup may refer to. Whatever is in the way of an incremental one makes it a full one, and is told.
pub(super) async fn known(
    order: &Order<'_>,
    tools: &Tools<'_>,
    encoding: &Encoding,
    system_identifier: Option<&String>,
    unfinished: Option<Unfinished>,
    copies: &mut Copies<'_>,
) -> Result<Known, BackupError> {
    let mut known = Known { stored: Vec::new(), earlier: None, on: None };
    if let Some(Unfinished { noted, storages, .. }) = unfinished {
        if noted.head != resume::head(order, encoding, system_identifier) {
            forget_unfinished(order, tools).await;
            return Err(BackupError::NotWhole(OTHER_CLUSTER.to_owned()));
        }
        copies.take_up(&noted.packs, &storages).await;
        let mut own = Earlier::default();
        own.add(None, noted.map, noted.digests).map_err(StreamError::Process)?;
        known.earlier = Some(own);
        known.stored = noted.packs;
    }
    let Some(id) = order.earlier else { return Ok(known) };
    let making = Making { encoding, system_identifier: system_identifier.map(String::as_str) };
    let loaded = load(id, &making, order, tools, &copies.repositories()).await;
    let added = loaded.and_then(|Loaded { map, digests, since }| {
        let earlier = known.earlier.get_or_insert_default();
        earlier.since = Some(since);
        let added = earlier.add(Some(id), map, digests).map_err(|error| error.to_string())?;
        if added { Ok(()) } else { Err(format!("the digests of {id} are not those of its files")) }
    });
    match added {
        Ok(()) => known.on = Some(id.clone()),
        Err(why) => {
            known.earlier.iter_mut().for_each(Earlier::keep_own);
            tools.observer.on(&Event::Warning(format!("a full backup is taken: {why}")));
        }
    }
    Ok(known)
}

/// Where it is noted how far a backup came; `None` where this machine keeps nothing, or must not.
pub(super) fn noting<'a>(
    order: &Order<'_>,
    tools: &Tools<'a>,
    id: &'a BackupId,
    encoding: &Encoding,
    system_identifier: Option<&String>,
) -> Option<Noting<'a>> {
    let head = resume::head(order, encoding, system_identifier);
    let state = tools.state.filter(|_| may_be_remembered(&head.layers))?;
    Some(Noting { notes: Notes::new(state, order), id, head })
}
