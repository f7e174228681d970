//! What an archive of WAL holds, and how far it reaches: objects by name, histories of timelines, contiguous ranges along a
//! timeline's ancestry, and what is missing between two positions; with base backups, which moments can be restored. All of
//! it from one listing and the few histories.

mod cluster;
mod coverage;
mod gap;
mod given_up;
mod history;
mod needs;
mod object;
mod restorable;
#[cfg(test)]
mod sample;
mod span;
mod way;
mod window;

pub use cluster::{ClusterWal, TwoContents};
pub use coverage::{NotCovered, WalPosition};
pub use gap::{READ_AHEAD, SETTLED_AFTER, Settling, WalGap};
pub use given_up::GivenUp;
pub use history::{Branch, History, InvalidHistory};
pub use needs::{Expendable, NeedsUnclear, WalNeeds};
pub use object::{InvalidWalDigest, WalDigest, WalObject};
pub use restorable::{Cut, Head, Restorable, restorable};
pub use span::WalSpan;
pub use way::{NoWay, Way, way};
pub use window::{GoodBase, Window, good_bases};
