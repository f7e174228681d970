//! Make a backup: one read of the database, written to every storage of its tier at once.
//!
//! [`take_backup`] is the deed. Order of things: hooks, server and its facts, room in every store, dump and globals into
//! uploads that nobody sees, and only when the programs ended well the files become visible, then their digests, then
//! the manifest. A storage that fails on the way is dropped and named; the others go on.

mod cipher;
mod copies;
mod error;
mod find_earlier;
mod hooks;
mod lacking;
mod locks;
mod logical;
mod origin;
mod physical;
mod pipeline;
mod placement;
mod space;
mod take;
mod target;

pub use cipher::cipher;
pub use error::{BackupError, CopyProblem, FailedCopy};
pub use find_earlier::find_earlier;
pub use hooks::{HookFacts, run_hooks, run_hooks_anyway};
pub use lacking::tell_lacking;
pub use locks::LockedStorages;
pub use origin::origin;
pub use physical::unfinished;
pub use placement::{placed, placement};
pub use space::check_space;
pub use take::{BackupOutcome, Order, Tools, take_backup};
pub use target::Target;
