//! What a plan does beyond its steps: what happens to backups over time, what storage costs, how quickly data is back,
//! which permissions the steps need.
//!
//! [`outlook`] is a function of the same values as [`plan`](super::plan) and the plan itself, so it is as pure and as
//! deterministic. It explains and is no part of a plan's identity.

mod agenda;
mod cost;
mod danger;
mod forecast;
mod horizon;
mod life;
mod needs;
mod outlook;
mod prices;
mod privilege;
mod recovery;
mod rules;
mod shelf;
mod thaw_cost;

pub(super) use danger::{Breaks, Danger, Harm, When, dangers};

pub use cost::{ClassCost, Cost, EarlyCost, StorageCost, month_of};
pub use forecast::{Forecast, ForecastDay, ForecastMove, Turn};
pub use horizon::{ends, next_due};
pub use needs::{Asked, Needs, Permission, Question};
pub use outlook::{Identity, Outlook, outlook};
pub use prices::{InvalidPrices, Prices};
pub use privilege::least_privilege;
pub use recovery::Recovery;
pub use thaw_cost::{ThawCost, thaw_cost};
