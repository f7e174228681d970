//! From keys to paths, and from what the operating system says to what the store says.

use super::mount::is_mount_point;
use crate::storage::StorageError;
use crate::storage::key::{is_key, is_prefix};
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of a store.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) root: PathBuf,
    pub(super) mode: u32,
    /// Where something must be mounted before anything is done here.
    pub(super) mounted_at: Option<PathBuf>,
}

impl Place {
    /// The path of a key; refused when a component of it is a symbolic link.
    pub(super) fn path(&self, operation: &'static str, key: &str) -> Result<PathBuf, StorageError> {
        if !is_key(key) {
            return Err(StorageError::invalid_key(self.location(), operation, key));
        }
        self.mounted()?;
        self.walkable(operation, key)
    }

    /// The path of the deepest folder that holds every key with this prefix.
    pub(super) fn folder_of_prefix(&self, operation: &'static str, prefix: &str) -> Result<PathBuf, StorageError> {
        if !is_prefix(prefix) {
            return Err(StorageError::invalid_key(self.location(), operation, prefix));
        }
        self.mounted()?;
        match prefix.rfind('/') {
            Some(end) => self.walkable(operation, &prefix[..end]),
            None => Ok(self.root.clone()),
        }
    }

    fn mounted(&self) -> Result<(), StorageError> {
        match &self.mounted_at {
            Some(mount_point) if !is_mount_point(mount_point) => Err(StorageError::NotMounted {
                location: self.location(),
                mount_point: mount_point.display().to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn walkable(&self, operation: &'static str, key: &str) -> Result<PathBuf, StorageError> {
        let mut path = self.root.clone();
        for component in key.split('/') {
            path.push(component);
            match std::fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_symlink() => return Err(self.symlink(operation, key, &path)),
                Ok(_) => {}
                // What does not exist is no link; nor is anything below it, or below a file.
                Err(error) if is_absent(&error) => return Ok(self.root.join(key)),
                Err(error) => return Err(self.problem(operation, key, &error)),
            }
        }
        Ok(path)
    }

    pub(super) fn location(&self) -> String {
        self.root.display().to_string()
    }

    /// What an error of the operating system means for the store.
    pub(super) fn problem(&self, operation: &'static str, key: &str, error: &io::Error) -> StorageError {
        let (location, key, problem) = (self.location(), key.to_owned(), error.to_string());
        match Errno::from_io_error(error) {
            Some(Errno::NOENT) => StorageError::NotFound { location, key },
            Some(Errno::EXIST) => StorageError::AlreadyExists { location, key },
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => StorageError::Full { location, operation, key, problem },
            Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
                StorageError::Denied { location, operation, key, problem }
            }
            errno => {
                let transient = matches!(
                    errno,
                    Some(
                        Errno::INTR
                            | Errno::AGAIN
                            | Errno::BUSY
                            | Errno::STALE
                            | Errno::TIMEDOUT
                            | Errno::MFILE
                            | Errno::NFILE
                    )
                );
                StorageError::Failed { location, operation, key, problem, transient }
            }
        }
    }

    pub(super) fn symlink(&self, operation: &'static str, key: &str, path: &Path) -> StorageError {
        StorageError::Failed {
            location: self.location(),
            operation,
            key: key.to_owned(),
            problem: format!("`{}` is a symbolic link; a store holds none", path.display()),
            transient: false,
        }
    }
}

/// True when the error says that nothing is there.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
