//! Drills: a backup really restores, or it is said what is wrong with it; and nothing is left behind.

use crate::support::{Canned, Database, Project, Server, assert_leftover_free, shell};
use backstay::catalog::{DrillRecord, Manifest, seal};
use serde_json::Value;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const DRILL: &str = "    drill:
      schedule: \"0 5 1 1 *\"
      checks:
        - { sql: \"SELECT count(*) FROM orders\", expect: \"> 99\" }
        - { sql: \"SELECT state FROM orders WHERE n = 7\", expect: \"= paid\" }
        - { sql: \"SELECT 1 FROM orders WHERE n > 100\", expect: no rows }
    objectives: { rto: 1h }
";

/// A database with owners, grants and a policy of row security that roles of its server have a part in.
fn source() -> Database {
    let source = Database::create(Server::any(), "drilled");
    source.server.psql(
        "postgres",
        "DO $$ BEGIN CREATE ROLE \"drill owner\"; CREATE ROLE drill_reader; EXCEPTION WHEN duplicate_object THEN END $$",
    );
    source.psql(
        "CREATE TABLE orders AS SELECT n, 'paid' AS state FROM generate_series(1, 100) n;
         ALTER TABLE orders OWNER TO \"drill owner\"; GRANT SELECT ON orders TO drill_reader;
         ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY readers ON orders FOR SELECT TO drill_reader USING (n > 50)",
    );
    source
}

/// A project whose backups are encrypted with age, with a folder of its own for throwaway servers.
fn project(source: &Database, more: &str) -> Project {
    let encryption = "    encryption: team\nencryption:\n  team:\n    type: age\n    recipients: [KEY]\n    \
                      identity: ${file:{folder}/key}\n";
    let project = Project::new(source, &format!("{more}{encryption}"));
    let printed = shell(source.server, &project.path("."), "age-keygen -o key 2>&1");
    let public = String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap().to_owned();
    project.edit_policy("KEY", &public);
    project
}

/// A short folder for temporary files: the path of a socket is bounded.
fn temporary() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("bd").tempdir_in("/tmp").unwrap();
    use std::os::unix::fs::PermissionsExt;
    // The account of the server must get through.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn drills(project: &Project, storage: &str) -> Vec<DrillRecord> {
    let reading = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(project.repository(storage).read()).unwrap().drills
    };
    std::thread::scope(|scope| scope.spawn(reading).join().unwrap())
}

/// Changes the manifest of the only backup in both storages, seal included: what a program with a fault would have written.
fn falsify(project: &Project, change: impl Fn(&mut Manifest)) {
    for storage in ["near", "far"] {
        let mut manifest = project.manifest(storage);
        let key = format!("manifest/{}/{}/{}.json", manifest.tier, manifest.database, manifest.id);
        change(&mut manifest);
        fs::write(project.path(storage).join(key), seal(&manifest)).unwrap();
    }
}

/// The records of verification and drills below a folder.
fn proofs(folder: &Path) -> Vec<PathBuf> {
    let all = left_in(folder).into_iter().flat_map(|path| if path.is_dir() { proofs(&path) } else { vec![path] });
    let is_proof = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.ends_with(".verified.json") || name == "drills.json"
    };
    all.filter(is_proof).collect()
}

fn left_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn an_encrypted_backup_passes_and_the_evidence_is_kept_in_every_store() {
    let source = source();
    let project = project(&source, DRILL);
    project.backstay(&["backup", "app"]).run().expect(0);
    let tmp = temporary();
    let run = project.backstay(&["drill", "app", "--json"]).env("TMPDIR", tmp.path()).run().expect(0);
    let json = run.json();
    assert_eq!(json["passed"], true, "{json:#}");
    let drill = &json["drills"][0];
    assert_eq!((&drill["compared"]["rows"], &drill["checks"][1]["answer"]), (&100.into(), &"paid".into()));
    let id = project.manifest("near").id;
    for storage in ["near", "far"] {
        let kept = drills(&project, storage);
        assert_eq!((kept.len(), &kept[0].id, kept[0].has_passed()), (1, &id, true), "{kept:#?}");
        assert!(kept[0].restore_ms.is_some() && kept[0].rto_seconds == Some(3600));
        // The same major version as the server it was taken from.
        let major = |version: &str| version.split('.').next().unwrap().to_owned();
        assert_eq!(major(&kept[0].server_version), major(&project.manifest(storage).source.server_version));
    }
    assert_eq!(left_in(tmp.path()), Vec::<PathBuf>::new());
    assert_leftover_free(&project);
    // The original was not touched, and an ordinary deep verification finds the file of drills sound.
    assert_eq!(source.psql("SELECT count(*) FROM orders").trim(), "100");
    project.backstay(&["verify", "--deep"]).run().expect(0);
}

