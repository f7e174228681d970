//! The last valid policies, as files: jobs read them while those of the user are invalid.

use crate::policy::Policy;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// A folder of its own, readable by this user only; it goes with the process.
#[derive(Debug)]
pub(super) struct Kept {
    folder: tempfile::TempDir,
    files: BTreeMap<String, PathBuf>,
}

impl Kept {
    /// An empty folder.
    pub(super) fn new() -> io::Result<Kept> {
        Ok(Kept { folder: tempfile::Builder::new().prefix("backstay-agent-").tempdir()?, files: BTreeMap::new() })
    }

    /// Keeps these policies instead of those before, each under its name. Bases are merged in already.
    pub(super) fn keep(&mut self, policies: &[Policy]) -> io::Result<()> {
        for policy in policies {
            let policy = Policy { extends: None, ..policy.clone() };
            let file = self.folder.path().join(format!("{}.yaml", policy.name.text()));
            // JSON is YAML.
            std::fs::write(&file, serde_json::to_vec_pretty(&policy)?)?;
            self.files.insert(policy.name.text().to_owned(), file);
        }
        Ok(())
    }

    /// The file of a policy that was kept.
    pub(super) fn file(&self, policy: &str) -> Option<&PathBuf> {
        self.files.get(policy)
    }
}
