//! What existed when someone last looked: the output of `backstay list --json`.

use crate::base::BackupId;
use crate::catalog::retention::is_ahead;
use crate::policy::Desired;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Backups by database and tier, as recorded. Databases that match an entry with `match` stand under their own names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    databases: BTreeMap<String, Vec<RecordedBackup>>,
}

/// One backup of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordedBackup {
    pub(super) id: BackupId,
    pub(super) tier: String,
    /// By storage: the bytes of the copy, and whether it is good.
    pub(super) copies: BTreeMap<String, (u64, bool)>,
}

/// A text is no list of backups.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecord {
    /// It is no JSON of the right shape.
    #[error("it is not what `backstay list --json` prints: {0}")]
    Shape(String),
    /// Another version of the format.
    #[error("it has format version {0}; this program reads 1")]
    Version(u32),
}

#[derive(Deserialize)]
struct ListText {
    format_version: u32,
    databases: Vec<DatabaseText>,
}

#[derive(Deserialize)]
struct DatabaseText {
    name: String,
    backups: Vec<BackupText>,
}

#[derive(Deserialize)]
struct BackupText {
    id: String,
    tier: String,
    copies: Vec<CopyText>,
}

#[derive(Deserialize)]
struct CopyText {
    storage: String,
    state: String,
    stored_bytes: u64,
}

impl Recorded {
    /// Reads a list.
    pub fn parse(text: &[u8]) -> Result<Recorded, InvalidRecord> {
        let shape = |problem: String| InvalidRecord::Shape(problem);
        let list: ListText = serde_json::from_slice(text).map_err(|e| shape(e.to_string()))?;
        if list.format_version != 1 {
            return Err(InvalidRecord::Version(list.format_version));
        }
        let mut databases: BTreeMap<String, Vec<RecordedBackup>> = BTreeMap::new();
        for database in list.databases {
            for backup in database.backups {
                let id: BackupId = backup.id.parse().map_err(|_| shape("a backup has no valid id".to_owned()))?;
                let copy = |copy: CopyText| (copy.storage, (copy.stored_bytes, copy.state != "damaged"));
                let copies = backup.copies.into_iter().map(copy).collect();
                let backups = databases.entry(database.name.clone()).or_default();
                backups.push(RecordedBackup { id, tier: backup.tier, copies });
            }
        }
        for backups in databases.values_mut() {
            backups.sort_by(|a, b| a.id.cmp(&b.id));
            backups.dedup_by(|a, b| a.id == b.id);
        }
        Ok(Recorded { databases })
    }

    /// The names in the list that an entry of a policy stands for.
    pub(super) fn names<'a>(&'a self, desired: &'a Desired, entry: &'a str) -> Vec<&'a str> {
        let names = self.databases.keys().map(String::as_str);
        names.filter(|name| desired.database(name).is_some_and(|found| found.entry == entry)).collect()
    }

    /// The backups of a tier of a database of the list, oldest first; what is dated in the future is left out.
    pub(super) fn backups<'a>(
        &'a self,
        name: &str,
        tier: &'a str,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a RecordedBackup> {
        let all = self.databases.get(name).into_iter().flatten();
        all.filter(move |backup| backup.tier == tier && !is_ahead(&backup.id, now))
    }
}
