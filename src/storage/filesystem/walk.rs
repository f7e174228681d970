//! Reads a folder tree with several threads: a thousand databases with a hundred backups each are half a million
//! files.

use super::place::{Place, is_absent};
use super::temporary::{etag_of, goal_of, is_in_the_making};
use crate::resource::StorageClass;
use crate::storage::{ObjectMeta, StorageError};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Objects.
    Objects,
    /// Temporary files of processes that are gone.
    Unfinished,
}

/// Everything wanted whose key begins with `prefix`, sorted by key.
pub(super) fn walk(place: &Place, prefix: &str, wanted: Wanted) -> Result<Vec<ObjectMeta>, StorageError> {
    let folder = place.folder_of_prefix("list", prefix)?;
    let key = prefix.rfind('/').map_or("", |end| &prefix[..=end]).to_owned();
    let walker = Walker { place, prefix, wanted };
    let mut found = Vec::new();
    let mut folders = VecDeque::from([key]);
    // Breadth first until there is enough to share out.
    let mut opened = 0;
    while folders.len() < 256 && opened < 1024 {
        let Some(key) = folders.pop_front() else { break };
        opened += 1;
        walker.read(&folder_path(place, &folder, prefix, &key), &key, &mut found, &mut |below| {
            folders.push_back(below)
        })?;
    }
    let folders: Vec<String> = folders.into();
    let next = AtomicUsize::new(0);
    let n_threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 8).min(folders.len());
    let parts = std::thread::scope(|scope| {
        let work = || {
            let mut found = Vec::new();
            while let Some(key) = folders.get(next.fetch_add(1, Ordering::Relaxed)) {
                walker.read_all(&place.root.join(key), key, &mut found)?;
            }
            Ok(found)
        };
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    for part in parts {
        found.append(&mut part?);
    }
    found.sort_unstable();
    Ok(found)
}

fn folder_path(place: &Place, start: &Path, prefix: &str, key: &str) -> std::path::PathBuf {
    let is_start = prefix.rfind('/').map_or("", |end| &prefix[..=end]) == key;
    if is_start { start.to_owned() } else { place.root.join(key) }
}

struct Walker<'a> {
    place: &'a Place,
    prefix: &'a str,
    wanted: Wanted,
}

impl Walker<'_> {
    fn read_all(&self, path: &Path, key: &str, found: &mut Vec<ObjectMeta>) -> Result<(), StorageError> {
        let mut below = Vec::new();
        self.read(path, key, found, &mut |folder| below.push(folder))?;
        for key in below {
            self.read_all(&self.place.root.join(&key), &key, found)?;
        }
        Ok(())
    }

    /// Reads one folder. `key` is its key with a slash at the end, or empty for the root.
    fn read(
        &self,
        path: &Path,
        key: &str,
        found: &mut Vec<ObjectMeta>,
        below: &mut dyn FnMut(String),
    ) -> Result<(), StorageError> {
        let problem = |errno: Errno| self.place.problem("list", key, &errno.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let flags = if key.is_empty() { flags - OFlags::NOFOLLOW } else { flags };
        let folder = match openat(rustix::fs::CWD, path, flags, Mode::empty()) {
            Ok(folder) => folder,
            // Removed since its name was read, or never there: nothing is in it.
            Err(errno) if is_absent(&errno.into()) => return Ok(()),
            Err(errno) => return Err(problem(errno)),
        };
        for entry in Dir::read_from(&folder).map_err(problem)? {
            let entry = entry.map_err(problem)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            let entry_key = format!("{key}{name}");
            let overlaps = entry_key.starts_with(self.prefix) || self.prefix.starts_with(&format!("{entry_key}/"));
            if !overlaps && goal_of(name).is_none() {
                continue;
            }
            let mut file_type = entry.file_type();
            if file_type == FileType::Unknown {
                let Some(stat) = stat(&folder, name).map_err(problem)? else { continue };
                file_type = FileType::from_raw_mode(stat.st_mode);
            }
            match file_type {
                FileType::Directory => below(entry_key + "/"),
                FileType::RegularFile => self.take(&folder, path, key, name, entry_key, found).map_err(problem)?,
                FileType::Symlink => return Err(self.place.symlink("list", &entry_key, &path.join(name))),
                _ => {}
            }
        }
        Ok(())
    }

    fn take(
        &self,
        folder: &OwnedFd,
        path: &Path,
        key: &str,
        name: &str,
        entry_key: String,
        found: &mut Vec<ObjectMeta>,
    ) -> Result<(), Errno> {
        let goal = goal_of(name);
        let wanted = match self.wanted {
            Wanted::Objects => goal.is_none(),
            Wanted::Unfinished => goal.is_some(),
        };
        if !wanted {
            return Ok(());
        }
        let Some(stat) = stat(folder, name)? else { return Ok(()) };
        let (size, modified) = (u64::try_from(stat.st_size).unwrap_or(0), stat.st_mtime);
        match goal {
            None => {
                let mtime = i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec);
                found.push(ObjectMeta {
                    key: entry_key,
                    size,
                    etag: etag_of(mtime, size, stat.st_ino),
                    modified,
                    class: StorageClass::Standard,
                });
            }
            Some(goal) => {
                let goal_key = format!("{key}{goal}");
                if goal_key.starts_with(self.prefix) && !is_in_the_making(&path.join(name)) {
                    found.push(ObjectMeta {
                        key: goal_key,
                        size,
                        etag: entry_key,
                        modified,
                        class: StorageClass::Standard,
                    });
                }
            }
        }
        Ok(())
    }
}

fn stat(folder: &OwnedFd, name: &str) -> Result<Option<Stat>, Errno> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}
