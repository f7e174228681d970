//! Numbers for Prometheus: what a [`Standing`](crate::standing::Standing) says as families of gauges, their text, and
//! what goes with them: rules that alert on them and a dashboard that shows them.
//!
//! Names and units follow the conventions of Prometheus: base units in the name, moments as seconds since 1970. Ages are
//! not written: a file that nobody writes any more would keep them young; `time() - …_timestamp_seconds` does not. Only of WAL,
//! which is late within minutes, they are written as they were when the numbers were read.

mod ages;
mod dashboard;
mod families;
mod rules;
mod text;
mod wal;

pub use ages::ages;
pub use dashboard::dashboard;
pub use families::{Family, Sample, families};
pub use rules::alert_rules;
pub use text::exposition;
