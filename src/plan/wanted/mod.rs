//! Everything outside that a policy wants, as resources in canonical form, each with its address.
//!
//! A bucket that several storages of a policy share, each below its own prefix, is wanted once, by the first of them
//! that has `manage`, with the rules of all.

mod access;
mod bucket;
mod bucket_policy;
mod lifecycle;
mod replication;
mod shared;
mod trust;
mod want;

pub use want::{Wanted, wanted};
