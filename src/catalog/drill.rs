//! The record of a drill: a backup was really restored, and this is what came of it. The drills of a database's tier
//! stand in one file, so that what was proven is known after the backup itself is gone.

use super::Contents;
use crate::base::{BackupId, Period};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Drills that are kept of one database in one tier; the oldest go first. More than a year of one a day.
pub const DRILLS_KEPT: usize = 400;

/// What came of restoring one backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrillRecord {
    /// The backup.
    #[schemars(with = "String")]
    pub id: BackupId,
    /// The database entry, as in the backup's manifest.
    pub database: String,
    /// The tier of the backup.
    pub tier: String,
    /// Name of the storage whose copy was restored.
    pub storage: String,
    /// When the drill began.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Id of the run.
    pub run: String,
    /// Name of the machine that did it.
    pub host: String,
    /// Name of the operating-system user who did it.
    pub user: String,
    /// `backstay` and its version.
    pub tool: String,
    /// Version of the server that it was restored into, such as `15.18`.
    pub server_version: String,
    /// Tables and rows that were compared with the manifest, once they agreed.
    pub compared: Option<DrillRows>,
    /// Every check of the policy that was asked.
    pub checks: Vec<DrillCheck>,
    /// Milliseconds from the first byte read to a database that is compared and can be used: what a restore takes.
    pub restore_ms: Option<u64>,
    /// Milliseconds that all checks took.
    pub checks_ms: Option<u64>,
    /// Milliseconds from begin to end, the making of the server included.
    pub total_ms: u64,
    /// `objectives.rto` as it was then, in seconds.
    pub rto_seconds: Option<u64>,
    /// Why it did not pass; empty: it passed.
    pub problems: Vec<String>,
}

/// Tables and rows that agreed with the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrillRows {
    /// Tables.
    pub tables: u64,
    /// Rows of all of them.
    pub rows: u64,
}

/// One assertion on the restored database, and what it answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrillCheck {
    /// The query.
    pub sql: String,
    /// What its answer must be, as the policy says it.
    pub expect: String,
    /// Its first value; `null` for no row, for SQL's null, and where the query failed.
    pub answer: Option<String>,
    /// Why it is not as expected; `null`: it is.
    pub problem: Option<String>,
}

impl DrillRecord {
    /// True when everything was as it must be.
    pub fn has_passed(&self) -> bool {
        self.problems.is_empty()
    }

    /// How long the restore took, rounded up to whole seconds: the measured recovery time.
    pub fn recovery_time(&self) -> Option<Period> {
        self.restore_ms.map(|ms| Period(ms.div_ceil(1000)))
    }
}

/// The drills of one database in one tier, as stored. Sorted: the newest last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrillBook {
    /// Version of the repository format.
    pub format: u32,
    /// The database entry.
    pub database: String,
    /// The tier.
    pub tier: String,
    /// The drills.
    pub drills: Vec<DrillRecord>,
}

impl DrillBook {
    /// Adds a drill, and drops the oldest ones beyond what is kept. Twice is once.
    pub fn add(&mut self, record: DrillRecord) {
        self.drills.retain(|known| (&known.run, &known.id) != (&record.run, &record.id));
        self.drills.push(record);
        self.drills.sort_by(|a, b| (a.at, &a.run, &a.id).cmp(&(b.at, &b.run, &b.id)));
        let surplus = self.drills.len().saturating_sub(DRILLS_KEPT);
        self.drills.drain(..surplus);
    }
}

/// Every drill that some storages know of, each once, oldest first.
pub fn all_drills<'a>(storages: impl IntoIterator<Item = &'a Contents>) -> Vec<&'a DrillRecord> {
    let mut all: Vec<&DrillRecord> = storages.into_iter().flat_map(|contents| &contents.drills).collect();
    all.sort_by(|a, b| (a.at, &a.run, &a.database, &a.id).cmp(&(b.at, &b.run, &b.database, &b.id)));
    all.dedup_by(|a, b| (&a.run, &a.database, &a.id) == (&b.run, &b.database, &b.id));
    all
}

/// A drill that passed at `second`, of a backup that began an hour before.
#[cfg(test)]
pub(crate) fn drill_that_passed(database: &str, tier: &str, second: i64) -> DrillRecord {
    let at = |second| Timestamp::from_second(second).unwrap_or_default();
    DrillRecord {
        id: BackupId::new(at(second - 3600), 7),
        database: database.to_owned(),
        tier: tier.to_owned(),
        storage: "near".to_owned(),
        at: at(second),
        run: BackupId::new(at(second), 1).to_string(),
        host: "db1".to_owned(),
        user: "backup".to_owned(),
        tool: "backstay 0.1.0".to_owned(),
        server_version: "15.18".to_owned(),
        compared: Some(DrillRows { tables: 2, rows: 100 }),
        checks: Vec::new(),
        restore_ms: Some(1_001),
        checks_ms: Some(3),
        total_ms: 2_400,
        rto_seconds: None,
        problems: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::drill_that_passed as passed;
    use super::*;

    #[test]
    fn a_book_keeps_the_newest_and_each_once() {
        let mut book =
            DrillBook { format: 1, database: "app".to_owned(), tier: "daily".to_owned(), drills: Vec::new() };
        for day in (0..=DRILLS_KEPT as i64).rev() {
            book.add(passed("app", "daily", 1_700_000_000 + day * 86_400));
        }
        assert_eq!(book.drills.len(), DRILLS_KEPT);
        assert!(book.drills.is_sorted_by_key(|drill| drill.at));
        let last = book.drills.last().unwrap().clone();
        book.add(last.clone());
        assert_eq!((book.drills.len(), book.drills.last()), (DRILLS_KEPT, Some(&last)));
        assert_eq!(last.recovery_time(), Some(Period(2)));
    }

    #[test]
    fn copies_of_a_record_are_one_drill() {
        let (first, second) = (passed("app", "daily", 1_700_000_000), passed("app", "daily", 1_700_000_100));
        let near = Contents { drills: vec![first.clone(), second.clone()], ..Contents::default() };
        let far = Contents { drills: vec![second.clone()], ..Contents::default() };
        assert_eq!(all_drills([&far, &near]), [&first, &second]);
    }
}
