//! What this machine remembers of the backups that it made: file maps and digests of blocks. Who has only public keys
//! cannot read them where they are stored.

use super::own_files::OwnFiles;
use crate::backup::take::Order;
use crate::base::BackupId;
use crate::catalog::{ObjectRole, StoredObject};
use crate::storage::{ObjectStore, StorageError};
use crate::stream::{Sink, StreamError};
use std::io::Read;

/// Backups that are remembered of one tier of one database: the next one refers to one of the last.
const REMEMBERED: usize = 3;

/// What is remembered of one tier of one database.
pub(super) struct Remembered<'a>(OwnFiles<'a>);

impl<'a> Remembered<'a> {
    /// In the machine's own store. Nothing is made there before something is remembered.
    pub(super) fn new(store: &'a dyn ObjectStore, order: &Order<'_>) -> Remembered<'a> {
        Remembered(OwnFiles::new(store, "physical", order))
    }

    /// Reads a file of a backup. Fails when it is not there, or not what the backup holds.
    pub(super) async fn read<W: Sink>(&self, id: &BackupId, object: &StoredObject, sink: W) -> Result<W, StreamError> {
        let name = name(id, object);
        let decoded = self.0.read(&name, sink).await?;
        if decoded.plain_blake3 == Some(object.plain_blake3) {
            return Ok(decoded.sink);
        }
        Err(StreamError::Damaged(format!("`{name}` is not what the backup holds")))
    }

    /// Keeps a file of a backup.
    pub(super) async fn write(
        &self,
        id: &BackupId,
        object: &StoredObject,
        content: Box<dyn Read + Send>,
    ) -> Result<(), StreamError> {
        self.0.write(&name(id, object), content).await
    }

    /// Forgets all but the newest backups.
    pub(super) async fn forget_old(&self) -> Result<(), StorageError> {
        let names = self.0.names().await?;
        let id = |name: &str| name.split('/').next().map(str::to_owned);
        let mut ids: Vec<String> = names.iter().filter_map(|name| id(name)).collect();
        ids.dedup();
        let old = &ids[..ids.len().saturating_sub(REMEMBERED)];
        let gone = names.into_iter().filter(|name| id(name).is_some_and(|id| old.contains(&id)));
        self.0.remove(&gone.collect::<Vec<_>>()).await
    }
}

fn name(id: &BackupId, object: &StoredObject) -> String {
    let name = if object.role == ObjectRole::FileMap { "files.jsonl" } else { "blocks.b3" };
    format!("{id}/{name}")
}
