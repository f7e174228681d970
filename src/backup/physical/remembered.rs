//! What this machine remembers of the backups that it made: file maps and digests of blocks. Who has only public keys
//! cannot read them where they are stored.

use crate::backup::take::Order;
use crate::base::{BackupId, encode_component};
use crate::catalog::{ObjectRole, StoredObject};
use crate::codec::{Cipher, Keys};
use crate::policy::Compression;
use crate::storage::{Body, ObjectStore, Placement, StorageError};
use crate::stream::{Content, Decode, Encode, Encoding, Progress, Sink, StreamError, decode, encode};
use std::io::Read;
use tokio_util::sync::CancellationToken;

/// Backups that are remembered of one tier of one database: the next one refers to one of the last.
const REMEMBERED: usize = 3;

const ENCODING: Encoding = Encoding { compression: Compression::Zstd(1), cipher: Cipher::None };

/// What is remembered of one tier of one database.
pub(super) struct Remembered<'a> {
    store: &'a dyn ObjectStore,
    folder: String,
}

impl<'a> Remembered<'a> {
    /// In the machine's own store. Nothing is made there before something is remembered.
    pub(super) fn new(store: &'a dyn ObjectStore, order: &Order<'_>) -> Remembered<'a> {
        let parts = [order.desired.name.as_str(), order.target.name, order.target.tier];
        Remembered { store, folder: format!("physical/{}/", parts.map(encode_component).join("/")) }
    }

    /// Reads a file of a backup. Fails when it is not there, or not what the backup holds.
    pub(super) async fn read<W: Sink>(&self, id: &BackupId, object: &StoredObject, sink: W) -> Result<W, StreamError> {
        let key = self.key(id, object);
        let source: Body = self.store.get(&key, None).await.map_err(StreamError::AllDestinationsFailed)?;
        let job = Decode {
            source,
            what: key.clone(),
            layers: ENCODING.layers(),
            keys: Keys::default(),
            expected: None,
            content: Content::Digested,
            scan: None,
            progress: Progress::silent(),
            stop: CancellationToken::new(),
        };
        let decoded = decode(job, sink).await?;
        if decoded.plain_blake3 == Some(object.plain_blake3) {
            return Ok(decoded.sink);
        }
        Err(StreamError::Damaged(format!("`{key}` is not what the backup holds")))
    }

    /// Keeps a file of a backup.
    pub(super) async fn write(
        &self,
        id: &BackupId,
        object: &StoredObject,
        content: Box<dyn Read + Send>,
    ) -> Result<(), StreamError> {
        let key = self.key(id, object);
        let failed = StreamError::AllDestinationsFailed;
        let upload = self.store.upload(&key, &Placement::default()).await.map_err(failed)?;
        let job = Encode {
            source: content,
            what: key,
            encoding: ENCODING,
            uploads: vec![upload],
            scan: None,
            progress: Progress::silent(),
            stop: CancellationToken::new(),
        };
        for upload in encode(job).await?.uploads {
            upload.map_err(failed)?.complete().await.map_err(failed)?;
        }
        Ok(())
    }

    /// Forgets all but the newest backups.
    pub(super) async fn forget_old(&self) -> Result<(), StorageError> {
        let keys: Vec<String> = self.store.list(&self.folder).await?.into_iter().map(|meta| meta.key).collect();
        let id = |key: &str| key.strip_prefix(&self.folder).and_then(|rest| rest.split('/').next()).map(str::to_owned);
        let mut ids: Vec<String> = keys.iter().filter_map(|key| id(key)).collect();
        ids.dedup();
        let old = &ids[..ids.len().saturating_sub(REMEMBERED)];
        let gone: Vec<String> =
            keys.iter().filter(|key| id(key).is_some_and(|id| old.contains(&id))).cloned().collect();
        self.store.delete(&gone).await?.into_iter().try_for_each(|(_, outcome)| outcome)
    }

    fn key(&self, id: &BackupId, object: &StoredObject) -> String {
        let name = if object.role == ObjectRole::FileMap { "files.jsonl.zst" } else { "blocks.b3.zst" };
        format!("{}{id}/{name}", self.folder)
    }
}
