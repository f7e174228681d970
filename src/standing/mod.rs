//! How recoverability stands at this moment: for every database and tier the last good backup and its age, what is due
//! and since when, copies present and missing, proofs, sizes, what can be restored; for every storage how full it is;
//! and what of it is a concern.
//!
//! [`standing`] reads what was found and decides nothing. `status`, `check`, `report`, metrics and alerts all read a
//! [`Standing`] and nothing else, so they agree. What is due and what a storage should hold is judged by `plan`.

mod concern;
mod copies;
mod database;
mod objective;
mod point;
mod proof;
mod standing;
mod storage;
mod tier;
mod wal;

pub use concern::{Concern, ConcernKind, Gravity, concerns, worst};
pub use copies::CopiesStanding;
pub use database::DatabaseStanding;
pub use objective::{Evidence, Objective, Verdict};
pub use point::Point;
pub use proof::{DrillStanding, VerifyStanding};
pub use standing::{Standing, standing};
pub use storage::StorageStanding;
pub use tier::TierStanding;
pub use wal::WalStanding;
