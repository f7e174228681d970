//! What who asks over HTTP is shown: whether the process is well, and what can be scraped.

use super::beside::Receiving;
use super::scrape::Scrape;
use crate::agent::{Page, Pages};
use crate::base::Period;
use crate::schedule::{Agenda, JobKey, Task};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A loop that was not alive for so long is not well.
const WELL_WITHIN: Duration = Duration::from_secs(60);

/// How things stand, shared between the loop and the pages.
#[derive(Debug, Clone)]
pub(super) struct Board(Arc<Mutex<Standing>>);

#[derive(Debug)]
struct Standing {
    alive: Instant,
    health: Health,
    last: BTreeMap<String, Last>,
}

#[derive(Debug, Clone, Serialize)]
struct Health {
    /// `ok`, or what is wrong.
    status: &'static str,
    since: Timestamp,
    jobs: usize,
    running: Vec<String>,
    /// Those that receive WAL.
    receivers: Vec<Receiving>,
    policies: Vec<String>,
    /// Why the policy files that stand now are not in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_problem: Option<String>,
}

/// How the last start of a job went.
#[derive(Debug, Clone)]
struct Last {
    labels: String,
    ended: Timestamp,
    seconds: u64,
    code: Option<i32>,
}

impl Board {
    /// A board of a process that begins.
    pub(super) fn new(now: Timestamp) -> Board {
        let health = Health {
            status: "ok",
            since: now,
            jobs: 0,
            running: Vec::new(),
            receivers: Vec::new(),
            policies: Vec::new(),
            policy_problem: None,
        };
        Board(Arc::new(Mutex::new(Standing { alive: Instant::now(), health, last: BTreeMap::new() })))
    }

    fn write(&self) -> MutexGuard<'_, Standing> {
        // What is written is whole at every moment, also after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop is alive.
    pub(super) fn alive(&self, agenda: &Agenda, receivers: Vec<Receiving>) {
        let mut standing = self.write();
        standing.alive = Instant::now();
        standing.health.jobs = agenda.len();
        standing.health.running = agenda.running().map(name).collect();
        standing.health.receivers = receivers;
    }

    /// Which policies are in force, and why others are not.
    pub(super) fn policies(&self, names: Vec<String>, problem: Option<String>) {
        let mut standing = self.write();
        standing.health.policies = names;
        standing.health.policy_problem = problem;
    }

    /// A job ended.
    pub(super) fn ended(&self, key: &JobKey, now: Timestamp, took: Period, code: Option<i32>) {
        let last = Last { labels: labels(key), ended: now, seconds: took.0, code };
        self.write().last.insert(name(key), last);
    }

    /// The pages: `/healthz`, and `/metrics` with what `more` adds to what this process knows of itself.
    pub(super) fn pages(&self, more: &Arc<Scrape>) -> Pages {
        let more = Arc::clone(more);
        let board = self.clone();
        Arc::new(move |path: String| -> Pin<Box<dyn Future<Output = Option<Page>> + Send>> {
            let (board, more) = (board.clone(), Arc::clone(&more));
            Box::pin(async move {
                match path.as_str() {
                    "/healthz" => Some(board.health()),
                    "/metrics" => Some(Page {
                        status: 200,
                        kind: "text/plain; version=0.0.4; charset=utf-8",
                        text: board.metrics() + &more.text().await,
                    }),
                    _ => None,
                }
            })
        })
    }

    fn health(&self) -> Page {
        let standing = self.write();
        let is_well = standing.alive.elapsed() < WELL_WITHIN;
        let health = Health { status: if is_well { "ok" } else { "stuck" }, ..standing.health.clone() };
        let text = serde_json::to_string_pretty(&health).unwrap_or_default() + "\n";
        Page { status: if is_well { 200 } else { 503 }, kind: "application/json", text }
    }

    fn metrics(&self) -> String {
        let standing = self.write();
        let mut out = String::new();
        let mut gauge = |name: &str, help: &str, values: &mut dyn Iterator<Item = (String, String)>| {
            // Writing into a String cannot fail.
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n");
            for (labels, value) in values {
                let _ = writeln!(out, "{name}{labels} {value}");
            }
        };
        let one = |value: usize| std::iter::once((String::new(), value.to_string()));
        let is_valid = usize::from(standing.health.policy_problem.is_none());
        gauge("backstay_agent_jobs", "Jobs that the agent starts.", &mut one(standing.health.jobs));
        gauge("backstay_agent_jobs_running", "Jobs that run now.", &mut one(standing.health.running.len()));
        gauge(
            "backstay_agent_policy_valid",
            "1 when the policy files that stand now are in force.",
            &mut one(is_valid),
        );
        let receivers = |value: fn(&Receiving) -> u64| {
            let all = standing.health.receivers.iter();
            all.map(move |one| {
                let labels = format!("{{policy=\"{}\",database=\"{}\"}}", one.policy, one.database);
                (labels, value(one).to_string())
            })
        };
        gauge(
            "backstay_agent_receiver_running",
            "1 while a process receives the WAL of the database.",
            &mut receivers(|one| u64::from(one.running)),
        );
        gauge(
            "backstay_agent_receiver_starts",
            "How often that process was started since the agent began.",
            &mut receivers(|one| one.starts),
        );
        let last = || standing.last.values();
        gauge(
            "backstay_agent_job_last_end_timestamp_seconds",
            "When the job last ended.",
            &mut last().map(|job| (job.labels.clone(), job.ended.as_second().to_string())),
        );
        gauge(
            "backstay_agent_job_last_duration_seconds",
            "How long its last run took.",
            &mut last().map(|job| (job.labels.clone(), job.seconds.to_string())),
        );
        gauge(
            "backstay_agent_job_last_exit_code",
            "How its last run ended; -1 when it did not end by itself.",
            &mut last().map(|job| (job.labels.clone(), job.code.unwrap_or(-1).to_string())),
        );
        out
    }
}

/// A job in a few words.
pub(super) fn name(key: &JobKey) -> String {
    let (task, tier) = words(&key.task);
    format!("{} {} {task}{}{tier}", key.policy, key.database, if tier.is_empty() { "" } else { " " })
}

/// Names of policies, databases and tiers have no character that would have to be escaped.
fn labels(key: &JobKey) -> String {
    let (task, tier) = words(&key.task);
    format!("{{policy=\"{}\",database=\"{}\",task=\"{task}\",tier=\"{tier}\"}}", key.policy, key.database)
}

fn words(task: &Task) -> (&'static str, &str) {
    match task {
        Task::Tier(tier) => ("run", tier),
        Task::Verify => ("verify", ""),
        Task::Drill => ("drill", ""),
    }
}
