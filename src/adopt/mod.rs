//! Take over dumps that other tools made, as backups: read to the end once, described by a manifest, left where they
//! lie. From then on they are listed, verified, copied, restored and pruned like any backup.
//!
//! What cannot be restored is not adopted: a dump that is damaged, cut off, empty, of another database or locked by a
//! key that is not at hand is refused for itself, with its reason. An id is made of the moment in a dump's name and of
//! its bytes, so that doing it again does nothing, and the same dump in two storages is one backup with two copies.

mod adopt;
mod error;
mod examine;
mod identity;

pub use adopt::{Means, Order, adopt};
pub use error::AdoptError;
