//! What became of old dumps that were to be adopted.

use crate::base::BackupId;
use jiff::Timestamp;

/// One run of `adopt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// Name of the storage.
    pub storage: String,
    /// Where it is, for people.
    pub location: String,
    /// The tier that the dumps belong to from now on.
    pub tier: String,
    /// Every file whose name fits the pattern, oldest first.
    pub dumps: Vec<OldDump>,
    /// Keys of files whose names do not, those that go with a dump left out.
    pub others: Vec<String>,
    /// True when nothing was written.
    pub is_dry_run: bool,
}

/// One old dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldDump {
    /// Its key in the storage.
    pub key: String,
    /// Its length.
    pub bytes: u64,
    /// When it was made, by its name.
    pub at: Option<Timestamp>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of an old dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is a backup now; in a dry run it would be one.
    Adopted(Taken),
    /// It was one before.
    Known(BackupId),
    /// It is not one, and why, as a sentence without a full stop.
    Refused(String),
}

/// What is known of a dump that was adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its id as a backup.
    pub id: BackupId,
    /// The database entry it belongs to.
    pub database: String,
    /// What its bytes are, such as `SQL text in gzip`.
    pub kind: String,
    /// Rows in it, where they can be counted.
    pub rows: Option<u64>,
    /// True when a digest beside it agreed.
    pub has_digest: bool,
    /// Keys of small files that go with it.
    pub beside: Vec<String>,
    /// True when it is older than its tier keeps backups: the next `apply` may propose to delete it.
    pub is_past_keep: bool,
}

impl Adoption {
    /// Those that were adopted now.
    pub fn taken(&self) -> impl Iterator<Item = (&OldDump, &Taken)> {
        self.dumps.iter().filter_map(|dump| match &dump.fate {
            Fate::Adopted(taken) => Some((dump, taken)),
            _ => None,
        })
    }

    /// Those that were refused, and why.
    pub fn refused(&self) -> impl Iterator<Item = (&OldDump, &str)> {
        self.dumps.iter().filter_map(|dump| match &dump.fate {
            Fate::Refused(reason) => Some((dump, reason.as_str())),
            _ => None,
        })
    }

    /// How many were backups before.
    pub fn n_known(&self) -> usize {
        self.dumps.iter().filter(|dump| matches!(dump.fate, Fate::Known(_))).count()
    }
}
