//! Which moments can be restored, and that a lost segment is seen: by `plan`, `status`, `check`, metrics, `verify`, alerts, and a
//! base backup that is due.

use crate::point_in_time::{archive_all, call};
use crate::support::{Archiving, Canned, Run, Version, until};
use serde_json::Value;
use std::fs;
use std::time::{Duration, SystemTime};

/// A server whose WAL is archived, with a table.
fn field() -> Archiving {
    let field = Archiving::start(Version::Distribution);
    field.archive();
    field.server.psql("postgres", "CREATE TABLE t (n int)");
    field
}

fn lose(field: &Archiving, segment: &str, storages: &[&str]) {
    for storage in storages {
        let keys = field.keys(storage);
        let key = keys.iter().find(|key| key.contains(segment)).unwrap_or_else(|| panic!("{segment}: {keys:?}"));
        fs::remove_file(field.path(storage).join(key)).unwrap();
    }
}

fn write(field: &Archiving, segments: usize) -> Vec<String> {
    let written = (0..segments).map(|n| {
        field.server.psql("postgres", &format!("INSERT INTO t VALUES ({n})"));
        field.finish_segment()
    });
    let written = written.collect();
    archive_all(field);
    written
}

fn planned(field: &Archiving) -> Value {
    call(field, &["plan", "--json"]).run().expect(0).json()["plans"][0].clone()
}

fn standing(field: &Archiving) -> Value {
    let run = call(field, &["status", "--json"]).run();
    run.expect(0).json()["policies"][0].clone()
}

fn kinds(standing: &Value) -> Vec<&str> {
    standing["concerns"].as_array().unwrap().iter().map(|concern| concern["kind"].as_str().unwrap()).collect()
}

/// The lines that verification says of missing WAL.
fn missing(run: &Run) -> Vec<&str> {
    run.stdout.lines().filter(|line| line.contains("is missing") || line.contains("are missing")).collect()
}

