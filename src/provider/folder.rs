//! The folder of a filesystem storage: its mode, owner and group.

use super::accounts::{group_name, group_number, user_name, user_number};
use crate::diag::{Code, Explain, codes};
use crate::plan::FolderState;
use crate::policy::FilesystemSpec;
use crate::storage::is_mount_point;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// A folder could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something else lies there.
    #[error("`{0}` is not a folder")]
    NotAFolder(PathBuf),
    /// The policy names an account that this machine does not have.
    #[error("`{path}`: there is no {kind} `{name}` on this machine")]
    NoSuchAccount {
        /// The folder.
        path: PathBuf,
        /// `user` or `group`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The disk that holds it is not there.
    #[error("nothing is mounted at `{mount_point}`, so `{path}` is not the folder that the policy means")]
    NotMounted {
        /// The folder.
        path: PathBuf,
        /// Where something must be mounted.
        mount_point: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {operation} `{path}`: {source}")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// The folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl Explain for FolderError {
    fn code(&self) -> &'static Code {
        match self {
            FolderError::Refused { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                &codes::STORE_DENIED
            }
            FolderError::NotMounted { .. } => &codes::STORE_NOT_MOUNTED,
            _ => &codes::STORE_FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            FolderError::NotAFolder(_) => {
                Some("Correct `path` of the storage in the policy, or move the file away.".to_owned())
            }
            FolderError::NoSuchAccount { .. } => {
                Some("Create the account, or correct `manage.owner` and `manage.group`.".to_owned())
            }
            FolderError::NotMounted { mount_point, .. } => {
                Some(format!("Mount it with `mount {}`, then run the same command again.", mount_point.display()))
            }
            FolderError::Refused { .. } => {
                Some("Run backstay as the user who owns the folder, or let root create it once.".to_owned())
            }
        }
    }
}

fn refused<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FolderError + 'a {
    move |source| FolderError::Refused { operation, path: path.to_owned(), source }
}

fn mounted(path: &Path, mounted_at: Option<&Path>) -> Result<(), FolderError> {
    match mounted_at {
        Some(mount_point) if !is_mount_point(mount_point) => {
            Err(FolderError::NotMounted { path: path.to_owned(), mount_point: mount_point.to_owned() })
        }
        _ => Ok(()),
    }
}

/// The folder as it is; `None` when it does not exist. Folders directly inside are compared with the wanted mode.
pub fn read_folder(
    path: &Path,
    mounted_at: Option<&Path>,
    wanted_mode: u32,
) -> Result<Option<FolderState>, FolderError> {
    mounted(path, mounted_at)?;
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(refused("read", path)(e)),
    };
    if !metadata.is_dir() {
        return Err(FolderError::NotAFolder(path.to_owned()));
    }
    let others = inside(path)?.into_iter().filter(|(_, mode)| *mode != wanted_mode).count();
    Ok(Some(FolderState {
        mode: metadata.mode() & 0o7777,
        n_other_modes: others,
        owner: user_name(metadata.uid()),
        group: group_name(metadata.gid()),
    }))
}

/// Creates the folder, and those above it, as wanted. May be repeated.
pub fn create_folder(path: &Path, mounted_at: Option<&Path>, wanted: &FilesystemSpec) -> Result<(), FolderError> {
    mounted(path, mounted_at)?;
    fs::DirBuilder::new().recursive(true).mode(wanted.mode).create(path).map_err(refused("create", path))?;
    change_folder(path, mounted_at, wanted)
}

/// Sets mode, owner and group as wanted, also of folders directly inside. May be repeated.
pub fn change_folder(path: &Path, mounted_at: Option<&Path>, wanted: &FilesystemSpec) -> Result<(), FolderError> {
    mounted(path, mounted_at)?;
    let account = |kind, name: &Option<String>, number: fn(&str) -> Option<u32>| match name {
        None => Ok(None),
        Some(name) => number(name).map(Some).ok_or_else(|| FolderError::NoSuchAccount {
            path: path.to_owned(),
            kind,
            name: name.clone(),
        }),
    };
    let user = account("user", &wanted.owner, user_number)?;
    let group = account("group", &wanted.group, group_number)?;
    let mut folders = vec![path.to_owned()];
    folders.extend(inside(path)?.into_iter().map(|(folder, _)| folder));
    for folder in folders {
        fs::set_permissions(&folder, fs::Permissions::from_mode(wanted.mode))
            .map_err(refused("set the mode of", &folder))?;
        if user.is_some() || group.is_some() {
            chown(&folder, user, group).map_err(refused("set the owner of", &folder))?;
        }
    }
    Ok(())
}

/// Folders directly inside, with their modes. What is a link or a file is left out.
fn inside(path: &Path) -> Result<Vec<(PathBuf, u32)>, FolderError> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(path).map_err(refused("read", path))? {
        let entry = entry.map_err(refused("read", path))?;
        let metadata = entry.metadata().map_err(refused("read", path))?;
        if metadata.is_dir() && is_ours(&entry.file_name()) {
            folders.push((entry.path(), metadata.mode() & 0o7777));
        }
    }
    folders.sort();
    Ok(folders)
}

/// The folders of a repository; others beside them, such as `lost+found`, are not ours to judge.
fn is_ours(name: &std::ffi::OsStr) -> bool {
    ["manifest", "data", "lock", "index", "journal", "wal"].iter().any(|ours| name == *ours)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::base::Template;

    fn wanted(mode: u32) -> FilesystemSpec {
        FilesystemSpec { path: Template::literal(""), mounted_at: None, create: true, mode, owner: None, group: None }
    }

    #[test]
    fn a_folder_becomes_as_wanted() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        assert_eq!(read_folder(&path, None, 0o700).unwrap(), None);
        create_folder(&path, None, &wanted(0o700)).unwrap();
        create_folder(&path, None, &wanted(0o700)).unwrap();
        fs::create_dir(path.join("data")).unwrap();
        fs::set_permissions(path.join("data"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(path.join("lost+found")).unwrap();
        let found = read_folder(&path, None, 0o700).unwrap().unwrap();
        assert_eq!((found.mode, found.n_other_modes), (0o700, 1));
        change_folder(&path, None, &wanted(0o750)).unwrap();
        let found = read_folder(&path, None, 0o750).unwrap().unwrap();
        assert_eq!((found.mode, found.n_other_modes), (0o750, 0));
    }

    #[test]
    fn a_file_is_not_a_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(read_folder(file.path(), None, 0o700), Err(FolderError::NotAFolder(_))));
        let mut owned = wanted(0o700);
        owned.owner = Some("no such user".to_owned());
        let place = tempfile::tempdir().unwrap();
        assert!(matches!(create_folder(place.path(), None, &owned), Err(FolderError::NoSuchAccount { .. })));
    }

    #[test]
    fn a_folder_is_not_made_where_its_disk_is_missing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("backups");
        let missing = Some(place.path());
        assert!(matches!(read_folder(&path, missing, 0o700), Err(FolderError::NotMounted { .. })));
        assert!(matches!(create_folder(&path, missing, &wanted(0o700)), Err(FolderError::NotMounted { .. })));
        assert!(!path.exists());
        create_folder(&path, Some(Path::new("/proc")), &wanted(0o700)).unwrap();
    }
}
