//! Files that this machine keeps for itself about the base backups that it makes: compressed, in the clear, and only for
//! its own user.

use crate::backup::take::Order;
use crate::base::encode_component;
use crate::codec::{Cipher, Keys};
use crate::policy::Compression;
use crate::storage::{Body, ObjectStore, Placement, StorageError};
use crate::stream::{Content, Decode, Decoded, Encode, Encoding, Progress, Sink, StreamError, decode, encode};
use std::io::Read;
use tokio_util::sync::CancellationToken;

const ENCODING: Encoding = Encoding { compression: Compression::Zstd(1), cipher: Cipher::None };

/// Those of one kind, of one tier of one database.
pub(super) struct OwnFiles<'a> {
    store: &'a dyn ObjectStore,
    folder: String,
}

impl<'a> OwnFiles<'a> {
    /// In the machine's own store. Nothing is made there before something is written.
    pub(super) fn new(store: &'a dyn ObjectStore, kind: &str, order: &Order<'_>) -> OwnFiles<'a> {
        let parts = [order.desired.name.as_str(), order.target.name, order.target.tier];
        OwnFiles { store, folder: format!("{kind}/{}/", parts.map(encode_component).join("/")) }
    }

    /// Reads one to its end.
    pub(super) async fn read<W: Sink>(&self, name: &str, sink: W) -> Result<Decoded<W>, StreamError> {
        let key = self.key(name);
        let source: Body = self.store.get(&key, None).await.map_err(StreamError::AllDestinationsFailed)?;
        let job = Decode {
            source,
            what: key,
            layers: ENCODING.layers(),
            keys: Keys::default(),
            expected: None,
            content: Content::Digested,
            scan: None,
            progress: Progress::silent(),
            stop: CancellationToken::new(),
        };
        decode(job, sink).await
    }

    /// Writes one; it is seen once it is whole and durable.
    pub(super) async fn write(&self, name: &str, content: Box<dyn Read + Send>) -> Result<(), StreamError> {
        let key = self.key(name);
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

    /// The names of all, sorted.
    pub(super) async fn names(&self) -> Result<Vec<String>, StorageError> {
        let all = self.store.list(&self.folder).await?.into_iter();
        let name = |key: &str| Some(key.strip_prefix(&self.folder)?.strip_suffix(".zst")?.to_owned());
        Ok(all.filter_map(|meta| name(&meta.key)).collect())
    }

    /// Removes some.
    pub(super) async fn remove(&self, names: &[String]) -> Result<(), StorageError> {
        let keys: Vec<String> = names.iter().map(|name| self.key(name)).collect();
        self.store.delete(&keys).await?.into_iter().try_for_each(|(_, outcome)| outcome)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}.zst", self.folder)
    }
}