/// Makes everything in the archives look as if it had been stored two hours ago.
fn age(field: &Archiving) {
    for storage in ["near", "far"] {
        for key in field.keys(storage) {
            let file = fs::File::options().write(true).open(field.path(storage).join(key)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
        }
    }
}

#[test]
fn a_lost_segment_is_told_with_what_can_be_restored_left_and_right_of_it() {
    let field = field();
    call(&field, &["backup", "main"]).run().expect(0);
    let segments = write(&field, 4);
    call(&field, &["backup", "main"]).run().expect(0);
    write(&field, 2);
    call(&field, &["verify", "main"]).run().expect(0);
    let whole = planned(&field);
    let reach = &whole["restorable"][0];
    assert_eq!((reach["windows"].as_array().unwrap().len(), &reach["gaps"]), (1, &Value::Null), "{reach:#}");
    assert_eq!(reach["windows"][0]["backups"].as_array().unwrap().len(), 2);

    // One storage lacks it: nothing is lost.
    lose(&field, &segments[2], &["near"]);
    let run = call(&field, &["verify", "main"]).run().expect(8);
    assert!(missing(&run).len() == 1 && run.stdout.contains("another storage has it"), "{run:#?}");
    assert!(run.stdout.contains(&segments[2]) && run.stdout.contains("near: wal/main/"), "{run:#?}");
    call(&field, &["verify", "main", "--storage", "far"]).run().expect(0);
    assert_eq!(planned(&field)["restorable"][0]["windows"], reach["windows"]);

    // None has it.
    lose(&field, &segments[2], &["far"]);
    let run = call(&field, &["verify", "main"]).run().expect(8);
    assert_eq!(missing(&run).len(), 2, "{run:#?}");
    assert!(run.stdout.contains(&segments[2]) && run.stdout.contains("restorable are"), "{run:#?}");
    let json = call(&field, &["verify", "main", "--json"]).run().expect(8).json();
    assert_eq!((json["good"].as_bool(), json["damaged"].as_array().unwrap().len()), (Some(false), 2));
    let plan = planned(&field);
    let reach = &plan["restorable"][0];
    let windows = reach["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 2, "{reach:#}");
    assert_eq!(reach["gaps"][0]["first"].as_str(), Some(segments[2].as_str()));
    assert_eq!(
        (&reach["gaps"][0]["lost_from"], &reach["gaps"][0]["lost_until"]),
        (&windows[0]["until"], &windows[1]["from"])
    );
    assert_eq!(reach["gaps"][0]["closed_by"], windows[1]["backups"][0]);
    let text = call(&field, &["plan"]).run().expect(0).stdout;
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.contains("Restorable to any moment")).take(5).collect();
    assert!(lines[2].contains(" of timeline 1") && lines[3].contains(" of timeline 1"), "{text}");
    assert!(lines[4].contains(&format!("WAL is missing: {}", segments[2])), "{text}");
    // A base backup after it closed it: it is shown, and nobody is called.
    let standing = standing(&field);
    assert!(!kinds(&standing).contains(&"wal_gap"), "{standing:#}");
    assert_eq!(standing["databases"][0]["wal"]["windows"].as_array().unwrap().len(), 2);
    let text = call(&field, &["status"]).run().expect(0).stdout;
    assert!(text.contains("2 stretches from 20") && text.contains(&segments[2]), "{text}");
    for format in ["--markdown", "--html"] {
        let file = field.path("report");
        let words = ["report", format, file.to_str().unwrap()];
        let words = if format == "--html" { &words[..] } else { &words[..2] };
        let said = call(&field, words).run().expect(0).stdout;
        let said = if format == "--html" { fs::read_to_string(file).unwrap() } else { said };
        assert!(said.contains(&segments[2]), "{format}: {said}");
    }
    let refused = field.path("refused");
    let words = ["restore", "main", "--target-dir", refused.to_str().unwrap(), "--to-lsn"];
    let lsn = reach["gaps"][0]["end_lsn"].as_str().unwrap();
    let run = call(&field, &[&words[..], &[lsn]].concat()).run().expect(1);
    assert!(run.stderr.contains("BS920"), "{run:#?}");
    assert_eq!(run.stderr.matches("any moment from").count(), 2, "{run:#?}");
    let listed = call(&field, &["list", "main"]).run().expect(0).stdout;
    assert_eq!(listed.matches("any moment: 20").count(), 2, "{listed}");

    // Where the server cannot be asked, what was stored lately may still be followed by what is missing.
    let away = |words: &[&str]| call(&field, words).env("DATABASE_URL", "postgresql://127.0.0.1:1/postgres");
    let run = away(&["verify", "main"]).run().expect(0);
    assert!(run.stderr.contains("may be on its way"), "{run:#?}");
    age(&field);
    field.give_away();
    let run = away(&["verify", "main"]).run().expect(8);
    assert_eq!(missing(&run).len(), 2, "{run:#?}");
}

const SCHEDULED: [(&str, &str); 2] = [
    ("base: { schedule: manual,", "base: { schedule: \"0 3 1 1 *\","),
    ("    encryption: team\n", "    encryption: team\n    objectives: { rpo: 1h }\n"),
];

const ALERTS: &str = "
alerts:
  channels:
    ops: { type: webhook, url: \"${env:HOOK}\" }
  rules:
    - { on: [wal_gap, wal_lag, backup_failed, backup_overdue], notify: [ops] }
";

#[test]
fn behind_a_gap_a_base_backup_is_due_once_and_closes_it() {
    let field = field();
    SCHEDULED.iter().for_each(|(from, to)| field.edit_policy(from, to));
    let policy = fs::read_to_string(field.path("policy.yaml")).unwrap() + ALERTS;
    field.write_policy(&policy);
    let hook = Canned::start(|_| (200, &[], String::new()));
    let call = |words: &[&str]| call(&field, words).env("HOOK", hook.url());
    let told = || {
        let all = hook.asked();
        let kinds = all.iter().map(|asked| serde_json::from_str::<Value>(&asked.body).unwrap());
        kinds.map(|m| format!("{} {}", m["kind"].as_str().unwrap(), m["event"].as_str().unwrap())).collect::<Vec<_>>()
    };
    call(&["backup", "main"]).run().expect(0);
    let segments = write(&field, 4);
    let due = || call(&["plan", "--only", "backups", "--json"]).run().expect(0).json()["plans"][0]["actions"].clone();
    assert_eq!(due().as_array().unwrap().len(), 0);
    let loss = standing_of(&call)["databases"][0]["rpo"].clone();
    assert_eq!((loss["verdict"].as_str(), loss["measured_seconds"].as_u64()), (Some("met"), Some(0)), "{loss:#}");
    assert_eq!(loss["evidence"].as_str(), Some("wal"));
    let numbers = call(&["metrics"]).run().expect(0).stdout;
    assert!(numbers.contains("backstay_wal_cut_off{policy=\"test\",database=\"main\"} 0"), "{numbers}");

    lose(&field, &segments[1], &["near", "far"]);
    let actions = due();
    assert_eq!(actions.as_array().unwrap().len(), 1, "{actions:#}");
    assert_eq!(actions[0]["address"].as_str(), Some("backup/main/base"));
    let reason = actions[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("WAL is missing from 0/") && reason.contains("only from a new base backup"), "{reason}");
    assert!(kinds(&standing_of(&call)).contains(&"wal_gap"));
    let check = call(&["check"]).run().expect(2).stdout;
    assert!(check.starts_with("BACKSTAY CRITICAL - main: WAL is missing from"), "{check}");
    let numbers = call(&["metrics"]).run().expect(0).stdout;
    assert!(numbers.contains("backstay_wal_cut_off{policy=\"test\",database=\"main\"} 1"), "{numbers}");
    assert!(numbers.contains("backstay_wal_gaps{policy=\"test\",database=\"main\"} 1"), "{numbers}");
    // Whoever runs next tells it; here it is a verification that finds the damage, too.
    call(&["verify", "main"]).run().expect(8);
    assert!(told().contains(&"new wal_gap".to_owned()), "{:?}", told());

    call(&["apply", "--yes", "--only", "backups"]).run().expect(0);
    archive_all(&field);
    assert_eq!(due().as_array().unwrap().len(), 0);
    assert!(!kinds(&standing_of(&call)).contains(&"wal_gap"));
    call(&["verify", "main"]).run().expect(8);
    assert!(told().contains(&"resolved wal_gap".to_owned()), "{:?}", told());
    // On demand nothing is planned, and that is a problem of the plan.
    field.edit_policy("schedule: \"0 3 1 1 *\"", "schedule: manual");
    let more = write(&field, 3);
    lose(&field, &more[1], &["near", "far"]);
    let run = call(&["plan", "--json"]).run().expect(1).json();
    let notes = run["plans"][0]["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note["is_problem"] == true && note["about"] == "databases.main.wal"), "{run:#}");
}

fn standing_of(call: &dyn Fn(&[&str]) -> crate::support::Backstay) -> Value {
    call(&["status", "--json"]).run().expect(0).json()["policies"][0].clone()
}

#[test]
fn wal_that_waits_is_late_and_an_idle_server_is_not() {
    let field = field();
    let policy = fs::read_to_string(field.path("policy.yaml")).unwrap()
        + &ALERTS.replace("  rules:", "  thresholds: { wal_lag: 2s }\n  rules:");
    field.write_policy(&policy);
    let hook = Canned::start(|_| (200, &[], String::new()));
    let call = |words: &[&str]| call(&field, words).env("HOOK", hook.url());
    let wal = || standing_of(&call)["databases"][0]["wal"].clone();
    call(&["backup", "main"]).run().expect(0);
    write(&field, 1);
    // Nothing was written since, however long ago that was.
    age(&field);
    field.give_away();
    let idle = wal();
    assert_eq!((idle["lag_seconds"].as_u64(), idle["server_asked"].as_bool()), (Some(0), Some(true)), "{idle:#}");
    assert!(!kinds(&standing_of(&call)).contains(&"wal_lag"));

    let server = &field.server;
    server.psql("postgres", "ALTER SYSTEM SET archive_command = '/bin/false'");
    server.psql("postgres", "SELECT pg_reload_conf()");
    // Whoever archives ahead would still take it along.
    until(|| field.ahead().is_empty());
    field.finish_segment();
    until(|| kinds(&standing_of(&call)).contains(&"wal_lag"));
    let late = wal();
    // Since the segment was finished, not since the last one was stored.
    assert!((2..600).contains(&late["lag_seconds"].as_u64().unwrap()), "{late:#}");
    until(|| call(&["status"]).run().expect(0).stdout.contains("PostgreSQL could not archive 0000000"));
    call(&["check"]).run().expect(1);
    call(&["verify", "main"]).run().expect(0);
    let told = || hook.asked().iter().map(|asked| asked.body.clone()).collect::<Vec<_>>();
    assert!(told().iter().any(|body| body.contains("wal_lag") && body.contains("\"new\"")), "{:?}", told());

    field.archive();
    until(|| !kinds(&standing_of(&call)).contains(&"wal_lag"));
    call(&["verify", "main"]).run().expect(0);
    assert!(told().iter().any(|body| body.contains("wal_lag") && body.contains("\"resolved\"")), "{:?}", told());
    // Where it cannot be asked, the age of the newest counts.
    age(&field);
    field.give_away();
    let away =
        call(&["status", "--json"]).env("DATABASE_URL", "postgresql://127.0.0.1:1/postgres").run().expect(0).json();
    let wal = &away["policies"][0]["databases"][0]["wal"];
    assert_eq!(wal["server_asked"].as_bool(), Some(false));
    assert!(
        wal["lag_seconds"].as_u64().unwrap() > 7000 && kinds(&away["policies"][0]).contains(&"wal_lag"),
        "{away:#}"
    );
}
