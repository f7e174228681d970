//! The index of a database: what its manifests say, in one file. A cache and nothing more: each entry holds only for
//! the manifest whose etag it names, so a lost, old or damaged index costs time and is written again.

use super::layout::index_key;
use super::listing::Entry;
use super::{Repository, RepositoryError, small};
use crate::base::BackupId;
use crate::catalog::{Backup, FORMAT, VerifyRecord, seal_compact};
use crate::storage::{Condition, StorageError};
use serde::{Deserialize, Serialize};

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) format: u32,
    pub(super) database: String,
    pub(super) entries: Vec<IndexEntry>,
}

/// One backup of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IndexEntry {
    /// Etag of the manifest that this was read from.
    pub(super) manifest: String,
    /// Etag of the record of verification, if there is one.
    pub(super) verified: Option<String>,
    pub(super) backup: Backup,
}

/// One change of what is stored.
pub(super) enum Change {
    Add { backup: Box<Backup>, manifest_etag: String },
    Verify { tier: String, record: Box<VerifyRecord>, verified_etag: String },
    Remove { tier: String, id: BackupId },
}

impl Index {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Add { backup, manifest_etag } => {
                self.entries.retain(|e| !(e.backup.id == backup.id && e.backup.tier == backup.tier));
                self.entries.push(IndexEntry { manifest: manifest_etag, verified: None, backup: *backup });
            }
            Change::Verify { tier, record, verified_etag } => {
                let entry = self.entries.iter_mut().find(|e| e.backup.id == record.id && e.backup.tier == tier);
                if let Some(entry) = entry {
                    entry.verified = Some(verified_etag);
                    entry.backup.verified = Some(*record);
                }
            }
            Change::Remove { tier, id } => self.entries.retain(|e| !(e.backup.id == id && e.backup.tier == tier)),
        }
    }
}

impl Repository {
    /// Follows a change of what is stored. Whatever goes wrong, the next reading notices that the index is stale.
    pub(super) async fn change_index(&self, database: &str, change: Change) {
        let _ = self.try_change_index(database, change).await;
    }

    async fn try_change_index(&self, database: &str, change: Change) -> Result<(), StorageError> {
        let key = index_key(database);
        let etag = self.store.head(&key).await?.map(|meta| meta.etag);
        let mut index = match small::read(self.store.as_ref(), &key).await? {
            None => empty(database),
            // A damaged index is left as it is, for `read` to name and `write_indexes` to replace.
            Some(bytes) => match small::judge::<Index>(&bytes, |index| index.format) {
                Ok(index) => index,
                Err(_) => return Ok(()),
            },
        };
        index.apply(change);
        let condition = etag.map_or(Condition::IfAbsent, Condition::IfMatch);
        self.write_index(index, condition).await
    }

    async fn write_index(&self, mut index: Index, condition: Condition) -> Result<(), StorageError> {
        let key = index_key(&index.database);
        if index.entries.is_empty() {
            let outcomes = self.store.delete(&[key]).await?;
            return outcomes.into_iter().try_for_each(|(_, outcome)| outcome);
        }
        index.entries.sort_by(|a, b| (&a.backup.tier, &a.backup.id).cmp(&(&b.backup.tier, &b.backup.id)));
        self.store.put(&key, seal_compact(&index).into(), condition).await?;
        Ok(())
    }

    /// Writes the indexes of these databases anew from what is stored. May be repeated.
    pub async fn write_indexes(&self, databases: &[String]) -> Result<(), RepositoryError> {
        let entries = self.read_entries().await?;
        for database in databases {
            let mut index = empty(database);
            index.entries = entries
                .iter()
                .filter(|entry| entry.backup.database == *database)
                .map(|Entry { backup, manifest_etag, verified_etag }| IndexEntry {
                    manifest: manifest_etag.clone(),
                    verified: verified_etag.clone(),
                    backup: backup.clone(),
                })
                .collect();
            self.write_index(index, Condition::Always).await?;
        }
        Ok(())
    }
}

fn empty(database: &str) -> Index {
    Index { format: FORMAT, database: database.to_owned(), entries: Vec::new() }
}
