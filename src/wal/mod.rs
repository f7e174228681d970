//! The write-ahead log on its way into stores and back, for `archive_command` and `restore_command`.
//!
//! PostgreSQL calls for one file at a time and waits. [`push`] therefore takes what is ready beside it along, and [`Ahead`]
//! remembers what it took, so that the calls for those return before anything is asked. [`fetch`] looks through the storages
//! in order, and [`prefetch`] brings the next segments into a [`FetchedFolder`] meanwhile. What PostgreSQL is told is always
//! true: a file is archived when every storage has it, and absent when every storage was asked and has it not. Where the
//! policy has a spool, [`outage`] lets it wait there while a storage is away.

mod ahead;
mod error;
mod fetch;
mod fetched;
mod local;
pub mod outage;
mod prefetch;
mod push;
pub mod receive;
mod verify;

pub use ahead::{Ahead, Stamp};
pub use error::WalError;
pub use fetch::{Fetch, fetch};
pub use fetched::{FetchedFolder, PREFETCHED, place_file};
pub use local::{Identity, LocalFile, PgWal, READY_AT_ONCE};
pub use prefetch::prefetch;
pub use push::{Push, Pushed, Upshot, push};
pub use verify::{WalInspection, verify_wal};
