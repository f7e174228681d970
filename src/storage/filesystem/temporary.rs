//! A file in the making, and how it takes its name.

use super::folder;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const MARK: &str = ".tmp-";

/// A temporary file that this process writes.
pub(super) struct Temporary {
    pub(super) file: File,
    path: PathBuf,
    goal: PathBuf,
}

impl Temporary {
    /// Creates a temporary file beside `goal`, and the folder when there is none.
    pub(super) fn create(goal: &Path, mode: u32) -> io::Result<Temporary> {
        let parent = goal.parent().unwrap_or(goal);
        let name = goal.file_name().unwrap_or_default().to_string_lossy();
        let mut tries = 0;
        loop {
            folder::create_all(parent, mode)?;
            let random: u64 = getrandom::u64().map_err(|e| io::Error::other(e.to_string()))?;
            let path = parent.join(format!("{MARK}{random:016x}~{}", shortened(&name)));
            match OpenOptions::new().write(true).create_new(true).mode(mode & 0o666).open(&path) {
                Ok(file) => {
                    file.set_permissions(Permissions::from_mode(mode & 0o666))?;
                    // Tells others that its writer lives; a store without file locks works all the same.
                    let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
                    return Ok(Temporary { file, path, goal: goal.to_owned() });
                }
                // Someone removed the folder because it was empty just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 8 => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Gives the file its name if no file has it. On failure the temporary file is removed.
    pub(super) fn link(self) -> io::Result<std::fs::Metadata> {
        self.finish(|path, goal| {
            match std::fs::hard_link(path, goal) {
                // Where the file system knows no links, a rename that replaces nothing does the same.
                Err(error)
                    if matches!(
                        error.raw_os_error().map(rustix::io::Errno::from_raw_os_error),
                        Some(rustix::io::Errno::PERM | rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::MLINK)
                    ) =>
                {
                    use rustix::fs::{CWD, RenameFlags, renameat_with};
                    Ok(renameat_with(CWD, path, CWD, goal, RenameFlags::NOREPLACE)?)
                }
                Err(error) => Err(error),
                Ok(()) => std::fs::remove_file(path),
            }
        })
    }

    /// Gives the file its name, whatever file had it.
    pub(super) fn rename(self) -> io::Result<std::fs::Metadata> {
        self.finish(|path, goal| std::fs::rename(path, goal))
    }

    /// Gives the file its name if `holds` of the file that has it now (`None`: none). The folder is locked meanwhile.
    pub(super) fn rename_if(
        self,
        holds: impl FnOnce(Option<&std::fs::Metadata>) -> bool,
    ) -> io::Result<Option<std::fs::Metadata>> {
        let parent = File::open(self.goal.parent().unwrap_or(&self.goal))?;
        flock(&parent, FlockOperation::LockExclusive)?;
        let there = match std::fs::symlink_metadata(&self.goal) {
            Ok(meta) => Some(meta),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if !holds(there.as_ref()) {
            self.discard()?;
            return Ok(None);
        }
        self.rename().map(Some)
    }

    /// Removes the file.
    pub(super) fn discard(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    pub(super) fn goal(&self) -> &Path {
        &self.goal
    }

    fn finish(self, name: impl FnOnce(&Path, &Path) -> io::Result<()>) -> io::Result<std::fs::Metadata> {
        let named = self.file.sync_all().and_then(|()| name(&self.path, &self.goal));
        if let Err(error) = named {
            let _ = std::fs::remove_file(&self.path);
            return Err(error);
        }
        folder::sync(self.goal.parent().unwrap_or(&self.goal))?;
        self.file.metadata()
    }
}

/// File names end at 255 bytes; the mark and the random number take 22 of them.
fn shortened(name: &str) -> &str {
    let mut end = name.len().min(230);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// The name that a temporary file is for, when the name is one of a temporary file.
pub(super) fn goal_of(name: &str) -> Option<&str> {
    name.strip_prefix(MARK)?.split_once('~').map(|(_, goal)| goal)
}

/// True when the process that writes this temporary file lives, as far as the file system knows.
pub(super) fn is_in_the_making(path: &Path) -> bool {
    match rustix::fs::open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK),
        Err(_) => false,
    }
}

/// What changes whenever a file is written again.
pub(super) fn etag(meta: &std::fs::Metadata) -> String {
    let mtime = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    etag_of(mtime, meta.size(), meta.ino())
}

/// The same from its parts.
pub(super) fn etag_of(mtime_ns: i128, size: u64, inode: u64) -> String {
    format!("{mtime_ns:x}-{size:x}-{inode:x}")
}
