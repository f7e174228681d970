//! Looking at one small file for its own sake: is it what its key says, unchanged?

use super::adopted::Removal;
use super::index::Index;
use super::layout::{INDEXES, JOURNALS, Key, LOCKS, MANIFESTS, marker_key, parse, sidecar_key};
use super::marker::Marker;
use super::small::{self, Unreadable, judge};
use super::write::sidecar;
use super::{Repository, RepositoryError};
use crate::alert::Memory;
use crate::base::{BackupId, Sha256};
use crate::catalog::{DrillBook, JournalRecord, LockRecord, Manifest, VerifyRecord};
use crate::storage::StorageError;

impl Repository {
    /// Keys of all small files that this program wrote: marker, manifests, records, drills, indexes, locks, journals. Files of
    /// others are left out, the marker is named whether it exists or not.
    pub async fn small_files(&self) -> Result<Vec<String>, RepositoryError> {
        let mut keys = vec![marker_key()];
        for folder in [MANIFESTS, INDEXES, LOCKS, JOURNALS] {
            let listing = self.store.list(folder).await?;
            keys.extend(listing.into_iter().map(|meta| meta.key).filter(|key| parse(key).is_some()));
        }
        Ok(keys)
    }

    /// What is wrong with a small file, and its length; `None` when it does not exist (any more). The index and what
    /// was read before are not believed: the file itself is read.
    pub async fn inspect(&self, key: &str) -> Result<Option<(u64, Option<String>)>, RepositoryError> {
        let bytes = match small::read(self.store.as_ref(), key).await {
            Err(error @ StorageError::Archived { .. }) => return Ok(Some((0, Some(small::frozen(&error))))),
            bytes => bytes?,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        let problem = parse(key).and_then(|parsed| judge_key(&parsed, &bytes).err());
        Ok(Some((bytes.len() as u64, problem.map(|problem| problem.to_string()))))
    }
}

impl Repository {
    /// What is wrong with the digest file beside a file of a backup. One that a lifecycle rule moved to a cold class is
    /// taken as it is: what it must hold is in the manifest.
    pub async fn sidecar_problem(
        &self,
        tier: &str,
        database: &str,
        id: &BackupId,
        name: &str,
        digest: &Sha256,
    ) -> Result<Option<String>, RepositoryError> {
        let found = match small::read(self.store.as_ref(), &sidecar_key(tier, database, id, name)).await {
            Err(StorageError::Archived { .. }) => return Ok(None),
            found => found?,
        };
        Ok(match found {
            None => Some("it is missing".to_owned()),
            Some(bytes) if bytes == sidecar(name, digest).as_bytes() => None,
            Some(_) => Some(format!("its content is not the digest of `{name}`")),
        })
    }
}

fn judge_key(key: &Key, bytes: &[u8]) -> Result<(), Unreadable> {
    let speaks_of = |what: String, holds: bool| if holds { Ok(()) } else { Err(Unreadable::Elsewhere(what)) };
    match key {
        Key::Object { .. } | Key::Wal(_) => Ok(()),
        Key::Marker => judge::<Marker>(bytes, |marker| marker.format).map(drop),
        Key::Manifest(place) => {
            let found: Manifest = judge(bytes, |manifest: &Manifest| manifest.format)?;
            let same = found.id == place.id && found.tier == place.tier && found.database == place.database;
            speaks_of(format!("backup {} of `{}` in tier `{}`", found.id, found.database, found.tier), same)
        }
        Key::Verified(place) => {
            let found: VerifyRecord = judge(bytes, |record: &VerifyRecord| record.format)?;
            speaks_of(format!("backup {}", found.id), found.id == place.id)
        }
        Key::Drills { tier, database } => {
            let found: DrillBook = judge(bytes, |book: &DrillBook| book.format)?;
            let same = found.tier == *tier && found.database == *database;
            speaks_of(format!("drills of `{}` in tier `{}`", found.database, found.tier), same)
        }
        Key::Lock(database) => {
            let found: LockRecord = judge(bytes, |lock: &LockRecord| lock.format)?;
            speaks_of(format!("database `{}`", found.database), found.database == *database)
        }
        Key::Removal(place) => {
            let found: Removal = judge(bytes, |removal: &Removal| removal.format)?;
            speaks_of(format!("backup {}", found.id), found.id == place.id)
        }
        Key::Index(database) => {
            let found: Index = judge(bytes, |index: &Index| index.format)?;
            speaks_of(format!("database `{}`", found.database), found.database == *database)
        }
        Key::Alerts(policy) => {
            let found: Memory = judge(bytes, |memory: &Memory| memory.format)?;
            speaks_of(format!("policy `{}`", found.policy), found.policy == *policy)
        }
        Key::Journal(run) => {
            let found: JournalRecord = judge(bytes, |journal: &JournalRecord| journal.format)?;
            speaks_of(format!("run {}", found.run), found.run == *run)
        }
    }
}
