//! What became of files before PostgreSQL asked for them: a small file for each, believed only while nothing differs.

use super::claim::Claim;
use super::local::Identity;
use super::{Upshot, WalError};
use crate::diag::{CODES, Code, Explain, codes};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Remembers what was archived ahead, what could not be, and what is on its way.
#[derive(Debug, Clone)]
pub struct Ahead {
    folder: PathBuf,
}

/// Why a file could not be archived ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("it was to be archived ahead, and {storage} failed: {problem}")]
pub struct AheadFailure {
    storage: String,
    code: String,
    problem: String,
    hint: Option<String>,
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

#[derive(Debug, Serialize, Deserialize)]
struct Complaint {
    identity: Identity,
    failures: Vec<AheadFailure>,
}

impl AheadFailure {
    /// What failed of a file's ends in the storages.
    pub fn of(upshots: &[Upshot]) -> Vec<AheadFailure> {
        let failed = upshots.iter().filter_map(|upshot| Some((&upshot.storage, upshot.end.as_ref().err()?)));
        failed.map(|(storage, error)| AheadFailure::in_storage(storage, error)).collect()
    }

    fn in_storage(storage: &str, error: &WalError) -> AheadFailure {
        AheadFailure {
            storage: storage.to_owned(),
            code: error.code().id.to_owned(),
            problem: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl Explain for AheadFailure {
    fn code(&self) -> &'static Code {
        // Another version of the program may have left it.
        CODES.iter().find(|code| code.id == self.code).copied().unwrap_or(&codes::WAL_NOT_STORED)
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

impl Stamp {
    /// The file as it is now; `None` when there is none.
    pub fn of(path: &Path) -> Option<Stamp> {
        let path = std::path::absolute(path).ok()?;
        let meta = fs::metadata(&path).ok()?;
        let modified = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
        Some(Stamp { bytes: meta.len(), modified, inode: meta.ino(), path })
    }

    /// True while the file is the same.
    pub fn holds(&self) -> bool {
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
        self.read_once::<Note>(&identity.name, NOTE).is_some_and(|note| {
            note.identity == *identity && note.named == absolute(named) && note.read.iter().all(Stamp::holds)
        })
    }

    /// Why exactly this file could not be archived ahead; empty when that is not known. It is told once.
    pub fn take_failures(&self, identity: &Identity) -> Vec<AheadFailure> {
        let complaint = self.read_once::<Complaint>(&identity.name, FAILED);
        complaint.filter(|said| said.identity == *identity).map(|said| said.failures).unwrap_or_default()
    }

    /// True while it is remembered that a file of this name was archived.
    pub fn has_note(&self, name: &str) -> bool {
        self.path(name, NOTE).exists()
    }

    /// True when one of these, in the order in which they are asked for, is worth being archived ahead: neither was it, nor
    /// could one before it not be.
    pub fn has_work<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        names.find(|name| !self.has_note(name)).is_some_and(|first| !self.path(first, FAILED).exists())
    }

    /// Claims a file for who sends it; `None` while another process does.
    pub fn claim(&self, name: &str) -> io::Result<Option<Claim>> {
        Claim::take(self.path(name, SENDING))
    }

    /// Remembers that a file was archived, durably, everywhere.
    pub fn note(&self, identity: &Identity, named: &[PathBuf], read: &[Stamp]) -> io::Result<()> {
        let note = Note { identity: identity.clone(), named: absolute(named), read: read.to_vec() };
        self.write(&identity.name, NOTE, &note)
    }

    /// Remembers why a file could not be archived.
    pub fn complain(&self, identity: &Identity, failures: Vec<AheadFailure>) -> io::Result<()> {
        self.write(&identity.name, FAILED, &Complaint { identity: identity.clone(), failures })
    }

    /// Forgets everything but files of these names: nobody will ask for it.
    pub fn keep_only(&self, names: &BTreeSet<String>) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_asked_for = name.to_str().is_some_and(|name| {
                let file = ENDS.iter().find_map(|end| name.strip_suffix(end));
                file.is_some_and(|file| names.contains(file))
            });
            if !is_asked_for {
                // What cannot be removed is not believed either, once its file is another.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Reads what is remembered of a file. Whatever it says, it has served.
    fn read_once<T: DeserializeOwned>(&self, name: &str, end: &str) -> Option<T> {
        let path = self.path(name, end);
        let bytes = fs::read(&path).ok()?;
        let _ = fs::remove_file(&path);
        serde_json::from_slice(&bytes).ok()
    }

    fn write(&self, name: &str, end: &str, said: &impl Serialize) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&serde_json::to_vec(said)?)?;
        file.persist(self.path(name, end)).map_err(|error| error.error)?;
        Ok(())
    }

    fn path(&self, name: &str, end: &str) -> PathBuf {
        self.folder.join(format!("{name}{end}"))
    }
}

/// What is added to the name of a file of WAL: it was archived, it could not be, it is on its way.
const NOTE: &str = ".json";
const FAILED: &str = ".failed";
const SENDING: &str = ".sending";
const ENDS: [&str; 3] = [NOTE, FAILED, SENDING];

fn absolute(named: &[PathBuf]) -> Vec<PathBuf> {
    named.iter().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::SystemId;

    #[test]
    fn what_failed_is_told_once_of_the_same_file_and_nothing_after_it_is_worth_trying() {
        let folder = tempfile::tempdir().unwrap();
        let ahead = Ahead::in_folder(folder.path().join("ahead"));
        let names = ["0000000100000016000000B3", "0000000100000016000000B4", "0000000100000016000000B5"];
        let identity = |n: usize| Identity {
            system: SystemId(7),
            name: names[n].to_owned(),
            bytes: 16 << 20,
            modified: 5,
            inode: (3, 4),
        };
        assert!(ahead.has_work(names.into_iter()));
        ahead.note(&identity(0), &[], &[]).unwrap();
        let upshot = Upshot { storage: "far".to_owned(), end: Err(WalError::NoRepository("/mnt".to_owned())) };
        let failures = AheadFailure::of(&[upshot]);
        ahead.complain(&identity(1), failures.clone()).unwrap();
        assert!(!ahead.has_work(names.into_iter()));
        let other = Identity { modified: 6, ..identity(1) };
        assert_eq!(ahead.take_failures(&other), []);
        ahead.complain(&identity(1), failures.clone()).unwrap();
        let [told] = ahead.take_failures(&identity(1)).try_into().unwrap();
        assert_eq!((told.code(), told.hint().is_some()), (&codes::NO_REPOSITORY, true));
        assert_eq!(told.to_string(), "it was to be archived ahead, and far failed: /mnt is not a repository yet");
        assert_eq!(ahead.take_failures(&identity(1)), []);
        ahead.note(&identity(1), &[], &[]).unwrap();
        ahead.note(&identity(2), &[], &[]).unwrap();
        assert!(!ahead.has_work(names.into_iter()));
    }

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
        fs::write(ahead.path(&identity.name, NOTE), b"{\"identity\":").unwrap();
        assert!(!ahead.take(&identity, &named));
        note();
        ahead.keep_only(&BTreeSet::from(["0000000100000016000000B4".to_owned()]));
        assert!(!ahead.take(&identity, &named));
    }
}
