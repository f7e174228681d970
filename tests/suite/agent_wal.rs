//! The agent keeps `backstay wal receive` running, with real servers: WAL arrives, whoever dies or changes his mind meanwhile.

use crate::support::{Agent, Backstay, Server, Version, until};
use backstay::base::{SegmentSize, WalFile, WalSegment};
use backstay::repository::Repository;
use backstay::storage::FilesystemStore;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

const POLICY: &str = "\
version: 1
name: test
storage:
  near: { type: filesystem, path: {folder}/near }
tiers:
  now: { schedule: manual, copies: [{ to: near, keep: 7d }] }
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [now]
    wal: { mode: stream, to: [near], slot: backstay }
run: { by: agent, jitter: 0s, stop_within: 20s }
metrics: { listen: '127.0.0.1:0' }
";

/// A server, a policy that streams its WAL, and a folder that everything lies in.
struct Field {
    server: Server,
    folder: tempfile::TempDir,
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

impl Field {
    fn new() -> Field {
        let server = Server::start(Version::Distribution);
        let folder = tempfile::Builder::new().prefix("backstay-agent-wal-").tempdir().unwrap();
        let field = Field { server, folder };
        field.write_policy(POLICY);
        block(field.repository().create_marker(1, jiff::Timestamp::UNIX_EPOCH)).unwrap();
        field
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    fn write_policy(&self, text: &str) {
        let text = text.replace("{folder}", self.folder.path().to_str().unwrap());
        fs::write(self.path("new.yaml"), text).unwrap();
        fs::rename(self.path("new.yaml"), self.path("policy.yaml")).unwrap();
    }

    fn repository(&self) -> Repository {
        Repository::new("near", Arc::new(FilesystemStore::new(self.path("near"), 0o700)))
    }

    fn call(&self, words: &[&str]) -> Backstay {
        let policy = self.path("policy.yaml");
        Backstay::new(["--color", "never", "--policy", policy.to_str().unwrap()].iter().chain(words))
            .env("DATABASE_URL", self.server.url("postgres"))
            .env("BACKSTAY_PG_BIN", &self.server.bin)
            .env("XDG_STATE_HOME", self.path("state"))
    }

    fn agent(&self) -> Agent {
        Agent::start(self.call(&["agent"]), self.path("log"))
    }

    /// Processes that receive, by number.
    fn receivers(&self) -> Vec<u32> {
        let pattern = format!("{}.*wal receive", self.path("policy.yaml").display());
        let found = Command::new("pgrep").args(["-f", &pattern]).output().unwrap().stdout;
        String::from_utf8_lossy(&found).lines().map(|number| number.parse().unwrap()).collect()
    }

    fn streams(&self) -> bool {
        let sql =
            "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'backstay' AND state = 'streaming'";
        self.server.psql("postgres", sql) == "1"
    }

    /// Finishes a segment that holds something, waits until the store has it, and says which.
    fn arrives(&self) -> WalSegment {
        self.server.psql("postgres", "SELECT pg_logical_emit_message(true, 'test', repeat('x', 100000))");
        let name = self.server.psql("postgres", "SELECT pg_walfile_name(pg_switch_wal())");
        let segment: WalSegment = name.parse().unwrap();
        until(|| self.stored().contains(&segment));
        segment
    }

    fn stored(&self) -> Vec<WalSegment> {
        let all = block(self.repository().wal_of("app")).unwrap();
        let segments = all.iter().filter_map(|object| match object.file {
            WalFile::Segment(segment) => Some(segment),
            _ => None,
        });
        segments.collect()
    }
}

/// What a page of an agent answers.
fn page(agent: &Agent, path: &str) -> String {
    agent.says("listening at", 1);
    let log = agent.log();
    let address = log.rsplit("http://").next().unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn health(agent: &Agent) -> Value {
    serde_json::from_str(&page(agent, "/healthz")).unwrap()
}

#[test]
fn wal_arrives_a_receiver_that_is_killed_comes_back_and_an_agent_that_stops_leaves_none() {
    let field = Field::new();
    let plan = field.call(&["plan"]).run().expect(0);
    assert!(!plan.stdout.contains("wal receive"), "{}", plan.stdout);
    let agent = field.agent();
    until(|| field.streams());
    let first = field.arrives();
    let health_now = health(&agent);
    assert_eq!(health_now["receivers"][0]["running"], true, "{health_now}");
    assert_eq!((health_now["jobs"].as_u64(), health_now["running"].as_array().unwrap().len()), (Some(0), 0));
    let before = field.receivers();
    assert_eq!(before.len(), 1);
    assert!(Command::new("kill").args(["-KILL", &before[0].to_string()]).status().unwrap().success());
    agent.says("test app wal receive: was ended after", 1);
    until(|| field.streams() && !field.receivers().contains(&before[0]));
    let last = field.arrives();
    // What was written meanwhile, too.
    let size = SegmentSize::DEFAULT;
    let stored = field.stored();
    let wanted = first.number(size)..=last.number(size);
    assert!(wanted.clone().all(|number| stored.iter().any(|one| one.number(size) == number)), "{wanted:?} {stored:?}");
    let metrics = page(&agent, "/metrics");
    let running = "backstay_agent_receiver_running{policy=\"test\",database=\"app\"} 1\n";
    let starts = "backstay_agent_receiver_starts{policy=\"test\",database=\"app\"} 2\n";
    assert!(metrics.contains(running) && metrics.contains(starts), "{metrics}");
    assert_eq!(health(&agent)["receivers"][0]["last_exit_code"], -1);
    let log = agent.stops();
    assert!(log.contains("test app wal receive: stopped"), "{log}");
    assert_eq!(field.receivers(), Vec::<u32>::new());
    assert!(!field.streams());
    // Two policies may have a database of one name.
    assert!(field.path("state/backstay/test/received/app").is_dir());
}

#[test]
fn a_policy_that_changes_its_mind_is_followed() {
    let field = Field::new();
    let agent = field.agent();
    until(|| field.streams());
    let before = field.receivers();
    // What the policy says of it is another thing: it is started anew, and nothing else.
    field.write_policy(&POLICY.replace("slot: backstay", "slot: backstay, synchronous: true"));
    agent.says("wal receive: stopped", 1);
    until(|| field.streams() && field.receivers().len() == 1);
    assert_ne!(field.receivers(), before);
    field.arrives();
    // A change that is not about it leaves it alone.
    let running = field.receivers();
    field.write_policy(
        &POLICY.replace("slot: backstay", "slot: backstay, synchronous: true").replace("keep: 7d", "keep: 8d"),
    );
    agent.says("the policy was read again", 2);
    agent.looks();
    assert_eq!(field.receivers(), running);
    // Not wanted any more.
    field.write_policy(&POLICY.replace("    wal: { mode: stream, to: [near], slot: backstay }\n", ""));
    agent.says("wal receive: stopped", 2);
    until(|| field.receivers().is_empty());
    assert_eq!(health(&agent)["receivers"].as_array().unwrap().len(), 0);
    let log = agent.stops();
    assert_eq!(log.matches("ended").count(), 0, "{log}");
}

#[test]
fn one_that_refuses_to_start_is_told_once_and_takes_over_when_it_can() {
    let field = Field::new();
    let state = field.path("state/backstay/test");
    let words = ["wal", "receive", "--database", "app", "--state-dir", state.to_str().unwrap()];
    let other = Agent::start(field.call(&words), field.path("other"));
    until(|| field.streams());
    let agent = field.agent();
    agent.says("BS903", 1);
    until(|| health(&agent)["receivers"][0]["starts"].as_u64() >= Some(4));
    let log = agent.log();
    assert_eq!((log.matches("BS903").count(), log.matches("ended with exit 6").count()), (1, 1), "{log}");
    other.stops();
    until(|| field.streams());
    field.arrives();
    agent.stops();
}

#[test]
fn an_agent_that_is_killed_leaves_no_receiver() {
    let field = Field::new();
    let mut agent = field.agent();
    until(|| field.streams());
    agent.child.kill().unwrap();
    agent.child.wait().unwrap();
    until(|| field.receivers().is_empty());
    let agent = field.agent();
    until(|| field.streams());
    field.arrives();
    agent.stops();
}
