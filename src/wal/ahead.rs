//! What was archived before PostgreSQL asked: a small file for each, believed only while nothing differs.

use super::local::Identity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Remembers what was archived ahead.
#[derive(Debug, Clone)]
pub struct Ahead {
    folder: PathBuf,
}

/// A file that decides where WAL goes, as it was when the decision was read from it: a policy that was changed since
/// wants to be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    path: PathBuf,
    bytes: u64,
    modified: i128,
    inode: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    identity: Identity,
    /// Policies as they were named, then every file that they were read from.
    named: Vec<PathBuf>,
    read: Vec<Stamp>,
}

impl Stamp {
    /// The file as it is now; `None` when there is none.
    pub fn of(path: &Path) -> Option<Stamp> {
        let path = std::path::absolute(path).ok()?;
        let meta = fs::metadata(&path).ok()?;
        let modified = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
        Some(Stamp { bytes: meta.len(), modified, inode: meta.ino(), path })
    }

    fn holds(&self) -> bool {
        Stamp::of(&self.path).as_ref() == Some(self)
    }
}

impl Ahead {
    /// What is remembered in a folder, which need not exist.
    pub fn in_folder(folder: PathBuf) -> Ahead {
        Ahead { folder }
    }

    /// True when exactly this file was archived by the policies as they still are. It is asked once: what is believed is
    /// forgotten.
    pub fn take(&self, identity: &Identity, named: &[PathBuf]) -> bool {
        let path = self.path(&identity.name);
        let Ok(bytes) = fs::read(&path) else { return false };
        // Whatever it says, it has served.
        let _ = fs::remove_file(&path);
        let note: Option<Note> = serde_json::from_slice(&bytes).ok();
        note.is_some_and(|note| {
            note.identity == *identity && note.named == absolute(named) && note.read.iter().all(Stamp::holds)
        })
    }

    /// Remembers that a file was archived, durably, everywhere.
    pub fn note(&self, identity: &Identity, named: &[PathBuf], read: &[Stamp]) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let note = Note { identity: identity.clone(), named: absolute(named), read: read.to_vec() };
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&serde_json::to_vec(&note)?)?;
        file.persist(self.path(&identity.name)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Forgets everything but files of these names: nobody will ask for it.
    pub fn keep_only(&self, names: &BTreeSet<String>) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_asked_for =
                name.to_str().and_then(|name| name.strip_suffix(NOTE)).is_some_and(|n| names.contains(n));
            if !is_asked_for {
                // What cannot be removed is not believed either, once its file is another.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{NOTE}"))
    }
}

/// What the name of a note adds to the name of the file of WAL.
const NOTE: &str = ".json";

fn absolute(named: &[PathBuf]) -> Vec<PathBuf> {
    named.iter().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::SystemId;

    #[test]
    fn only_the_same_file_by_the_same_policy_is_believed_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy.yaml");
        fs::write(&policy, "version: 1").unwrap();
        let ahead = Ahead::in_folder(folder.path().join("state/ahead"));
        let name = "0000000100000016000000B3".to_owned();
        let identity = Identity { system: SystemId(7), name, bytes: 16 << 20, modified: 5, inode: (3, 4) };
        let named = [policy.clone()];
        let note = || ahead.note(&identity, &named, &[Stamp::of(&policy).unwrap()]).unwrap();
        assert!(!ahead.take(&identity, &named));
        note();
        assert!(ahead.take(&identity, &named));
        assert!(!ahead.take(&identity, &named));
        for other in [
            Identity { system: SystemId(8), ..identity.clone() },
            Identity { modified: 6, ..identity.clone() },
            Identity { inode: (3, 5), ..identity.clone() },
            Identity { bytes: 1, ..identity.clone() },
        ] {
            note();
            assert!(!ahead.take(&other, &named), "{other:?}");
        }
        note();
        assert!(!ahead.take(&identity, &[folder.path().to_owned()]));
        note();
        fs::write(&policy, "version: 1 # changed").unwrap();
        assert!(!ahead.take(&identity, &named));
        note();
        fs::write(ahead.path(&identity.name), b"{\"identity\":").unwrap();
        assert!(!ahead.take(&identity, &named));
        note();
        ahead.keep_only(&BTreeSet::from(["0000000100000016000000B4".to_owned()]));
        assert!(!ahead.take(&identity, &named));
    }
}
