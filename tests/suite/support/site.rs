//! A policy under an agent, and a clock that tests set.

use super::{Backstay, Database, Project, Server, signal};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

/// What it does, unless a test changes it.
const POLICY: &str = "\
version: 1
name: test
storage:
  near: { type: filesystem, path: {folder}/near }
tiers:
  daily: { schedule: '0 2 * * *', copies: [{ to: near, keep: 7d }] }
databases:
  app: { connection: '${env:DATABASE_URL}', tiers: [daily], HOOKS safety: { keep_at_least: 2 } }
run: { by: agent, jitter: 0s, stop_within: 20s }
";

/// A Monday.
pub const FIRST: &str = "2027-01-04T12:00:00Z";

/// A policy for an agent, a clock and a log.
pub struct Site {
    /// The policy and its stores.
    pub project: Project,
    _database: Database,
}

impl Site {
    /// A policy `edit`ed, with nothing backed up yet.
    pub fn new(hint: &str, edit: impl Fn(String) -> String) -> Site {
        let database = Database::create(Server::any(), hint);
        database.psql("CREATE TABLE t AS SELECT 1 AS n");
        let project = Project::without_repositories(&database, "");
        project.write_policy(&edit(POLICY.to_owned()).replace("HOOKS", ""));
        let site = Site { project, _database: database };
        site.clock(at(FIRST));
        site.call(&["apply", "--yes", "--only", "infra"]).run().expect(0);
        site
    }

    /// Sets the clock of everything that runs here, to a few seconds later; it goes on from there.
    pub fn clock(&self, to: Timestamp) {
        let ahead = to.duration_since(Timestamp::now()).as_secs() + 5;
        let file = self.path("clock");
        fs::write(self.path("clock.new"), format!("{ahead:+}\n")).unwrap();
        fs::rename(self.path("clock.new"), file).unwrap();
    }

    /// A path inside its folder.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.project.path(inside)
    }

    /// A call of the program under its clock.
    pub fn call(&self, words: &[&str]) -> Backstay {
        let library = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
            .map(|machine| PathBuf::from(format!("/usr/lib/{machine}/faketime/libfaketimeMT.so.1")))
            .into_iter()
            .find(|library| library.exists())
            .expect("no libfaketime here; run `scripts/setup`");
        self.project
            .backstay(words)
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", self.path("clock"))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("TZ", "UTC")
    }

    /// Starts an agent that writes what it says to a file.
    pub fn agent(&self, log: &str) -> Agent {
        Agent::start(self.call(&["--color", "never", "agent"]), self.path(log))
    }

    /// Every manifest of its store.
    pub fn manifests(&self) -> BTreeSet<String> {
        let files = self.project.files("near");
        let is_manifest = |file: &String| {
            file.starts_with("manifest/") && file.matches('.').count() == 1 && !file.ends_with("/drills.json")
        };
        files.into_iter().filter(is_manifest).collect()
    }
}

/// A running agent; it is ended with the test.
pub struct Agent {
    /// Its process.
    pub child: Child,
    log: PathBuf,
}

impl Agent {
    /// Starts one by such a call; what it says goes into a file.
    pub fn start(call: Backstay, log: PathBuf) -> Agent {
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let child = call.into_command().stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Agent { child, log }
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How often it said something.
    pub fn times(&self, words: &str) -> usize {
        self.log().matches(words).count()
    }

    /// Waits until the log says something so many times.
    #[track_caller]
    pub fn says(&self, words: &str, times: usize) {
        let begun = Instant::now();
        while self.times(words) < times {
            assert!(begun.elapsed() < Duration::from_secs(90), "{words:?} did not come {times} times: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Long enough for what would be due to begin.
    pub fn looks(&self) {
        std::thread::sleep(Duration::from_millis(2500));
    }

    /// Kibibytes in memory.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Asks it to stop, and says what it said.
    #[track_caller]
    pub fn stops(mut self) -> String {
        signal(&self.child, "-TERM");
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.log());
        self.log()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An instant.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// So many hours after another.
pub fn later(from: Timestamp, hours: i64) -> Timestamp {
    from + SignedDuration::from_hours(hours)
}
