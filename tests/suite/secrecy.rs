//! Secrets stay where they are: in no output, in no file that is written, in no argument list on this machine.

use crate::support::{Database, Project, Run, Server, identifier, percent_encode};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::SystemTime;

/// Letters that stand in every secret of this test and nowhere else on this machine.
fn new_mark() -> String {
    format!("hush{:016x}", getrandom::u64().unwrap())
}

const POLICY: &str = "\
version: 1
name: secrecy
storage:
  near: { type: filesystem, path: {folder}/near }
  far: { type: filesystem, path: {folder}/far }
tiers:
  aged:
    schedule: \"0 0 1 1 *\"
    copies: [{ to: near, keep: 7d }, { to: far, keep: 30d }]
databases:
  key:
    connection: ${env:DATABASE_URL}
    tiers: [aged]
    encryption: key
    hooks:
      before_backup: [[sh, -c, 'test -n \"$HOOK_TOKEN\"']]
      after_backup: [[sh, -c, 'test -n \"$HOOK_TOKEN\"; exit 3']]
  words:
    connection: { host: 127.0.0.1, port: \"${env:PORT}\", user: \"${env:ROLE}\", password: \"${file:password}\", database: \"${env:NAME}\" }
    tiers: [aged]
    encryption: words
  gpg:
    connection: ${env:DATABASE_URL}
    tiers: [aged]
    encryption: gpg
encryption:
  key: { type: age, recipients: [KEY], identity: \"${env:IDENTITY}\" }
  words: { type: age, passphrase: \"${env:AGE_WORDS}\" }
  gpg: { type: gpg, passphrase: \"${file:gpg-words}\" }
alerts:
  channels: { ops: { type: slack, webhook: \"${env:WEBHOOK}\" } }
  rules: [{ on: [backup_failed], notify: [ops] }]
";

/// The project, its secrets, and a role of its own whose password is one of them.
struct Secrets {
    mark: String,
    identity: String,
    project: Project,
    source: Database,
    role: String,
    /// Files that were looked at, as they were then.
    seen: Mutex<HashSet<(PathBuf, SystemTime, u64)>>,
}

impl Secrets {
    fn new() -> Secrets {
        let source = Database::create(Server::any(), "secrecy");
        source.psql("CREATE TABLE t AS SELECT n, md5(n::text) FROM generate_series(1, 30000) n");
        let mark = new_mark();
        let role = format!("of_{mark}").replace("hush", "");
        let project = Project::without_repositories(&source, "");
        let password = format!("{mark}'\"$&% é:/@");
        source.server.psql(
            "postgres",
            &format!("CREATE ROLE {} SUPERUSER LOGIN PASSWORD '{}'", identifier(&role), password.replace('\'', "''")),
        );
        fs::write(project.path("password"), format!("{password}\n")).unwrap();
        fs::write(project.path("gpg-words"), format!("{mark} gpg\n")).unwrap();
        let keys = std::process::Command::new("age-keygen").output().unwrap();
        let text = String::from_utf8(keys.stdout).unwrap();
        let line = |begin: &str| text.lines().find_map(|line| line.strip_prefix(begin)).unwrap().to_owned();
        let identity = format!("AGE-SECRET-KEY-{}", line("AGE-SECRET-KEY-"));
        project.write_policy(&POLICY.replace("KEY]", &format!("{}]", line("# public key: "))));
        Secrets { mark, identity, project, source, role, seen: Mutex::default() }
    }

    fn url(&self, host: &str) -> String {
        let password = fs::read_to_string(self.project.path("password")).unwrap();
        let (user, password) = (percent_encode(&self.role), percent_encode(password.trim_end()));
        format!("postgresql://{user}:{password}@{host}/{}", percent_encode(&self.source.name))
    }

    /// Runs a verb with all secrets at hand. Neither what it prints nor what it writes holds one.
    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32, more: &[(&str, &str)]) -> Run {
        let mut call = self
            .project
            .backstay(arguments)
            .env("DATABASE_URL", self.url(&format!("127.0.0.1:{}", self.source.server.port)))
            .env("PORT", self.source.server.port.to_string())
            .env("ROLE", &self.role)
            .env("NAME", &self.source.name)
            .env("IDENTITY", &self.identity)
            .env("AGE_WORDS", format!("{} age", self.mark))
            .env("HOOK_TOKEN", format!("{} hook", self.mark))
            .env("WEBHOOK", format!("https://hooks.example.com/{}", self.mark));
        for (name, value) in more {
            call = call.env(name, value);
        }
        let run = call.run();
        assert_eq!(run.code, Some(code), "{arguments:?}: {run:#?}");
        for text in [&run.stdout, &run.stderr] {
            assert!(!self.shows(text.as_bytes()), "{arguments:?} printed a secret: {run:#?}");
        }
        self.assert_files(&self.project.path("."));
        run
    }

    /// True when a text holds a secret, or a large part of one.
    fn shows(&self, text: &[u8]) -> bool {
        let has = |part: &str| memchr::memmem::find(text, part.as_bytes()).is_some();
        let key = &self.identity["AGE-SECRET-KEY-1".len()..][..20];
        has(&self.mark) || has(&self.mark.to_uppercase()) || has(key) || has(&key.to_lowercase())
    }

    fn assert_files(&self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.assert_files(&path);
                continue;
            }
            let meta = entry.metadata().unwrap();
            let version = (path.clone(), meta.modified().unwrap(), meta.len());
            let is_source = ["password", "gpg-words"].contains(&path.file_name().unwrap().to_str().unwrap());
            if !is_source && self.seen.lock().unwrap().insert(version) {
                assert!(!self.shows(&fs::read(&path).unwrap()), "a secret stands in {}", path.display());
            }
        }
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        let sql = format!("DROP ROLE IF EXISTS {}", identifier(&self.role));
        let _ = self.source.server.client("psql", "postgres").args(["-Xqc", &sql]).output();
    }
}

/// While it lives, reads all argument lists of this machine again and again.
struct Watch<'a> {
    stop: &'a AtomicBool,
    watcher: thread::ScopedJoinHandle<'a, (u64, Vec<String>)>,
}

impl<'a> Watch<'a> {
    fn begin(scope: &'a thread::Scope<'a, '_>, stop: &'a AtomicBool, secrets: &'a Secrets) -> Watch<'a> {
        let watcher = scope.spawn(move || {
            let (mut rounds, mut found) = (0, Vec::new());
            while !stop.load(Ordering::Relaxed) {
                rounds += 1;
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    let Ok(list) = fs::read(entry.path().join("cmdline")) else { continue };
                    if secrets.shows(&list) {
                        found.push(String::from_utf8_lossy(&list).replace('\0', " "));
                    }
                }
            }
            (rounds, found)
        });
        Watch { stop, watcher }
    }

    /// Ends it; nothing may have been seen.
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let (rounds, found) = self.watcher.join().unwrap();
        assert!(rounds > 50, "{rounds} looks are too few");
        assert_eq!(found, Vec::<String>::new());
    }
}

#[test]
fn no_verb_shows_a_secret() {
    let secrets = Secrets::new();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = Watch::begin(scope, &stop, &secrets);
        every_verb(&secrets);
        watch.end();
    });
    assert!(!secrets.shows(secrets.source.server.log().as_bytes()), "a secret stands in the server's log");
}

