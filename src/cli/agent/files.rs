//! Whether the files of a policy have changed. Looked at by name, so that a file that is replaced, as editors and config
//! maps do, is seen as well as one that is written; and by what they say, so that one that was only touched is none.

use crate::base::Sha256;
use crate::cli::Context;
use crate::cli::policy_files::{named, policies_in};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How the files stand; `None` for one that cannot be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Files(BTreeMap<PathBuf, Option<Version>>);

#[derive(Debug, Clone)]
struct Version {
    /// While this stays, nobody has written.
    stat: (u64, u64, i64, i64),
    digest: Sha256,
}

impl Files {
    /// The files that are named, those in folders that are named, and what was extended when they were last read. What
    /// was not written since `before` is not read again.
    pub(super) fn look(context: &Context, read: &[String], before: &Files) -> Files {
        let mut paths: Vec<PathBuf> = read.iter().map(PathBuf::from).collect();
        for path in named(context) {
            if path.is_dir() {
                paths.extend(policies_in(&path).unwrap_or_default().into_iter().map(PathBuf::from));
            } else {
                paths.push(path);
            }
        }
        let version = |path: PathBuf| {
            let known = before.0.get(&path).and_then(Option::as_ref);
            let version = version(&path, known);
            (path, version)
        };
        Files(paths.into_iter().map(version).collect())
    }
}

impl PartialEq for Files {
    fn eq(&self, other: &Files) -> bool {
        let digests = |files: &Files| -> Vec<(PathBuf, Option<Sha256>)> {
            files.0.iter().map(|(path, version)| (path.clone(), version.as_ref().map(|v| v.digest))).collect()
        };
        digests(self) == digests(other)
    }
}

fn version(path: &Path, known: Option<&Version>) -> Option<Version> {
    let meta = std::fs::metadata(path).ok()?;
    let stat = (meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec());
    match known {
        Some(known) if known.stat == stat => Some(known.clone()),
        _ => Some(Version { stat, digest: Sha256::of(&std::fs::read(path).ok()?) }),
    }
}
