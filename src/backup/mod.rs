//! Make a backup: one read of the database, written to every storage of its tier at once.

mod error;
mod hooks;
mod space;
mod target;

pub use error::{BackupError, CopyProblem, FailedCopy};
pub use hooks::{HookFacts, run_hooks, run_hooks_anyway};
pub use target::Target;