/// The server of a drill has no tablespaces but its own.
#[test]
fn a_database_in_tablespaces_of_its_own_passes() {
    let source = source();
    let words = ["-Xq", "-c", "SET allow_in_place_tablespaces = on", "-c", "CREATE TABLESPACE fast LOCATION ''"];
    assert!(source.server.client("psql", "postgres").args(words).status().unwrap().success());
    source.psql("CREATE TABLE placed (n int) TABLESPACE fast; CREATE INDEX placed_n ON placed (n) TABLESPACE fast");
    source.psql("INSERT INTO placed SELECT generate_series(1, 10)");
    let project = project(&source, DRILL);
    project.backstay(&["backup", "app"]).run().expect(0);
    let run = project.backstay(&["drill", "app", "--json"]).run().expect(0);
    assert_eq!(run.json()["drills"][0]["compared"]["tables"], 2, "{run:#?}");
    // Where the backup is really needed and the disks are others, one says so.
    source.psql("DROP TABLE placed");
    source.server.psql("postgres", "DROP TABLESPACE fast");
    let copy = Database::name_only(source.server, "unplaced");
    let words = ["restore", "app", "--into", &copy.name, "--yes"];
    let refused = project.backstay(&words).run().expect(1);
    assert!(refused.stderr.contains("fast"), "{refused:#?}");
    project.backstay(&[&words[..], &["--no-tablespaces"]].concat()).run().expect(0);
    assert_eq!(copy.psql("SELECT count(*) FROM placed").trim(), "10");
}

#[test]
fn a_row_that_is_missing_fails_the_drill_and_so_does_a_check() {
    let source = source();
    let project = project(&source, DRILL);
    project.backstay(&["backup", "app"]).run().expect(0);
    falsify(&project, |manifest| manifest.tables[0].rows += 1);
    let run = project.backstay(&["drill", "app"]).run().expect(8);
    assert!(run.stderr.contains("BS800") && run.stderr.contains("100 rows instead of 101"), "{run:#?}");
    falsify(&project, |manifest| manifest.tables[0].rows -= 1);
    project.edit_policy("\"> 99\"", "\"> 100\"");
    let run = project.backstay(&["drill", "app"]).run().expect(8);
    assert!(run.stderr.contains("must answer `> 100`: it is 100"), "{run:#?}");
    let kept = drills(&project, "near");
    assert_eq!(kept.iter().map(DrillRecord::has_passed).collect::<Vec<_>>(), [false, false]);
    project.edit_policy("\"> 100\"", "\"> 99\"");
    project.backstay(&["drill", "app"]).run().expect(0);
    assert_eq!(drills(&project, "far").len(), 3);
}