fn every_verb(secrets: &Secrets) {
    let verbs: &[&[&str]] = &[
        &["validate"],
        &["validate", "--json"],
        &["plan", "--explain"],
        &["plan", "--json", "--out", "plan.json"],
        &["apply", "plan.json"],
        &["plan"],
        &["backup", "gpg", "--json"],
        &["list"],
        &["list", "--json"],
        &["verify", "--deep"],
        &["verify", "key", "--deep", "--json"],
        &["prune", "--yes"],
        &["sync", "--yes"],
        &["explain", "encryption.passphrase"],
        &["init", "--out", "first.yaml"],
    ];
    for verb in verbs {
        secrets.run(verb, 0, &[]);
    }
    let id = secrets.run(&["list", "key", "--json"], 0, &[]).json()["databases"][0]["backups"][0]["id"].clone();
    secrets.run(&["show", id.as_str().unwrap()], 0, &[]);
    secrets.run(&["show", id.as_str().unwrap(), "--json"], 0, &[]);
    for database in ["key", "words", "gpg"] {
        let copy = Database::name_only(secrets.source.server, "secrecy_copy");
        secrets.run(&["restore", database, "--into", &copy.name, "--jobs", "2"], 0, &[]);
        assert_eq!(copy.psql("SELECT count(*) FROM t"), "30000");
        let copy = Database::create(secrets.source.server, "secrecy_elsewhere");
        let elsewhere = secrets.url(&format!("127.0.0.1:{}", secrets.source.server.port));
        let elsewhere = elsewhere.replace(&secrets.source.name, &copy.name);
        let arguments = ["restore", database, "--to-connection", "${env:ELSEWHERE}", "--json"];
        secrets.run(&arguments, 0, &[("ELSEWHERE", &elsewhere)]);
        assert_eq!(copy.psql("SELECT count(*) FROM t"), "30000");
    }
    secrets.run(&["restore", "key", "--in-place", "--yes", "--drop-old"], 0, &[]);
}

