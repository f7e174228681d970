//! What a verification found.

use super::{VerifyLevel, VerifyProblem};
use crate::base::BackupId;
use crate::resource::StorageClass;

/// What verifying one or several repositories found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// How thorough it was.
    pub level: VerifyLevel,
    /// Every copy that was looked at, by storage, database, tier, id.
    pub copies: Vec<CopyInspection>,
    /// Damaged files that belong to no readable backup, or that can be written again from others.
    pub files: Vec<FileProblem>,
    /// What could not be looked at as a whole, and why.
    pub unreadable: Vec<(String, String)>,
    /// Results that could not be kept beside their backups, by storage and why: whoever may only read a store can
    /// verify it all the same.
    pub unkept: Vec<(String, String)>,
    /// Files that were read.
    pub n_files: u64,
    /// Bytes that were read, as stored.
    pub bytes: u64,
}

/// One copy of one backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyInspection {
    /// Name of the storage.
    pub storage: String,
    /// The database entry.
    pub database: String,
    /// The tier.
    pub tier: String,
    /// The id.
    pub id: BackupId,
    /// Its files, as stored.
    pub bytes: u64,
    /// How it went.
    pub verdict: CopyVerdict,
}

/// How verifying a copy went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyVerdict {
    /// Nothing is wrong with it.
    Good,
    /// It is not what was written.
    Damaged(Vec<VerifyProblem>),
    /// It is complete by its sizes, and its bytes lie in a cold class: they are read once they are thawed.
    Cold(StorageClass),
    /// It could not be looked at as thoroughly as asked: no key, no access. What could be looked at is good.
    Undecided(String),
}

/// A damaged file of a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileProblem {
    /// Name of the storage.
    pub storage: String,
    /// The file's key.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Inspection {
    /// Nothing found yet.
    pub fn empty(level: VerifyLevel) -> Inspection {
        Inspection {
            level,
            copies: Vec::new(),
            files: Vec::new(),
            unreadable: Vec::new(),
            unkept: Vec::new(),
            n_files: 0,
            bytes: 0,
        }
    }

    /// Adds what was found in another repository.
    pub fn extend(&mut self, other: Inspection) {
        self.copies.extend(other.copies);
        self.files.extend(other.files);
        self.unreadable.extend(other.unreadable);
        self.unkept.extend(other.unkept);
        self.n_files += other.n_files;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Every damaged file.
    pub fn damage(&self) -> Vec<FileProblem> {
        let of_copy = |copy: &CopyInspection| match &copy.verdict {
            CopyVerdict::Damaged(problems) => problems
                .iter()
                .map(|VerifyProblem { key, problem }| FileProblem {
                    storage: copy.storage.clone(),
                    key: key.clone(),
                    problem: problem.clone(),
                })
                .collect(),
            CopyVerdict::Good | CopyVerdict::Cold(_) | CopyVerdict::Undecided(_) => Vec::new(),
        };
        let mut damage: Vec<_> = self.copies.iter().flat_map(of_copy).chain(self.files.iter().cloned()).collect();
        damage.sort();
        damage.dedup();
        damage
    }

    /// True when something could not be looked at. What lies in a cold class is as it should be.
    pub fn is_partial(&self) -> bool {
        let is_undecided = |copy: &CopyInspection| matches!(copy.verdict, CopyVerdict::Undecided(_));
        !self.unreadable.is_empty() || self.copies.iter().any(is_undecided)
    }
}
