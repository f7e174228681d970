//! Channels that fail: bounded in time, told by another channel, and never a reason for a backup to fail.

use crate::support::{Canned, Database, Project, Server};
use serde_json::Value;
use std::net::TcpListener;
use std::time::{Duration, Instant};

fn policy(channels: &str, rules: &str) -> String {
    format!("alerts:\n  channels:\n{channels}  rules:\n{rules}")
}

fn sink() -> Canned {
    Canned::start(|_| (200, &[], "ok".to_owned()))
}

fn messages(sink: &Canned) -> Vec<Value> {
    sink.asked().iter().map(|asked| serde_json::from_str(&asked.body).unwrap()).collect()
}

fn project(name: &str, more: &str) -> (Database, Project) {
    let source = Database::create(Server::any(), name);
    source.psql("CREATE TABLE t AS SELECT generate_series(1, 100) n");
    let project = Project::new(&source, more);
    (source, project)
}

#[test]
fn a_channel_that_fails_is_told_by_another_and_hears_later() {
    let channels =
        "    bad: { type: webhook, url: \"${env:BAD}\" }\n    good: { type: webhook, url: \"${env:GOOD}\" }\n";
    let rules = "    - { on: [backup_succeeded], notify: [bad] }\n    - { on: [backup_failed], notify: [bad] }\n";
    let (_source, project) = project("alerts_bad", &policy(channels, rules));
    let (bad, good) = (Canned::start(|_| (500, &[("Retry-After", "0")], "no".to_owned())), sink());
    let call = |url: &str| project.backstay(&["backup", "app"]).env("BAD", url).env("GOOD", good.url());
    let run = call(&bad.url()).run().expect(0);
    assert!(run.stderr.contains("warning[BS751]: the channel `bad`"), "{run:#?}");
    assert_eq!(bad.asked().len(), 3, "tried, and given up");
    let told = messages(&good);
    assert_eq!((told.len(), told[0]["event"].as_str()), (1, Some("channel_failed")));
    assert_eq!(told[0]["command"], "backstay alert test bad --policy backstay.yaml");
    // The same again is no news.
    call(&bad.url()).run().expect(0);
    assert_eq!(good.asked().len(), 1);
    // What lasts is told as soon as the channel works.
    let broken = "postgresql://127.0.0.1:1/nowhere";
    call(&bad.url()).env("DATABASE_URL", broken).run().expect(1);
    let later = sink();
    call(&later.url()).env("DATABASE_URL", broken).run().expect(1);
    assert_eq!(messages(&later).iter().map(|m| m["event"].as_str().unwrap()).collect::<Vec<_>>(), ["backup_failed"]);
}

#[test]
fn a_mail_server_that_hangs_costs_seconds_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        kept.extend(listener.incoming().flatten());
    });
    let channels = format!(
        "    mail: {{ type: email, host: 127.0.0.1, port: {port}, tls: none, from: a@example.org, to: [b@example.org] }}\n    \
         other: {{ type: webhook, url: \"${{env:OTHER}}\" }}\n"
    );
    let rules = "    - { on: [backup_succeeded], notify: [mail, other] }\n";
    let (_source, project) = project("alerts_mail", &policy(&channels, rules));
    let other = sink();
    let begun = Instant::now();
    let run = project.backstay(&["backup", "app"]).env("OTHER", other.url()).run().expect(0);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(run.stderr.contains("the channel `mail` takes nothing"), "{run:#?}");
    let told: Vec<String> = messages(&other).iter().map(|m| m["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, ["backup_succeeded", "channel_failed"]);
}

#[test]
fn without_a_store_it_is_told_all_the_same() {
    let channels = "    hook: { type: webhook, url: \"${env:HOOK}\" }\n";
    let rules = "    - { on: [backup_failed], notify: [hook] }\n";
    let (_source, project) = project("alerts_storeless", &policy(channels, rules));
    for storage in ["near", "far"] {
        std::fs::remove_dir_all(project.path(storage)).unwrap();
        std::fs::write(project.path(storage), "not a folder").unwrap();
    }
    let hook = sink();
    let run = project.backstay(&["backup", "app"]).env("HOOK", hook.url()).run();
    assert_ne!(run.code, Some(0), "{run:#?}");
    let told = messages(&hook);
    assert!(told.iter().any(|m| m["database"] == "app" && m["event"] == "backup_failed"), "{told:#?} {run:#?}");
    assert!(told.iter().all(|m| m["restorable"][0]["is_known"] == false), "{told:#?}");
    // This machine remembers while no store can: the same again is no news, and its end is told once, too.
    let again = project.backstay(&["backup", "app"]).env("HOOK", hook.url()).run();
    assert_ne!(again.code, Some(0), "{again:#?}");
    assert_eq!(messages(&hook).len(), told.len(), "{again:#?}");
    for storage in ["near", "far"] {
        std::fs::remove_file(project.path(storage)).unwrap();
    }
    project.backstay(&["apply", "--yes", "--only", "infra"]).env("HOOK", hook.url()).run().expect(0);
    for _ in 0..2 {
        project.backstay(&["backup", "app"]).env("HOOK", hook.url()).run().expect(0);
        let over = messages(&hook).split_off(told.len());
        assert_eq!(over.len(), told.len(), "{over:#?}");
        assert!(over.iter().all(|m| m["kind"] == "resolved"), "{over:#?}");
    }
}

#[test]
fn a_run_is_framed_by_its_switch_and_checks_in_with_sentry() {
    let channels = "    alive: { type: healthcheck, url: \"${env:ALIVE}/uuid\" }\n    errors: { type: sentry, dsn: \"${env:DSN}\" }\n";
    let rules = "    - { on: [backup_failed], notify: [errors] }\n";
    let source = Database::create(Server::any(), "alerts_run");
    let project = Project::scheduled(&source, &policy(channels, rules));
    let (alive, sentry) = (sink(), sink());
    let call = |arguments: &[&str]| {
        let dsn = format!("http://key-of-project@127.0.0.1:{}/7", sentry.port);
        project.backstay(arguments).env("ALIVE", alive.url()).env("DSN", dsn)
    };
    call(&["apply", "--yes", "--only", "infra"]).run().expect(0);
    let pings = || alive.asked().iter().map(|asked| asked.target.clone()).collect::<Vec<_>>();
    assert_eq!(pings(), Vec::<String>::new());
    call(&["run", "now"]).env("DATABASE_URL", "postgresql://127.0.0.1:1/nowhere").run().expect(1);
    assert_eq!(pings(), ["/uuid/start", "/uuid/fail"]);
    call(&["run", "now"]).run().expect(0);
    call(&["run", "now"]).run().expect(0);
    assert_eq!(pings()[2..], ["/uuid/start", "/uuid", "/uuid/start", "/uuid"]);
    let checks: Vec<Value> = sentry
        .asked()
        .iter()
        .filter(|asked| asked.body.contains("\"type\":\"check_in\""))
        .map(|asked| serde_json::from_str(asked.body.lines().nth(2).unwrap()).unwrap())
        .collect();
    let said: Vec<_> = checks.iter().map(|check| (check["monitor_slug"].as_str(), check["status"].as_str())).collect();
    assert_eq!(said, [(Some("test-app-now"), Some("error")), (Some("test-app-now"), Some("ok"))]);
    assert_eq!(checks[0]["monitor_config"]["schedule"]["value"], "0 0 1 1 *");
}
