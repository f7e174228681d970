//! WAL while a storage is away: it waits in a folder of the server's host, up to a limit, and is brought when the storage is
//! back.
//!
//! [`OutageSpool`] is the folder; [`push_through`] stores what can be stored, spools the rest and so lets the server go on;
//! [`drain`] brings what waits, and [`bring_all`] goes on until nothing does. What waits is sealed as it will be stored. When the spool is full the policy decides: the
//! server keeps the next segment, or it is given up and that is recorded, first here and then in the storage.

mod bring_all;
mod drain;
mod spool;
mod through;

pub use bring_all::{BroughtEnd, bring_all};
pub use drain::{Drained, drain};
pub use spool::{OutageSpool, Waits};
pub use through::{Rest, SpoolEnd, Spooled, Through, push_through};