/// Messages about secrets that are wrong name where they come from, and not what they are.
#[test]
fn no_complaint_shows_a_secret() {
    let secrets = Secrets::new();
    secrets.run(&["apply", "--yes"], 0, &[]);
    let mark = secrets.mark.as_str();
    let urls = [
        secrets.url("127.0.0.1:1"),
        secrets.url(&format!("127.0.0.1:{}", secrets.source.server.port)) + "_not_there",
        format!("postgresql://postgres:{mark}@127.0.0.1:{}/postgres", secrets.source.server.port),
        format!("postgresql://user:{mark}@[::1/x"),
        format!("postgresql://user:{mark}%zz@localhost/x"),
        format!("postgresql://user:{mark}@localhost:port/x"),
        format!("postgresql://user:pw@localhost/x?password={mark}&nonsense=1"),
        format!("host=localhost password={mark} user=x"),
        mark.to_owned(),
        format!("http://user:{mark}@localhost/x"),
        format!("postgresql://user:{mark}\n@localhost/x"),
    ];
    for url in &urls {
        secrets.run(&["backup", "key"], 1, &[("DATABASE_URL", url)]);
        secrets.run(&["init", "--out", "none.yaml"], 1, &[("DATABASE_URL", url)]);
        // A database that does not exist would be created.
        if !url.ends_with("_not_there") {
            secrets.run(&["restore", "key", "--to-connection", "${env:ELSEWHERE}"], 1, &[("ELSEWHERE", url)]);
        }
    }
    let unreadable = format!("AGE-SECRET-KEY-1{}", mark.to_uppercase());
    for identity in [unreadable.as_str(), mark, ""] {
        secrets.run(&["verify", "key", "--deep"], 1, &[("IDENTITY", identity)]);
        secrets.run(&["restore", "key", "--into", "never_made"], 1, &[("IDENTITY", identity)]);
    }
    let wrong = format!("{mark} but wrong");
    secrets.run(&["verify", "words", "--deep"], 1, &[("AGE_WORDS", &wrong)]);
    secrets.run(&["restore", "words", "--into", "never_made"], 1, &[("AGE_WORDS", &wrong)]);
    fs::write(secrets.project.path("gpg-words"), &wrong).unwrap();
    secrets.run(&["verify", "gpg", "--deep"], 1, &[]);
    secrets.run(&["restore", "gpg", "--into", "never_made"], 1, &[]);
    fs::write(secrets.project.path("gpg-words"), format!("{wrong}\n{wrong}\n")).unwrap();
    secrets.run(&["backup", "gpg"], 1, &[]);
    // A policy with secrets written into it is shown with them left out.
    let text = POLICY.replace("${env:AGE_WORDS}", mark).replace("${file:gpg-words}", mark);
    let text = text.replace("${env:DATABASE_URL}", &format!("postgresql://user:{mark}@127.0.0.1:1/x"));
    fs::create_dir(secrets.project.path("password.d")).unwrap();
    let written = secrets.project.path("password.d/password");
    fs::write(&written, text.replace("KEY]", &format!("{mark}]"))).unwrap();
    let policy = written.to_str().unwrap();
    for verb in ["validate", "plan", "list", "backup"] {
        let arguments = ["--policy", policy, verb, "key"];
        secrets.run(&arguments[..if verb == "backup" { 4 } else { 3 }], 3, &[]);
        secrets.run(&[&arguments[..if verb == "backup" { 4 } else { 3 }], &["--json"]].concat(), 3, &[]);
    }
}
