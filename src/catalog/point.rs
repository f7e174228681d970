//! Restore points: one backup with all its copies, wherever they are.

use super::{Backup, Contents};
use crate::base::BackupId;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// One backup, and who holds a copy of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePoint {
    /// The backup's id.
    pub id: BackupId,
    /// The database entry.
    pub database: String,
    /// The tier.
    pub tier: String,
    /// When the read of the database began: what the backup shows is of this moment.
    pub started_at: Timestamp,
    /// Its copies, in the order in which the storages were given; at least one.
    pub copies: Vec<PointCopy>,
}

/// A copy of a backup at one storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointCopy {
    /// Name of the storage.
    pub storage: String,
    /// The copy.
    pub backup: Backup,
}

/// What is known of a copy without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CopyState {
    /// Verified, and nothing was wrong.
    Verified,
    /// Complete by its sizes; never verified.
    Unverified,
    /// Something is wrong with it.
    Damaged,
}

impl PointCopy {
    /// What is known of it.
    pub fn state(&self) -> CopyState {
        if !self.backup.is_good() {
            CopyState::Damaged
        } else if self.backup.verified.is_some() {
            CopyState::Verified
        } else {
            CopyState::Unverified
        }
    }

    /// What is wrong with it; empty for a good one.
    pub fn problems(&self) -> Vec<String> {
        let missing = self.backup.missing.iter().chain(&self.backup.lacking).cloned();
        let found = self.backup.verified.iter().flat_map(|record| &record.problems);
        missing.chain(found.map(|problem| format!("`{}` {}", problem.key, problem.problem))).collect()
    }
}

impl RestorePoint {
    /// True when at least one copy is not known to be damaged.
    pub fn is_good(&self) -> bool {
        self.copies.iter().any(|copy| copy.backup.is_good())
    }

    /// The copy that speaks for all: the first good one, or else the first.
    pub fn best(&self) -> Option<&PointCopy> {
        self.copies.iter().find(|copy| copy.backup.is_good()).or_else(|| self.copies.first())
    }
}

/// Every backup of some storages, copies put together: by database, newest first.
pub fn restore_points<'a>(storages: impl IntoIterator<Item = (&'a str, &'a Contents)>) -> Vec<RestorePoint> {
    let mut points: BTreeMap<(&str, std::cmp::Reverse<&BackupId>, &str), RestorePoint> = BTreeMap::new();
    for (storage, contents) in storages {
        for backup in &contents.backups {
            let key = (backup.database.as_str(), std::cmp::Reverse(&backup.id), backup.tier.as_str());
            let point = points.entry(key).or_insert_with(|| RestorePoint {
                id: backup.id.clone(),
                database: backup.database.clone(),
                tier: backup.tier.clone(),
                started_at: backup.started_at,
                copies: Vec::new(),
            });
            point.copies.push(PointCopy { storage: storage.to_owned(), backup: backup.clone() });
        }
    }
    let mut points: Vec<RestorePoint> = points.into_values().collect();
    // Ids know whole seconds only.
    points.sort_by(|a, b| a.database.cmp(&b.database).then(b.started_at.cmp(&a.started_at)).then(b.id.cmp(&a.id)));
    points
}
