//! When: cron expressions in a time zone, the last and next instants, and the time between them.

mod cron;

pub use cron::{InvalidSchedule, Schedule};
