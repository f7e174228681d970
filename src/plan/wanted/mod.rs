//! Everything outside that a policy wants, as resources in canonical form, each with its address.
//!
//! A bucket that several storages of a policy share, each below its own prefix, is wanted once, by the first of them
//! that has `manage`, with the rules of all.

mod access;
mod bucket;
mod bucket_policy;
mod left_out;
mod lifecycle;
mod replication;
mod shared;
mod texts;
mod trust;
mod want;

pub(super) use left_out::left_out;
pub(super) use shared::with_site;
pub use texts::references;
pub(super) use texts::text;
pub use want::{Wanted, grants_name, identity_path, principals, wanted};
