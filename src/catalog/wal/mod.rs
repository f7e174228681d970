//! What an archive of WAL holds, and how far it reaches: objects by name, histories of timelines, contiguous ranges along a
//! timeline's ancestry, and what is missing between two positions. All of it from one listing and the few histories.

mod cluster;
mod coverage;
mod history;
mod needs;
mod object;
mod span;
mod way;

pub use cluster::{ClusterWal, TwoContents};
pub use coverage::{NotCovered, WalPosition};
pub use history::{Branch, History, InvalidHistory};
pub use needs::{Expendable, NeedsUnclear, WalNeeds};
pub use object::{InvalidWalDigest, WalDigest, WalObject};
pub use span::WalSpan;
pub use way::{NoWay, Way, way};
