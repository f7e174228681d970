//! Asking the world, read-only: storages become [`Live`](crate::plan::Live). Nothing here changes anything.

mod bucket;
mod closer;
mod error;
mod open;
mod outside;
mod world;

pub use closer::look_closer;
pub use error::ObserveError;
pub use open::{Ground, Place, Places, open};
pub use world::observe;
