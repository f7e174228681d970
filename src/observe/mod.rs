//! Asking the world, read-only: storages become [`Live`](crate::plan::Live). Nothing here changes anything.

mod acquaint;
mod archiver;
mod bucket;
mod closer;
mod cloudwatch;
mod error;
mod left_buckets;
mod left_policies;
mod open;
mod orphans;
mod outside;
mod preflight;
mod server;
mod timetable;
mod wal;
mod world;

pub use acquaint::acquaint;
pub use closer::look_closer;
pub use cloudwatch::cloudwatch;
pub use error::ObserveError;
pub use open::{Ground, Place, Places, open};
pub use preflight::preflight;
pub use timetable::timetable;
pub use wal::{observe_archives, observe_wal};
pub use world::observe;
