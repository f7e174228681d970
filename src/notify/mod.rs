//! Delivery of alerts and numbers: one file a kind of channel, each turning messages into what its service takes.
//!
//! Every delivery is bounded in time, whatever the other side does, and fails with an error that shows no secret. Channels
//! that people read get one delivery for all messages of a run; those of machines get one a message, so that each can be
//! resolved by its key. [`tell`] does all of a run: it claims, delivers, remembers what arrived, and tells of a channel
//! that failed through another one.

mod channel;
mod email;
mod error;
mod healthcheck;
mod pagerduty;
mod pushgateway;
mod sentry;
mod slack;
mod sns;
mod tell;
mod webhook;

pub use channel::{Means, deliver};
pub use error::NotifyError;
pub use healthcheck::{Pulse, ping};
pub use pushgateway::push;
pub use sentry::{CheckIn, check_in, monitor_slug};
pub use tell::{Desk, Told, tell};
