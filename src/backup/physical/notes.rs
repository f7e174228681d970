//! What this machine notes of a base backup while it is made: after each pack what is in it, so that an interrupted one goes
//! on. A note counts once its last file is there; those before it are whole then.

use super::own_files::OwnFiles;
use crate::backup::take::Order;
use crate::base::BackupId;
use crate::catalog::{FORMAT, FileMap, Layer, StoredObject};
use crate::storage::{ObjectStore, StorageError};
use crate::stream::{Sink, StreamError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufWriter, Cursor, Read, Write};

/// Where notes are, below which `<policy>/<database>/<tier>/<id>` follow.
const KIND: &str = "unfinished";
const HEAD: &str = "begun.json";
const PACK: &str = "pack.json";

/// What has to be the same for a backup to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: u32,
    /// The cluster that it is of, where the server told.
    pub(super) system_identifier: Option<String>,
    /// How its files are encoded.
    pub(super) layers: Vec<Layer>,
    /// The earlier backup that it refers to.
    pub(super) on: Option<BackupId>,
}

/// A pack that every storage has.
pub(super) struct Note {
    pub(super) object: StoredObject,
    /// All packs so far, and the files that were read to their end since the note before.
    pub(super) map: FileMap,
    /// Digests of the blocks of these files.
    pub(super) digests: Box<dyn Read + Send>,
}

/// What was noted of one backup.
pub(super) struct Noted {
    pub(super) head: Head,
    /// Its packs, in the order in which they were written.
    pub(super) packs: Vec<StoredObject>,
    /// Where their files are.
    pub(super) map: FileMap,
    pub(super) digests: File,
}

/// The notes of one tier of one database: of one backup, which is the last that was begun.
pub(super) struct Notes<'a>(OwnFiles<'a>);

impl<'a> Notes<'a> {
    /// In the machine's own store. Nothing is made there before something is noted.
    pub(super) fn new(store: &'a dyn ObjectStore, order: &Order<'_>) -> Notes<'a> {
        Notes(OwnFiles::new(store, KIND, order))
    }

    /// The backup of which there are notes.
    pub(super) async fn id(&self) -> Option<BackupId> {
        let names = self.0.names().await.ok()?;
        let place = names.iter().rev().find_map(|name| name.strip_suffix(PACK))?;
        place.split('/').next()?.parse().ok()
    }

    /// Everything that was noted of a backup.
    pub(super) async fn read(&self, id: &BackupId) -> Result<Noted, StreamError> {
        let head: Head = self.json(&format!("{id}/{HEAD}")).await?;
        if head.format > FORMAT {
            return Err(StreamError::Damaged(format!("the notes on {id} are of a newer program")));
        }
        let mut spool = Spool(BufWriter::with_capacity(1 << 18, tempfile::tempfile().map_err(StreamError::Process)?));
        let (mut packs, mut map) = (Vec::new(), FileMap::default());
        let names = self.0.names().await.map_err(StreamError::AllDestinationsFailed)?;
        loop {
            let note = name(id, packs.len() + 1);
            if !names.contains(&format!("{note}{PACK}")) {
                break;
            }
            packs.push(self.json::<StoredObject>(&format!("{note}{PACK}")).await?);
            let lines = self.0.read(&format!("{note}files.jsonl"), Vec::new()).await?.sink;
            map.join(FileMap::from_lines(&lines).map_err(|error| StreamError::Damaged(error.to_string()))?);
            spool = self.0.read(&format!("{note}blocks.b3"), spool).await?.sink;
        }
        let digests = spool.0.into_inner().map_err(|error| StreamError::Process(error.into_error()))?;
        Ok(Noted { head, packs, map, digests })
    }

    /// Begins notes on a backup; those on any other are forgotten.
    pub(super) async fn begin(&self, id: &BackupId, head: &Head) -> Result<(), StreamError> {
        self.forget(Some(id)).await.map_err(StreamError::AllDestinationsFailed)?;
        self.write_json(&format!("{id}/{HEAD}"), head).await
    }

    /// Notes pack number `number`, counted from 1.
    pub(super) async fn add(&self, id: &BackupId, number: usize, note: Note) -> Result<(), StreamError> {
        let name = name(id, number);
        self.0.write(&format!("{name}files.jsonl"), Box::new(Cursor::new(note.map.to_lines()))).await?;
        self.0.write(&format!("{name}blocks.b3"), note.digests).await?;
        self.write_json(&format!("{name}{PACK}"), &note.object).await
    }

    /// Forgets all backups but one.
    pub(super) async fn forget(&self, kept: Option<&BackupId>) -> Result<(), StorageError> {
        let mut names = self.0.names().await?;
        names.retain(|name| kept.is_none_or(|kept| name.split('/').next() != Some(kept.as_str())));
        // What makes the others count goes first.
        names.sort_by_key(|name| !name.ends_with(PACK));
        self.0.remove(&names).await
    }

    async fn json<T: for<'b> Deserialize<'b>>(&self, name: &str) -> Result<T, StreamError> {
        let read = self.0.read(name, Vec::new()).await?.sink;
        serde_json::from_slice(&read).map_err(|error| StreamError::Damaged(format!("`{name}`: {error}")))
    }

    async fn write_json<T: Serialize>(&self, name: &str, content: &T) -> Result<(), StreamError> {
        // Our own structs serialise always.
        let text = serde_json::to_vec(content).unwrap_or_default();
        self.0.write(name, Box::new(Cursor::new(text))).await
    }
}

/// The backups of which this machine has notes, of all policies.
pub async fn unfinished(state: &dyn ObjectStore) -> Result<Vec<BackupId>, StorageError> {
    let noted = state.list(&format!("{KIND}/")).await?;
    let mut ids: Vec<BackupId> = noted
        .iter()
        .filter(|meta| meta.key.ends_with(&format!("{PACK}.zst")))
        .filter_map(|meta| meta.key.rsplit('/').nth(1)?.parse().ok())
        .collect();
    ids.sort();
    ids.dedup();
    Ok(ids)
}

fn name(id: &BackupId, number: usize) -> String {
    format!("{id}/{number:06}.")
}

/// Digests on their way into a file without a name.
pub(super) struct Spool(pub(super) BufWriter<File>);

impl Sink for Spool {
    fn take(&mut self, piece: Bytes) -> io::Result<()> {
        self.0.write_all(&piece)
    }
}
