//! How secrets look when someone writes them down: by their own form, by the name of what holds them, and by where
//! they stand in a policy.

mod form;
mod tree;

pub(super) use form::names_secret;
pub(super) use tree::{WrittenSecret, is_path, written_secrets};
