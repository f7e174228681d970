//! A restore for practice: a backup is brought back into a throwaway server, compared with its manifest, asked what the
//! policy wants to know, measured, and thrown away. What came of it is kept as a record in the store.
//!
//! [`drill`] does it, [`keep`] keeps the record. What is wrong with the backup is a finding and stands in the record;
//! what is wrong with this machine (no server program, no key, no access) is an error, and nothing is recorded.

mod cluster;
mod drill;
mod error;
mod given;
mod judge;
mod keep;
mod own;
mod roles;

pub use cluster::Recovery;
pub use drill::{Means, Order, Where, drill};
pub use error::DrillError;
pub use keep::{Unkept, keep};
