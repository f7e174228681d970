//! A policy and its stores in a folder of a test's own.

use super::{Backstay, Database, Server};
use backstay::catalog::Manifest;
use backstay::repository::Repository;
use backstay::storage::FilesystemStore;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder with `backstay.yaml` and two storages, `near` and `far`, which are repositories already.
pub struct Project {
    folder: tempfile::TempDir,
    url: String,
    programs: PathBuf,
}

/// The policy for one database `app` in a tier `now`, on demand; `{…}` are filled in.
const POLICY: &str = "\
version: 1
name: test
storage:
  near: { type: filesystem, path: {folder}/near }
  far: { type: filesystem, path: {folder}/far }
tiers:
  now:
    schedule: manual
    copies: [{ to: near, keep: 7d }, { to: far, keep: 30d }]
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [now]
";

impl Project {
    /// A project for a database, with `more` lines at the end of the entry `app` and of the policy.
    pub fn new(database: &Database, more: &str) -> Project {
        let project = Project::without_repositories(database, more);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for storage in ["near", "far"] {
            runtime.block_on(project.repository(storage).create_marker(1, jiff::Timestamp::UNIX_EPOCH)).unwrap();
        }
        project
    }

    /// The same, with nothing made yet and a tier `now` that is due once a year: at first, and then not while a test
    /// runs.
    pub fn scheduled(database: &Database, more: &str) -> Project {
        let project = Project::without_repositories(database, more);
        project.edit_policy("schedule: manual", "schedule: \"0 0 1 1 *\"");
        project
    }

    /// The same before anything made its storages repositories.
    pub fn without_repositories(database: &Database, more: &str) -> Project {
        let folder = tempfile::Builder::new().prefix("backstay-project-").tempdir().unwrap();
        let project = Project { folder, url: database.url(), programs: database.server.bin.clone() };
        project.write_policy(&format!("{POLICY}{more}"));
        project
    }

    /// Replaces the policy; `{folder}` stands for the project's folder.
    pub fn write_policy(&self, text: &str) {
        fs::write(self.path("backstay.yaml"), text.replace("{folder}", self.folder.path().to_str().unwrap())).unwrap();
    }

    /// Changes the policy's text.
    pub fn edit_policy(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("backstay.yaml")).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        fs::write(self.path("backstay.yaml"), text.replace(from, to)).unwrap();
    }

    /// A path inside its folder.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// Writes a file into its folder and makes it a program.
    pub fn program(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A call of the real program in its folder, with the database's URL in the environment.
    pub fn backstay(&self, arguments: &[&str]) -> Backstay {
        Backstay::new(arguments)
            .current_dir(self.folder.path())
            .env("DATABASE_URL", &self.url)
            .env("BACKSTAY_PG_BIN", &self.programs)
            .env("XDG_STATE_HOME", self.path("state"))
    }

    /// One of its storages.
    pub fn repository(&self, storage: &str) -> Repository {
        Repository::new(storage, Arc::new(FilesystemStore::new(self.path(storage), 0o700)))
    }

    /// Every file in a storage, relative to it, sorted.
    pub fn files(&self, storage: &str) -> Vec<String> {
        let root = self.path(storage);
        let mut files = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }

    /// Files in a storage that belong to backups: manifests, data, and what is unfinished.
    pub fn backup_files(&self, storage: &str) -> Vec<String> {
        let mut files = self.files(storage);
        files.retain(|file| file.starts_with("manifest/") || file.starts_with("data/"));
        files
    }

    /// The only manifest in a storage.
    pub fn manifest(&self, storage: &str) -> Manifest {
        let files = self.files(storage);
        let is_record = |file: &str| file.ends_with(".verified.json") || file.ends_with("/drills.json");
        let is_manifest = |file: &&String| file.starts_with("manifest/") && !is_record(file);
        let manifests: Vec<_> = files.iter().filter(is_manifest).collect();
        assert_eq!(manifests.len(), 1, "{files:?}");
        let text = fs::read(self.path(storage).join(manifests[0])).unwrap();
        backstay::catalog::unseal(&text).unwrap()
    }

    /// Folder of the data of the only backup in a storage.
    pub fn data(&self, storage: &str) -> PathBuf {
        let manifest = self.manifest(storage);
        let inside = format!("data/{}/{}/{}", manifest.tier, manifest.database, manifest.id);
        self.path(storage).join(inside)
    }
}

/// What a shell prints for a script run in a folder, with a server's programs first on the PATH.
#[track_caller]
pub fn shell(server: &Server, folder: &Path, script: &str) -> Vec<u8> {
    let output = server
        .client("../bin/psql", "postgres")
        .get_envs()
        .fold(&mut std::process::Command::new("/bin/bash"), |command, (name, value)| match value {
            Some(value) => command.env(name, value),
            None => command,
        })
        .env("PATH", format!("{}:/usr/bin:/bin", server.bin.display()))
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Asserts that no storage has a lock, an unfinished file or anything else that a killed run leaves.
#[track_caller]
pub fn assert_leftover_free(project: &Project) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for storage in ["near", "far"] {
        let reading = || runtime().block_on(project.repository(storage).read()).unwrap();
        // Tests that are async themselves have a runtime, which must not be blocked.
        let contents = std::thread::scope(|scope| scope.spawn(reading).join().unwrap());
        assert_eq!((&contents.leftovers[..], &contents.locks[..], &contents.broken[..]), (&[][..], &[][..], &[][..]));
        let partial = project.files(storage).into_iter().find(|file| file.contains(".tmp") || file.contains("/."));
        assert_eq!(partial, None, "{storage}");
    }
}
