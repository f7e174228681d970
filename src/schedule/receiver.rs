//! A process that is kept running, unlike a job: it receives the write-ahead log of a database.

use crate::base::Sha256;

/// What has to be kept running for a database whose WAL is streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// The database entry.
    pub database: String,
    /// True when the policy says where it keeps what is under way.
    pub has_folder: bool,
    /// Digest of what the policy says of it. The process reads the policy once, so it is started again when this changes.
    pub meaning: Sha256,
}

impl Receiver {
    /// A name for people and files: `wal-receive-app`.
    pub fn name(&self) -> String {
        format!("wal-receive-{}", self.database)
    }

    /// What is its alone.
    pub(super) fn own(&self) -> String {
        format!("receiver/{}", self.database)
    }

    /// What it is, as the beginning of a sentence.
    pub fn title(&self) -> String {
        format!("WAL of {} as it is written", self.database)
    }

    /// The words after the program's name and `--policy`. Unless the policy says where it keeps what is under way, a
    /// `--state-dir` follows.
    pub fn words(&self) -> Vec<String> {
        ["wal", "receive", "--database", self.database.as_str()].map(str::to_owned).to_vec()
    }
}
