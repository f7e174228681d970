//! The write-ahead log on its way into stores and back, for `archive_command` and `restore_command`.
//!
//! PostgreSQL calls for one file at a time and waits. [`push`] stores that one; a process that lives on for a while stores
//! what is ready besides, [`push_ahead`], and [`Ahead`] remembers it, so that the calls for those return before anything is
//! asked. [`turn`] keeps the two from doing the same. [`fetch`] looks through the storages
//! in order, and [`prefetch`] brings the next segments into a [`FetchedFolder`] meanwhile. What PostgreSQL is told is always
//! true: a file is archived when every storage has it, and absent when every storage was asked and has it not. Where the
//! policy has a spool, [`outage`] lets it wait there while a storage is away.

mod ahead;
mod claim;
mod error;
mod fetch;
mod fetched;
mod local;
pub mod outage;
mod prefetch;
mod push;
mod push_ahead;
pub mod receive;
mod turn;
mod verify;

pub use ahead::{Ahead, AheadFailure, Stamp};
pub use claim::Claim;
pub use error::WalError;
pub use fetch::{Fetch, fetch};
pub use fetched::{FetchedFolder, PREFETCHED, place_file};
pub use local::{Identity, LocalFile, PgWal, READY_AT_ONCE};
pub use prefetch::prefetch;
pub use push::{Push, Pushed, Upshot, push};
pub use push_ahead::{PushAhead, push_ahead};
pub use turn::{Turn, turn};
pub use verify::{WalInspection, check_stored, verify_wal};
