//! What goes wrong while a backup is made: servers, programs and people that end it half way. Nothing may be left that
//! looks like a backup, and the password stands in no argument list.

use crate::support::{
    CANARY, Database, Project, Server, Version, argument_lists, behind, end, large, signal, stopped_in_the_middle,
    until,
};
use std::fs;
use std::io::Write;
use std::process::Stdio;

fn assert_nothing_is_left(project: &Project) {
    for storage in ["near", "far"] {
        assert_eq!(project.files(storage), ["backstay.json"], "{storage}");
    }
}

#[test]
fn a_server_that_dies_in_the_middle_leaves_nothing() {
    // Its own server, ended as a power failure would.
    let server: &'static Server = Box::leak(Box::new(Server::start(Version::Distribution)));
    let source = large(server, "dies");
    let project = Project::new(&source, "");
    let (child, hold) = stopped_in_the_middle(&project, &["backup", "app"]);
    server.kill();
    drop(hold);
    let run = end(child).expect(1);
    assert!(run.stderr.contains("BS527"), "{run:#?}");
    assert_nothing_is_left(&project);
}

#[test]
fn a_backend_that_is_ended_leaves_nothing() {
    let source = large(Server::any(), "ended");
    let project = Project::new(&source, "");
    let (child, hold) = stopped_in_the_middle(&project, &["backup", "app"]);
    let pids = source.server.psql(
        "postgres",
        &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", source.name),
    );
    assert!(pids.contains('t'), "{pids}");
    drop(hold);
    let run = end(child).expect(1);
    assert!(run.stderr.contains("BS527"), "{run:#?}");
    assert_nothing_is_left(&project);
}

#[test]
fn a_dump_program_that_fails_or_stops_after_bytes_leaves_nothing() {
    let source = large(Server::any(), "fails");
    for (ending, code, word) in [
        ("echo 'pg_dump: error: out of luck' >&2; exit 1", "BS528", "out of luck"),
        ("exit 0", "BS534", "incomplete"),
        ("kill -9 $$", "BS528", "signal 9"),
    ] {
        let project = Project::new(&source, "");
        let script = format!("if [ $program = pg_dump ]; then \"$@\" | head -c 2000000; {ending}; else \"$@\"; fi");
        behind(&project, &script);
        let run = project.backstay(&["backup", "app"]).run().expect(1);
        assert!(run.stderr.contains(code) && run.stderr.contains(word), "{run:#?}");
        assert_nothing_is_left(&project);
    }
}

#[test]
fn roles_that_cannot_be_read_leave_nothing() {
    let source = Database::create(Server::any(), "no_roles");
    let project = Project::new(&source, "");
    behind(&project, "if [ $program = pg_dumpall ]; then echo no roles >&2; exit 1; fi; exec \"$@\"");
    let run = project.backstay(&["backup", "app"]).run().expect(1);
    assert!(run.stderr.contains("no roles"), "{run:#?}");
    assert_nothing_is_left(&project);
}

#[test]
fn an_interrupt_leaves_nothing() {
    let source = large(Server::any(), "interrupted");
    let project = Project::new(&source, "");
    let (child, _hold) = stopped_in_the_middle(&project, &["backup", "app"]);
    signal(&child, "-INT");
    let run = end(child).expect(130);
    assert!(run.stdout.is_empty(), "{run:#?}");
    assert_nothing_is_left(&project);
}

#[test]
fn a_second_run_is_kept_out_and_a_killed_one_leaves_no_backup() {
    let source = large(Server::any(), "twice");
    let project = Project::new(&source, "");
    let (mut child, hold) = stopped_in_the_middle(&project, &["backup", "app"]);
    let second = project.backstay(&["backup", "app"]).run().expect(6);
    assert!(second.stderr.contains("BS512") && second.stderr.contains(&child.id().to_string()), "{second:#?}");

    signal(&child, "-KILL");
    child.wait().unwrap();
    drop(hold);
    assert!(!project.files("near").iter().any(|file| file.starts_with("manifest/")));
    // The lock of a process that is gone is taken over at once.
    fs::write(project.path("wrapper"), "#!/bin/sh\nexec \"$@\"\n").unwrap();
    project.backstay(&["backup", "app"]).run().expect(0);
    project.manifest("far");
}

#[test]
fn the_password_stands_in_no_argument_list() {
    let source = large(Server::any(), "hidden");
    for wrapped in [false, true] {
        let project = Project::new(&source, "");
        if wrapped {
            behind(&project, "exec \"$@\"");
        }
        // pg_dump waits for this lock, so that everything stands still while we look.
        let mut holder = source.server.client("psql", &source.name).arg("-Xqt").stdin(Stdio::piped()).spawn().unwrap();
        let mut holding = holder.stdin.take().unwrap();
        writeln!(holding, "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE;").unwrap();
        let locked = format!(
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 't'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = '{}')",
            source.name
        );
        until(|| source.psql(&locked) == "1");
        let child = project.backstay(&["backup", "app"]).into_command().spawn().unwrap();
        let waiting = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock'",
            source.name
        );
        until(|| source.server.psql("postgres", &waiting) == "1");
        let lists = argument_lists(child.id());
        let ours = lists.iter().filter(|list| list.contains("--dbname=application_name")).count();
        assert!(ours >= 2, "{ours} programs were seen");
        for list in lists {
            assert!(!list.contains(&CANARY[..6]), "{list}");
        }
        writeln!(holding, "COMMIT;").unwrap();
        drop(holding);
        holder.wait().unwrap();
        end(child).expect(0);
        let written = project.files("near").into_iter().filter(|file| file.ends_with(".json"));
        for file in written.map(|file| project.path("near").join(file)) {
            assert!(!fs::read_to_string(file).unwrap().contains(&CANARY[..6]));
        }
    }
}
