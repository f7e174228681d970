//! What a plan does beyond its steps: what happens to backups over time, what storage costs, how quickly data is back,
//! which permissions the steps need.
//!
//! [`outlook`] is a function of the same values as [`plan`](super::plan) and the plan itself, so it is as pure and as
//! deterministic. It explains and is no part of a plan's identity.

mod prices;
mod thaw_cost;

pub use prices::{InvalidPrices, Prices};
pub use thaw_cost::{ThawCost, thaw_cost};
