//! Where it is remembered what was archived ahead and what was fetched ahead. It may be lost at any time: then work is done
//! again.

use crate::base::{SystemId, encode_component};
use crate::wal::Ahead;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What is remembered of pushing, for one cluster of a database.
pub(super) struct Memory {
    folder: PathBuf,
    /// What was done ahead.
    pub(super) ahead: Ahead,
    /// What the process that does it holds.
    pub(super) pushing: PathBuf,
}

impl Memory {
    /// Where it is; `None` when no place is known.
    pub(super) fn of(given: Option<&Path>, database: &str, system: SystemId) -> Option<Memory> {
        let state = state_folder(given, database, system)?;
        let folder = state.join("ahead");
        Some(Memory { ahead: Ahead::in_folder(folder.clone()), folder, pushing: state.join("pushing") })
    }

    /// False when nothing can be remembered there.
    pub(super) fn is_usable(&self) -> bool {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).is_ok()
    }
}

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

/// What is remembered of fetching.
pub(super) const FETCHED: &str = "fetched";