#[test]
fn a_failed_drill_is_told_and_seen_and_one_that_passes_ends_it() {
    let source = source();
    let project = project(&source, DRILL);
    let sink = Canned::start(|_| (200, &[], "ok".to_owned()));
    let alerts = format!(
        "alerts:\n  channels: {{ hook: {{ type: webhook, url: \"{}/x\" }} }}\n  rules: [{{ on: [drill_failed], notify: [hook] }}]\n",
        sink.url()
    );
    project.edit_policy("version: 1\n", &format!("version: 1\n{alerts}"));
    project.backstay(&["backup", "app"]).run().expect(0);
    let id = project.manifest("near").id;
    falsify(&project, |manifest| manifest.tables[0].rows += 1);
    let told = || -> Vec<serde_json::Value> {
        sink.asked().iter().map(|asked| serde_json::from_str(&asked.body).unwrap()).collect()
    };
    project.backstay(&["drill", "app"]).run().expect(8);
    project.backstay(&["drill", "app"]).run().expect(8);
    let messages = told();
    assert_eq!(messages.len(), 1, "{messages:#?}");
    assert_eq!((&messages[0]["kind"], &messages[0]["event"]), (&"new".into(), &"drill_failed".into()));
    assert_eq!(messages[0]["database"], "app");
    let seen = |words: &[&str]| project.backstay(words).run().stdout;
    assert!(seen(&["status"]).contains("drill"), "{}", seen(&["status"]));
    project.backstay(&["report", "--html", "report.html"]).run().expect(0);
    let page = fs::read_to_string(project.path("report.html")).unwrap();
    assert!(page.contains("failed") && page.contains(id.as_str()), "{page}");
    falsify(&project, |manifest| manifest.tables[0].rows -= 1);
    project.backstay(&["drill", "app"]).run().expect(0);
    let messages = told();
    assert_eq!((messages.len(), &messages[1]["kind"]), (2, &"resolved".into()), "{messages:#?}");
}

#[test]
fn what_keeps_a_drill_from_being_held_is_no_finding() {
    let source = source();
    let project = project(&source, DRILL);
    let run = project.backstay(&["drill", "app"]).run().expect(1);
    assert!(run.stderr.contains("BS540"), "{run:#?}");
    project.backstay(&["backup", "app"]).run().expect(0);
    fs::rename(project.path("key"), project.path("elsewhere")).unwrap();
    let run = project.backstay(&["drill", "app", "--json"]).run().expect(1);
    assert_eq!(run.json()["not_held"][0]["code"], "BS517", "{run:#?}");
    project.backstay(&["drill", "nothing"]).run().expect(1);
    assert_eq!(drills(&project, "near"), []);
}

#[test]
fn time_that_runs_out_fails_the_drill() {
    let source = source();
    let project = project(&source, &DRILL.replace("      checks:", "      max_duration: 2s\n      checks:"));
    project.edit_policy("SELECT count(*) FROM orders", "SELECT 100 FROM pg_sleep(60)");
    project.backstay(&["backup", "app"]).run().expect(0);
    let tmp = temporary();
    let run = project.backstay(&["drill", "app"]).env("TMPDIR", tmp.path()).run().expect(8);
    assert!(run.stderr.contains("not done after 2s"), "{run:#?}");
    assert_eq!(left_in(tmp.path()), Vec::<PathBuf>::new());
}

#[test]
fn an_interrupt_cleans_up_and_a_kill_is_cleaned_up_by_the_next() {
    let source = source();
    let project = project(&source, DRILL);
    project.edit_policy("SELECT count(*) FROM orders", "SELECT 100 FROM pg_sleep(600)");
    project.backstay(&["backup", "app"]).run().expect(0);
    let tmp = temporary();
    let begin = || {
        let mut command = project.backstay(&["drill", "app"]).env("TMPDIR", tmp.path()).into_command();
        let child = command.process_group(0).spawn().unwrap();
        // The check sleeps as soon as the restored database is there.
        let begun = Instant::now();
        let is_asking = || {
            left_in(tmp.path()).iter().any(|folder| {
                let ask = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
                let mut psql = source.server.client("psql", "postgres");
                psql.env_remove("PGPASSWORD").env_remove("PGPORT");
                psql.env("PGHOST", folder.join("socket")).env("PGUSER", "postgres").env("PGDATABASE", "postgres");
                psql.args(["-XAtc", ask]).output().is_ok_and(|output| output.stdout == b"1\n")
            })
        };
        while !is_asking() {
            assert!(begun.elapsed() < Duration::from_secs(120), "the drill does not get to its check");
            std::thread::sleep(Duration::from_millis(100));
        }
        child
    };
    let end = |child: std::process::Child, signal: i32| {
        let pid = rustix::process::Pid::from_child(&child);
        let signal = if signal == 2 { rustix::process::Signal::INT } else { rustix::process::Signal::KILL };
        rustix::process::kill_process(pid, signal).unwrap();
        child.wait_with_output().unwrap().status.code()
    };
    assert_eq!(end(begin(), 2), Some(130));
    assert_eq!(left_in(tmp.path()), Vec::<PathBuf>::new());
    assert_eq!(end(begin(), 9), None);
    assert_eq!(left_in(tmp.path()).len(), 1);
    project.edit_policy("SELECT 100 FROM pg_sleep(600)", "SELECT count(*) FROM orders");
    project.backstay(&["drill", "app"]).env("TMPDIR", tmp.path()).run().expect(0);
    assert_eq!(left_in(tmp.path()), Vec::<PathBuf>::new());
    assert_leftover_free(&project);
}

