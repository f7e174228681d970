//! What a change of a policy means: for what can be restored and until when, for who can read or delete it, for who is
//! told. Two policies are compared by their meaning; the world is not looked at, no reference is looked up.
//!
//! [`review`] is pure and never fails. One file a question; each adds [`Finding`]s, and `compare` lists them all. What
//! exists in the stores is only known from a recorded list ([`Recorded`]); without one, backups are taken to have been
//! made whenever they were due.

mod access;
mod alerts;
mod commands;
mod compare;
mod copies;
mod cost;
mod databases;
mod draft;
mod encryption;
mod finding;
mod ignores;
mod nothing;
mod objectives;
mod pair;
mod place;
mod points;
mod proof;
mod protection;
mod questions;
mod recorded;
mod recovery;
mod rest;
mod retention;
mod review;
mod scope;
mod storages;

pub use cost::{CostChange, StorageCostChange};
pub use finding::{Finding, LostDay, LostPoint, LostPoints, Place, PolicyReview, Review};
pub use recorded::{InvalidRecord, Recorded};
pub use review::{Judged, Reviewed, review};
