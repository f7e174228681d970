//! WAL as it is written: received over the replication protocol into a folder, and from there into every store.
//!
//! [`receive`] runs two things side by side. One takes bytes from the server and appends them to the segment that grows in
//! the [`Spool`]; the other stores what is whole and removes it from the spool. Either may be down for a while: a store that
//! is away lets the spool grow up to its limit, a server that is away is asked again. What the server is told is true: how
//! far bytes were taken, and with `synchronous` how far they are safe on this machine's disk. A slot is moved by SQL, and only
//! over what every store has.

mod error;
mod receive;
mod slot;
mod spool;
mod start;
mod storing;
mod taking;

pub use error::ReceiveError;
pub use receive::{Receive, receive};
pub use spool::Spool;
