//! The agent, under a clock that tests set: what it starts and when, over days that go well and days that do not.
//!
//! `BACKSTAY_DAYS=60` lets sixty days pass instead of nine.

use crate::support::{Database, Project, Server, rounds, signal, until};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

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
const FIRST: &str = "2027-01-04T12:00:00Z";

/// A policy, a clock and a log.
struct Site {
    project: Project,
    _database: Database,
}

impl Site {
    fn new(hint: &str, edit: impl Fn(String) -> String) -> Site {
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
    fn clock(&self, to: Timestamp) {
        let ahead = to.duration_since(Timestamp::now()).as_secs() + 5;
        let file = self.path("clock");
        fs::write(self.path("clock.new"), format!("{ahead:+}\n")).unwrap();
        fs::rename(self.path("clock.new"), file).unwrap();
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.project.path(inside)
    }

    fn call(&self, words: &[&str]) -> crate::support::Backstay {
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

    fn agent(&self, log: &str) -> Agent {
        let log = self.path(log);
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = self.call(&["--color", "never", "agent"]).into_command();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Agent { child, log }
    }

    fn manifests(&self) -> BTreeSet<String> {
        let files = self.project.files("near");
        files.into_iter().filter(|file| file.starts_with("manifest/") && file.matches('.').count() == 1).collect()
    }
}

/// A running agent; it is ended with the test.
struct Agent {
    child: Child,
    log: PathBuf,
}

impl Agent {
    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn times(&self, words: &str) -> usize {
        self.log().matches(words).count()
    }

    /// Waits until the log says something so many times.
    #[track_caller]
    fn says(&self, words: &str, times: usize) {
        let begun = Instant::now();
        while self.times(words) < times {
            assert!(begun.elapsed() < Duration::from_secs(90), "{words:?} did not come {times} times: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Long enough for what would be due to begin.
    fn looks(&self) {
        std::thread::sleep(Duration::from_millis(2500));
    }

    /// Kibibytes in memory.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[track_caller]
    fn stops(mut self) -> String {
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

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn later(from: Timestamp, hours: i64) -> Timestamp {
    from + SignedDuration::from_hours(hours)
}

/// Show 5: days pass, and what the policy promises is done, none of it twice, and memory stays as it is.
#[test]
fn days_pass_and_everything_promised_is_done_once() {
    let days = i64::from(rounds("BACKSTAY_DAYS", 9));
    let site = Site::new("days", |policy| {
        policy
            .replace(
                "databases:",
                "  weekly: { schedule: '0 3 * * SUN', copies: [{ to: near, keep: 30d }] }\ndatabases:",
            )
            .replace("tiers: [daily],", "tiers: [daily, weekly],")
    });
    let agent = site.agent("log");
    // Both tiers begin at once: nobody knows what was missed.
    agent.says("done in", 2);
    let mut seen = site.manifests();
    assert_eq!(seen.len(), 2, "{}", agent.log());
    let (mut n, mut n_weekly) = (2, 1);
    let mut memory = 0;
    let midnight = at("2027-01-05T00:00:00Z");
    for day in 0..days {
        let mut step = |hours: i64, more: &mut usize| {
            site.clock(later(midnight, 24 * day + hours) + SignedDuration::from_mins(5));
            n += 1;
            *more += 1;
            agent.says("done in", n);
            let now = site.manifests();
            let new: Vec<String> = now.difference(&seen).cloned().collect();
            seen.extend(new.iter().cloned());
            new
        };
        let made = step(2, &mut 0);
        assert_eq!(made.len(), 1, "day {day}: {made:?}");
        assert!(made[0].contains("/daily/"), "{made:?}");
        // Day 0 is a Tuesday.
        if day % 7 == 5 {
            let made = step(3, &mut n_weekly);
            assert!(made.len() == 1 && made[0].contains("/weekly/"), "{made:?}");
        }
        if day == 5 {
            memory = agent.memory();
        }
    }
    // The night is over; nothing else begins.
    site.clock(later(midnight, 24 * (days - 1) + 20));
    agent.looks();
    let log = agent.log();
    let begun = |job: &str| log.matches(&format!("test app {job}: begins")).count();
    assert_eq!(begun("run daily"), usize::try_from(days).unwrap() + 1);
    assert_eq!(begun("run weekly"), n_weekly);
    assert_eq!(log.matches("done in").count(), n, "{log}");
    let daily = |files: &BTreeSet<String>| files.iter().filter(|file| file.contains("/daily/")).count();
    // Made every day, and kept for seven.
    assert_eq!(daily(&seen), usize::try_from(days).unwrap() + 1);
    let kept = daily(&site.manifests());
    assert!((7..=8).contains(&kept), "{kept} are left");
    let grown = agent.memory().saturating_sub(memory);
    assert!(memory == 0 || grown < 2048, "{grown} KiB more than after six days");
    agent.stops();
}

#[test]
fn three_missed_days_are_one_backup_and_a_clock_that_jumps_back_is_none() {
    let site = Site::new("missed", |policy| policy.replace("0 2 * * *", "0 * * * *"));
    let agent = site.agent("log");
    agent.says("done in", 1);
    agent.stops();
    site.clock(later(at(FIRST), 75));
    let agent = site.agent("log");
    agent.says("done in", 2);
    assert_eq!(site.manifests().len(), 2, "one for three days");
    site.clock(later(at(FIRST), 76));
    agent.says("done in", 3);
    assert_eq!(site.manifests().len(), 3);
    // An hour back, and through the same hour once more.
    for minutes in [-60, -30, 0, 30] {
        site.clock(later(at(FIRST), 76) + SignedDuration::from_mins(minutes));
        agent.looks();
    }
    assert_eq!((site.manifests().len(), agent.times("begins")), (3, 3), "{}", agent.log());
    site.clock(later(at(FIRST), 77));
    agent.says("done in", 4);
    assert_eq!(site.manifests().len(), 4);
    agent.stops();
}

/// By the real clock: the age of a lock is read from its file, whose date no library moves.
#[test]
fn two_agents_with_one_policy_do_the_work_once() {
    let site = Site::new("two", |policy| policy.replace("0 2 * * *", "* * * * *"));
    site.clock(Timestamp::now());
    let (one, other) = (site.agent("one"), site.agent("other"));
    let ended = |agent: &Agent| agent.times("done in") + agent.times("exit 6");
    for round in 1..3 {
        let begun = Instant::now();
        while ended(&one) < round || ended(&other) < round {
            assert!(begun.elapsed() < Duration::from_secs(150), "{}\n{}", one.log(), other.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(site.manifests().len(), round, "{}\n{}", one.log(), other.log());
    }
    one.stops();
    other.stops();
}

/// A hook that waits for the file `go`.
fn slow(site: &Site) {
    let script =
        format!("#!/bin/sh\ntouch {0}/waits\nwhile [ ! -e {0}/go ]; do sleep 0.1; done\n", site.path("").display());
    let hook = site.project.program("slow", &script);
    site.project.edit_policy("safety:", &format!("hooks: {{ before_backup: [[{}]] }}, safety:", hook.display()));
}

#[test]
fn an_agent_that_is_killed_in_mid_backup_takes_it_when_it_is_back() {
    let site = Site::new("killed", |policy| policy);
    site.clock(Timestamp::now());
    slow(&site);
    let mut agent = site.agent("log");
    until(|| site.path("waits").exists());
    // Everything dies at once, as with the machine.
    let job = children(agent.child.id());
    assert_eq!(job.len(), 1);
    agent.child.kill().unwrap();
    std::process::Command::new("kill").args(["-9", "--", &format!("-{}", job[0])]).status().unwrap();
    agent.child.wait().unwrap();
    assert_eq!(site.manifests().len(), 0);
    fs::write(site.path("go"), "").unwrap();
    let agent = site.agent("log");
    agent.says("done in", 1);
    assert_eq!(site.manifests().len(), 1);
    agent.stops();
    site.call(&["plan", "--detailed-exitcode"]).run().expect(0);
}

fn children(of: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    let mut all: Vec<u32> = listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    // Whichever thread started them.
    for task in fs::read_dir(format!("/proc/{of}/task")).unwrap().flatten() {
        let more = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        all.extend(more.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn running_work_has_its_time_to_end_and_is_then_stopped_cleanly() {
    let site = Site::new("ending", |policy| policy);
    slow(&site);
    let mut agent = site.agent("log");
    until(|| site.path("waits").exists());
    signal(&agent.child, "-TERM");
    agent.says("waiting at most 20s for 1 job", 1);
    fs::write(site.path("go"), "").unwrap();
    assert_eq!(agent.child.wait().unwrap().code(), Some(0), "{}", agent.log());
    assert_eq!(site.manifests().len(), 1, "it was let end");
    for file in ["go", "waits"] {
        fs::remove_file(site.path(file)).unwrap();
    }
    site.clock(later(at(FIRST), 24));
    let mut agent = site.agent("log");
    until(|| site.path("waits").exists());
    signal(&agent.child, "-TERM");
    agent.says("waiting at most", 2);
    // A second signal: the job is stopped, and leaves nothing behind.
    signal(&agent.child, "-TERM");
    assert_eq!(agent.child.wait().unwrap().code(), Some(0), "{}", agent.log());
    assert!(agent.log().contains("asking 1 job to stop"), "{}", agent.log());
    assert_eq!(site.manifests().len(), 1);
    assert!(
        !site.project.files("near").iter().any(|file| file.starts_with("lock/")),
        "{:?}",
        site.project.files("near")
    );
}

/// What a page answers: status and text.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn an_invalid_policy_leaves_the_last_good_one_in_force_and_pages_say_so() {
    let site = Site::new("invalid", |policy| format!("{policy}metrics: {{ listen: '127.0.0.1:0' }}\n"));
    let agent = site.agent("log");
    agent.says("done in", 1);
    let log = agent.log();
    let address = log.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let health = || -> serde_json::Value { serde_json::from_str(&get(address, "/healthz").1).unwrap() };
    assert_eq!((health()["status"].as_str(), health()["jobs"].as_u64()), (Some("ok"), Some(1)));
    assert_eq!(get(address, "/nothing").0, 404);

    let good = fs::read_to_string(site.path("backstay.yaml")).unwrap();
    fs::write(site.path("backstay.yaml"), good.replace("schedule:", "shedule:")).unwrap();
    agent.says("BS822", 1);
    assert!(agent.log().contains("`shedule`"), "{}", agent.log());
    assert!(health()["policy_problem"].as_str().is_some());
    let metrics = get(address, "/metrics").1;
    assert!(metrics.contains("backstay_agent_policy_valid 0\n"), "{metrics}");
    // Work goes on by what was good.
    site.clock(later(at(FIRST), 24));
    agent.says("done in", 2);
    assert_eq!(site.manifests().len(), 2);
    // Valid again, with another schedule.
    fs::write(site.path("backstay.yaml"), good.replace("0 2 * * *", "0 * * * *")).unwrap();
    agent.says("the policy was read again", 1);
    assert!(health()["policy_problem"].is_null());
    site.clock(later(at(FIRST), 25));
    agent.says("done in", 3);
    assert_eq!(site.manifests().len(), 3);
    // SIGHUP reads it again, whether it changed or not.
    signal(&agent.child, "-HUP");
    agent.says("the policy was read again", 2);
    let metrics = get(address, "/metrics").1;
    let done = "backstay_agent_job_last_exit_code{policy=\"test\",database=\"app\",task=\"run\",tier=\"daily\"} 0\n";
    assert!(metrics.contains(done) && metrics.contains("backstay_agent_policy_valid 1\n"), "{metrics}");
    agent.stops();
}

#[test]
fn what_fails_is_tried_again_and_who_is_not_wanted_says_so() {
    let site = Site::new("failing", |policy| policy.replace("${env:DATABASE_URL}", "postgresql://127.0.0.1:1/app"));
    let agent = site.agent("log");
    agent.says("ended with exit", 1);
    agent.looks();
    assert_eq!(agent.times("begins"), 1, "not at once: {}", agent.log());
    agent.stops();
    site.project.edit_policy("run: { by: agent, jitter: 0s, stop_within: 20s }", "run: { by: none }");
    let refused = site.call(&["agent"]).run().expect(3);
    assert!(refused.stderr.contains("BS820"), "{}", refused.stderr);
}

#[test]
fn a_host_does_the_work_of_its_databases() {
    let site = Site::new("hosts", |policy| {
        policy.replace("app: { connection", "other: { connection: postgresql://127.0.0.1:1/x, tiers: [daily], host: db2 }\n  app: { host: db1, connection")
    });
    let wrong = site.call(&["--only-host", "db3", "plan"]).run().expect(1);
    assert!(wrong.stderr.contains("BS823") && wrong.stderr.contains("db1"), "{}", wrong.stderr);
    site.call(&["--only-host", "db1", "apply", "--yes"]).run().expect(0);
    assert_eq!(site.manifests().len(), 1);
    site.call(&["--only-host", "db1", "plan", "--detailed-exitcode"]).run().expect(0);
    // The other host's plan knows whose backups these are.
    let plan = site.call(&["--only-host", "db2", "plan"]).run().expect(0);
    assert!(!plan.stdout.contains("belongs to no") && plan.stdout.contains("backup daily"), "{}", plan.stdout);
    // Units are written on the host that starts them.
    site.project.edit_policy("run: { by: agent, jitter: 0s, stop_within: 20s }", "run: { by: systemd }");
    let root = site.path("root");
    let root = root.to_str().unwrap();
    let infra = ["--root", root, "apply", "--yes", "--only", "infra"];
    site.call(&infra).run().expect(0);
    assert!(!Path::new(root).join("etc/systemd").exists());
    site.call(&[&["--only-host", "db1"][..], &infra[..]].concat()).run().expect(0);
    let units = fs::read_dir(Path::new(root).join("etc/systemd/system")).unwrap().count();
    assert_eq!(units, 3, "a service, a timer and the folder of links");
}
