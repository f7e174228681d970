//! Where it is remembered what was archived ahead and what was fetched ahead. It may be lost at any time: then work is done
//! again.

use crate::base::{SystemId, encode_component};
use std::path::{Path, PathBuf};

/// Folder for one cluster of a database: below the one given, or else below that of the user's state.
pub(super) fn state_folder(given: Option<&Path>, database: &str, system: SystemId) -> Option<PathBuf> {
    Some(state(given)?.join("wal").join(encode_component(database)).join(system.to_string()))
}

/// Folder for what is received and not in every store yet: that one must not be lost.
pub(super) fn received_folder(given: Option<&Path>) -> Option<PathBuf> {
    Some(state(given)?.join("received"))
}

fn state(given: Option<&Path>) -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_user = || variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    given.map(Path::to_owned).or_else(|| of_user().map(|state| state.join("backstay")))
}

/// What is remembered of pushing.
pub(super) const AHEAD: &str = "ahead";
/// What is remembered of fetching.
pub(super) const FETCHED: &str = "fetched";
