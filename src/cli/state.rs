//! Where this machine keeps the little that no store could take.

use crate::repository::Repository;
use crate::storage::FilesystemStore;
use std::path::PathBuf;
use std::sync::Arc;

/// The folder of this user as a repository; `None` where it has none. Nothing is made before something is written.
pub(super) fn repository() -> Option<Repository> {
    Some(Repository::new("this machine", Arc::new(FilesystemStore::new(folder()?, 0o700))))
}

/// What systemd gives a service, what the user's environment names, or the usual place. Names that are not absolute count
/// as none.
pub(super) fn folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let given = std::env::var_os("STATE_DIRECTORY").and_then(|list| std::env::split_paths(&list).next());
    given
        .filter(|path| path.is_absolute())
        .or_else(|| Some(named("XDG_STATE_HOME")?.join("backstay")))
        .or_else(|| rustix::process::geteuid().is_root().then(|| PathBuf::from("/var/lib/backstay")))
        .or_else(|| Some(named("HOME")?.join(".local/state/backstay")))
}
