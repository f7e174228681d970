//! A server whose WAL is archived, and the policy that says so, in a folder that the server's user owns.

use super::{Backstay, Server, Version, shell, until};
use backstay::repository::Repository;
use backstay::storage::FilesystemStore;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A server of its own with `archive_mode` on and no `archive_command`, and storages `near` and `far`.
pub struct Archiving {
    /// The server.
    pub server: Server,
    folder: tempfile::TempDir,
}

const POLICY: &str = "\
version: 1
name: test
storage:
  near: { type: filesystem, path: {folder}/near }
  far: { type: filesystem, path: {folder}/far }
tiers:
  base: { schedule: manual, method: physical, copies: [{ to: near, keep: 7d }] }
databases:
  main:
    connection: ${env:DATABASE_URL}
    tiers: [base]
    encryption: team
    wal: { mode: archive, to: [near, far] }
encryption:
  team: { type: age, recipients: [KEY], identity: \"${file:{folder}/key}\" }
";

impl Archiving {
    /// Starts one.
    pub fn start(version: Version) -> Archiving {
        Archiving::start_with(version, &[])
    }

    /// The same with more settings of the server.
    pub fn start_with(version: Version, settings: &[&str]) -> Archiving {
        let folder = tempfile::Builder::new().prefix("backstay-wal-").tempdir().unwrap();
        let server = Server::start_with(version, &[&["archive_mode=on", "wal_keep_size=256MB"], settings].concat());
        let archiving = Archiving { server, folder };
        archiving.write_policy(&POLICY.replace("KEY", &archiving.make_key("key")));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for storage in ["near", "far"] {
            let made = archiving.repository(storage);
            runtime.block_on(made.create_marker(1, jiff::Timestamp::UNIX_EPOCH)).unwrap();
        }
        archiving.give_away();
        archiving
    }

    /// Makes a private key in a file and says its public one.
    pub fn make_key(&self, file: &str) -> String {
        let printed = shell(&self.server, self.folder.path(), &format!("age-keygen -o {file} 2>&1"));
        self.give_away();
        String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap().to_owned()
    }

    /// Replaces the policy; `{folder}` stands for the folder.
    pub fn write_policy(&self, text: &str) {
        let text = text.replace("{folder}", self.folder.path().to_str().unwrap());
        fs::write(self.path("policy.yaml"), text).unwrap();
        self.give_away();
    }

    /// Changes the policy's text.
    pub fn edit_policy(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("policy.yaml")).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        self.write_policy(&text.replace(from, to));
    }

    /// Gives everything in the folder to the server's user.
    pub fn give_away(&self) {
        let Some((uid, gid)) = Server::user() else { return };
        let mut all = vec![self.folder.path().to_owned()];
        while let Some(path) = all.pop() {
            chown(&path, Some(uid), Some(gid)).unwrap();
            if path.is_dir() {
                all.extend(fs::read_dir(path).unwrap().flatten().map(|entry| entry.path()));
            }
        }
    }

    /// A path inside the folder.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// One of the storages.
    pub fn repository(&self, storage: &str) -> Repository {
        Repository::new(storage, Arc::new(FilesystemStore::new(self.path(storage), 0o700)))
    }

    /// A call of the program by the server's user, with the policy.
    pub fn backstay(&self, arguments: &[&str]) -> Backstay {
        let policy = self.path("policy.yaml");
        let all = [&["--policy", policy.to_str().unwrap()], arguments].concat();
        Backstay::new(all).current_dir("/").by_user(Server::user()).env("BACKSTAY_PG_BIN", &self.server.bin)
    }

    /// A call of `wal push` for a file of the server.
    pub fn push(&self, file: &str) -> Backstay {
        self.push_from(&self.server.data().join("pg_wal").join(file))
    }

    /// Waits until these were archived ahead, and that is remembered.
    pub fn until_noted(&self, files: &[String]) {
        let notes = self.path("state/wal/main").join(self.system()).join("ahead");
        until(|| files.iter().all(|file| notes.join(format!("{file}.json")).exists()));
    }

    /// Processes that archive ahead, by number.
    pub fn ahead(&self) -> Vec<u32> {
        let pattern = format!("{}.*push-ahead", self.path("policy.yaml").display());
        let found = Command::new("pgrep").args(["-f", &pattern]).output().unwrap().stdout;
        String::from_utf8_lossy(&found).lines().map(|number| number.parse().unwrap()).collect()
    }

    /// Kills what archives ahead, and waits until it is gone.
    pub fn kill_ahead(&self) {
        until(|| {
            let living = self.ahead();
            for number in &living {
                let _ = Command::new("kill").args(["-KILL", &number.to_string()]).status().unwrap();
            }
            living.is_empty()
        });
    }

    /// The same for any file.
    pub fn push_from(&self, path: &Path) -> Backstay {
        let state = self.path("state");
        let to = ["--database", "main", "--state-dir", state.to_str().unwrap()];
        self.backstay(&[&["wal", "push", path.to_str().unwrap()], to.as_slice()].concat())
    }

    /// A call of `wal fetch` into a file of the folder, for the server's cluster.
    pub fn fetch(&self, file: &str, to: &str) -> Backstay {
        let (state, to, system) = (self.path("state"), self.path(to), self.system());
        let more = ["--database", "main", "--state-dir", state.to_str().unwrap(), "--system-id", &system];
        self.backstay(&[&["wal", "fetch", file, to.to_str().unwrap()], more.as_slice()].concat())
    }

    /// The system identifier of the server.
    pub fn system(&self) -> String {
        self.server.psql("postgres", "SELECT system_identifier FROM pg_control_system()")
    }

    /// Finishes a segment that holds something, and says which.
    pub fn finish_segment(&self) -> String {
        self.server.psql("postgres", "SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000))");
        self.server.psql("postgres", "SELECT pg_walfile_name(pg_switch_wal())")
    }

    /// What PostgreSQL is to call, as settings of a server.
    pub fn commands(&self) -> (String, String) {
        let program = env!("CARGO_BIN_EXE_backstay");
        let folder = self.folder.path().display();
        let call = |words: &str| {
            format!(
                "{program} --quiet --policy {folder}/policy.yaml wal {words} --database main --state-dir {folder}/state"
            )
        };
        (call("push %p"), call("fetch %f %p"))
    }

    /// Makes the server archive by itself from now on.
    pub fn archive(&self) {
        self.server.psql("postgres", &format!("ALTER SYSTEM SET archive_command = '{}'", self.commands().0));
        self.server.psql("postgres", "SELECT pg_reload_conf()");
    }

    /// Keys of WAL in a storage, sorted.
    pub fn keys(&self, storage: &str) -> Vec<String> {
        let root = self.path(storage);
        let (mut keys, mut folders) = (Vec::new(), vec![root.join("wal")]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).map(|all| all.flatten().collect::<Vec<_>>()).unwrap_or_default() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => keys.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()),
                }
            }
        }
        keys.sort();
        keys
    }

    /// Names of the WAL files in a storage, sorted.
    pub fn files(&self, storage: &str) -> Vec<String> {
        let name = |key: String| key.rsplit('/').next().unwrap().split('-').next().unwrap().to_owned();
        self.keys(storage).into_iter().map(name).collect()
    }
}
