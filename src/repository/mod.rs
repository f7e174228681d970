//! The catalog at rest: where everything lies, the order in which it is written, locks, journals, format versions.
//!
//! A backup exists when its manifest does. Data is written first, the manifest last; removal goes the other way. So a
//! killed process leaves objects that [`Repository::read`] names as leftovers, never a backup that only looks good.
//! The index is a cache of manifests: the listing of the store decides, and entries that do not agree are read again.

mod adopted;
mod alerts;
mod ask;
mod drills;
mod error;
mod index;
mod inspect;
mod journal;
pub mod layout;
mod lease;
mod leftovers;
mod listing;
mod marker;
mod parallel;
mod process;
mod read;
mod references;
mod remove;
mod repository;
mod small;
mod wal;
pub mod wal_layout;
mod write;

pub use error::RepositoryError;
pub use journal::Journal;
pub use lease::{LEASE_TTL, Lease};
pub use marker::Marker;
pub use process::this_process;
pub use repository::Repository;
pub use wal::{PutWal, WalPlace};
