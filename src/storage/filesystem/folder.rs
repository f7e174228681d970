//! Folders of a store: made with the right mode, durable, and removed again when empty.

use rustix::io::Errno;
use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Makes `folder` and what is missing above it, each with exactly `mode`, each entry synced in the folder above.
pub(super) fn create_all(folder: &Path, mode: u32) -> io::Result<()> {
    match std::fs::symlink_metadata(folder) {
        Ok(meta) if meta.is_dir() => return Ok(()),
        Ok(_) => return Err(Errno::NOTDIR.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        create_all(above, mode)?;
    }
    match DirBuilder::new().mode(mode).create(folder) {
        // The process's umask may have taken bits away.
        Ok(()) => std::fs::set_permissions(folder, Permissions::from_mode(mode))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    above.map_or(Ok(()), sync)
}

/// Makes the entries of a folder durable.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes `folder` and what is above it below `root`, as far as it is empty.
pub(super) fn remove_empty(root: &Path, folder: &Path) {
    let mut folder = folder;
    while folder != root && folder.starts_with(root) && std::fs::remove_dir(folder).is_ok() {
        let Some(above) = folder.parent() else { return };
        folder = above;
    }
}