#[test]
fn a_server_that_is_given_is_left_as_it_was() {
    let source = source();
    let project = project(&source, DRILL);
    project.backstay(&["backup", "app"]).run().expect(0);
    let databases =
        || source.server.psql("postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'backstay_drill%'");
    let url = source.server.url("postgres");
    let server = project.backstay(&["drill", "app", "--server", "${env:SCRATCH}"]).env("SCRATCH", url);
    server.run().expect(0);
    assert_eq!(databases(), "");
    assert!(drills(&project, "near")[0].has_passed());
}

#[test]
fn a_run_verifies_and_drills_what_is_due_once() {
    let source = source();
    let lines = format!("{DRILL}    verify: {{ schedule: \"0 5 1 1 *\", level: deep }}\n");
    let project = project(&source, &lines);
    project.edit_policy("schedule: manual", "schedule: \"0 0 1 1 *\"");
    // The first backup is proven at the next instant of the schedules, not before.
    let first = project.backstay(&["run", "now"]).run().expect(0);
    assert!(first.stdout.contains("Applied") && !first.stdout.contains("passed"), "{first:#?}");
    let verified = project.backstay(&["verify", "app", "--due"]).run().expect(0);
    assert!(verified.stderr.contains("no verification is due"), "{verified:#?}");
    assert_eq!(drills(&project, "near"), []);
    // Schedules know whole minutes, so one has to go by.
    let now = jiff::Timestamp::now().as_second();
    let next = now - now % 60 + 60;
    let minute = next / 60 % 60;
    project.edit_policy("schedule: \"0 5 1 1 *\"", &format!("schedule: \"{minute} * * * *\""));
    std::thread::sleep(Duration::from_secs(u64::try_from(next - now).unwrap()));
    let second = project.backstay(&["run"]).run().expect(0);
    assert!(second.stdout.contains("2 copies verified down to every row"), "{second:#?}");
    assert!(second.stdout.contains("passed"), "{second:#?}");
    let third = project.backstay(&["run", "now", "app", "--json"]).run().expect(0).json();
    assert_eq!((&third["verified"], &third["drilled"], &third["exit_code"]), (&Value::Null, &Value::Null, &0.into()));
    assert_eq!(third["applied"][0]["policy"], "test");
    // Asked for again, all of it is one document.
    let records: Vec<_> = ["near", "far"].map(|storage| project.path(storage).join("manifest")).into();
    for file in records.iter().flat_map(|folder| proofs(folder)) {
        fs::remove_file(file).unwrap();
    }
    let fourth = project.backstay(&["run", "--json"]).run().expect(0).json();
    assert_eq!((&fourth["drilled"]["passed"], &fourth["exit_code"]), (&true.into(), &0.into()), "{fourth:#}");
    assert!(fourth["verified"]["copies"].is_array() || fourth["verified"].is_object(), "{fourth:#}");
    let due = project.backstay(&["drill", "app", "--due"]).run().expect(0);
    assert!(due.stderr.contains("no drill is due"), "{due:#?}");
    assert_eq!(drills(&project, "far").len(), 1);
}
