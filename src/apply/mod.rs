//! Carrying out a plan, step by step. It decides nothing: what is done, in which order and what is left out comes from
//! the plan, its standing and its guards.
//!
//! Places come first; then each database under its lock: backups, copies, deletions. A failed step stops only what
//! depends on it. The journal in the first storage that changes says how far the run came.

mod access_key;
mod backup;
mod copy;
mod database;
mod hands;
mod outcome;
mod outside;
mod places;
mod run;
mod said;
mod server;
mod wal;
mod wal_copy;

pub use hands::{Hands, PrintKey, run_id};
pub use outcome::{Outcome, StepOutcome};
pub use run::apply;
