//! Migrations: a backup before, the command as it is, and the way back.

use crate::support::{Database, Project, Server};
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn source() -> Database {
    let source = Database::create(Server::any(), "guarded");
    source.psql("CREATE TABLE orders AS SELECT n FROM generate_series(1, 100) n");
    source
}

fn psql(source: &Database) -> String {
    source.server.bin.join("psql").display().to_string()
}

#[test]
fn a_good_migration_costs_a_backup_and_nothing_else() {
    let source = source();
    let project = Project::new(&source, "");
    let (psql, url) = (psql(&source), source.url());
    let words = ["guard", "app", "--tier", "now", "--", &psql, &url, "-qXAtc", "CREATE TABLE audit (x int); SELECT 42"];
    let run = project.backstay(&words).run().expect(0);
    assert_eq!(run.stdout, "42\n", "standard output is the command's");
    assert!(run.stderr.contains("is backed up"), "{run:#?}");
    assert_eq!(project.manifest("near").tables.len(), 1, "the backup is of before");
    assert_eq!(source.psql("SELECT count(*) FROM audit").trim(), "0");
}

#[test]
fn a_failing_migration_keeps_its_code_and_the_way_back_is_told_and_works() {
    let source = source();
    let project = Project::new(&source, "");
    let (psql, url) = (psql(&source), source.url());
    let broken = "CREATE TABLE audit (x int); DELETE FROM orders WHERE n > 10; ";
    let words = ["guard", "app", "--", "sh", "-c", "\"$0\" \"$1\" -qXc \"$2\"; exit 3", &psql, &url, broken];
    let run = project.backstay(&words).run().expect(3);
    let id = project.manifest("near").id.to_string();
    assert!(run.stderr.contains("BS803") && run.stderr.contains("exit code 3"), "{run:#?}");
    assert!(run.stderr.contains(&format!("backstay rollback app --to {id}")), "{run:#?}");
    assert_eq!(source.psql("SELECT count(*) FROM orders").trim(), "10");
    // Nobody can be asked here, so nothing is done; what would be lost is told.
    let asked = project.backstay(&["rollback", "app"]).run().expect(4);
    assert!(asked.stderr.contains(&id) && asked.stderr.contains("public.audit goes"), "{asked:#?}");
    assert_eq!(source.psql("SELECT count(*) FROM orders").trim(), "10");
    project.backstay(&["rollback", "app", "--yes"]).run().expect(0);
    assert_eq!(source.psql("SELECT count(*) FROM orders").trim(), "100");
    assert_eq!(source.psql("SELECT to_regclass('audit') IS NULL").trim(), "t");
    // Going back took a backup of what it replaced; going back again does not bring that.
    let again = project.backstay(&["rollback", "app", "--dry-run"]).run().expect(0);
    assert!(again.stderr.contains(&format!("Back to {id}")), "{again:#?}");
    let kept = source
        .server
        .psql("postgres", &format!("SELECT datname FROM pg_database WHERE datname LIKE '{}\\_before%'", source.name));
    source.server.psql("postgres", &format!("DROP DATABASE \"{}\"", kept.trim()));
}

#[test]
fn a_failing_migration_is_taken_back_when_that_is_asked_for() {
    let source = source();
    let project = Project::new(&source, "");
    let (psql, url) = (psql(&source), source.url());
    let script = "\"$0\" \"$1\" -qXc 'DROP TABLE orders'; kill -TERM $$";
    let words = ["guard", "app", "--rollback-on-failure", "--", "sh", "-c", script, &psql, &url];
    let run = project.backstay(&words).run().expect(143);
    assert!(run.stderr.contains("signal 15"), "{run:#?}");
    assert_eq!(source.psql("SELECT count(*) FROM orders").trim(), "100");
    let kept = source
        .server
        .psql("postgres", &format!("SELECT datname FROM pg_database WHERE datname LIKE '{}\\_before%'", source.name));
    source.server.psql("postgres", &format!("DROP DATABASE \"{}\"", kept.trim()));
}

#[test]
fn without_a_backup_the_command_is_not_run() {
    let source = source();
    let project = Project::without_repositories(&source, "");
    let run = project.backstay(&["guard", "app", "--", "touch", "touched"]).run().expect(1);
    assert!(run.stderr.contains("was not run") && !project.path("touched").exists(), "{run:#?}");
    project.backstay(&["guard", "none", "--", "touch", "touched"]).run().expect(1);
    project.backstay(&["guard", "app"]).run().expect(64);
    assert!(!project.path("touched").exists());
    let project = Project::new(&source, "");
    project.backstay(&["guard", "app", "--", "/no/such/program"]).run().expect(127);
}

#[test]
fn signals_reach_the_command_and_it_is_waited_for() {
    let source = source();
    let project = Project::new(&source, "");
    let script = "trap 'echo told; exit 5' TERM; echo ready > ready; while :; do sleep 0.05; done";
    let mut command = project.backstay(&["guard", "app", "--", "sh", "-c", script]).into_command();
    let child = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while !project.path("ready").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "the command does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(5), &b"told\n"[..]));
}
