//! Everything outside that a policy wants, as resources in canonical form, each with its address.

mod access;
mod bucket;
mod want;

pub use want::{Wanted, wanted};
