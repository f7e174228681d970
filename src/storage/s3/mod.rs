//! AWS S3 and servers that speak like it: how to log in, the connection that everything of AWS shares, and a bucket as a
//! store.
//!
//! What holds for every call: errors are told by the server's code, with the missing permission; throttling, server
//! errors and broken connections are tried again by the SDK, bounded, with jitter; a server that says nothing is given up
//! after a minute or two; a create is conditional and carries
//! a stamp of ours, so that a write whose answer was lost is known again instead of being taken for someone else's.
//! What a server cannot do is noticed when it is asked for, not configured; see [`Capabilities`](super::Capabilities).

mod arrived;
mod authority;
mod begun;
mod budget;
mod client;
mod connection;
mod delete;
mod download;
mod list;
mod login;
mod parts;
mod patience;
mod powers;
mod protection;
mod purge;
mod retry;
mod stamp;
mod store;
mod thaw;
mod trouble;
mod upload;
mod versions;
mod watched;
mod write;

pub use authority::Authority;
pub use budget::Budget;
pub use connection::AwsConnection;
pub use login::{AwsSettings, Login};
pub use parts::PartSizes;
pub use store::{S3Place, S3Store};
