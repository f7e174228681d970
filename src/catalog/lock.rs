//! Who works on a database's backups in one repository right now: the record behind a lock.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A process that holds locks and keeps a journal. Enough is written down to prove later that it is dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// Name of the machine.
    pub host: String,
    /// The machine's boot: two boots of one machine differ.
    pub boot_id: String,
    /// Process id, as its own pid namespace counts.
    pub pid: u32,
    /// The pid namespace, so that processes of containers are not mistaken for others.
    pub pid_namespace: String,
    /// When the process started, in clock ticks since boot: process ids are used again, this is not.
    pub process_started: u64,
    /// Id of the run.
    pub run: String,
    /// What the run does, such as `apply`.
    pub verb: String,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`backstay {}` (process {} on {}, run {})", self.verb, self.pid, self.host, self.run)
    }
}

/// A lock on one database in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockRecord {
    /// Version of the repository format.
    pub format: u32,
    /// The database entry of the policy.
    pub database: String,
    /// Who holds it.
    pub owner: Owner,
    /// Since when.
    pub acquired_at: Timestamp,
    /// Until when, unless its holder prolongs it.
    pub expires_at: Timestamp,
    /// Whether its holder lives. Never stored: judged when it is read.
    #[serde(skip)]
    pub state: LockState,
}

/// Whether the holder of a lock lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LockState {
    /// Not expired, and its holder is not known to be dead.
    #[default]
    Live,
    /// Its time ran out.
    Expired,
    /// Its process is gone from this machine.
    Dead,
}

impl LockRecord {
    /// True when the lock keeps others out.
    pub fn is_live(&self) -> bool {
        self.state == LockState::Live
    }
}
