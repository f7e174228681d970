//! The agent on days that do not go well: what it starts then, and when, and how it ends.

use crate::support::{Agent, FIRST, Site, at, later, signal, until};
use jiff::{SignedDuration, Timestamp};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

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
