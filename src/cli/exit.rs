//! Exit codes: the same for every verb, documented in docs/exit-codes.md, never given another meaning.

use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Changes are present (`plan --detailed-exitcode`).
    Changes = 2,
    /// The policy is invalid.
    InvalidPolicy = 3,
    /// Refused by a guard, or approval is missing.
    Refused = 4,
    /// The plan is stale.
    Stale = 5,
    /// Locked by another run.
    Locked = 6,
    /// Done in part; safe to run again.
    Partly = 7,
    /// Damage was found.
    Damaged = 8,
    /// The words typed are not understood.
    Usage = 64,
    /// Interrupted.
    Interrupted = 130,
    /// Whether a WAL file is archived is not known (`wal fetch`): PostgreSQL must stop.
    Uncertain = 200,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
