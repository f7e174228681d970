//! What goes wrong while a backup is made: servers, programs and people that end it half way. Nothing may be left that
//! looks like a backup, and the password stands in no argument list.

use crate::support::{CANARY, Database, Project, Run, Server, Version};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A database whose dump is larger than all pipes and buffers together.
fn large(server: &'static Server, hint: &str) -> Database {
    let database = Database::create(server, hint);
    database.psql("CREATE TABLE t AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 100000) n");
    database
}

/// `exec` that runs a script in place of docker. In it `$program` is what is run and `"$@"` runs it.
fn behind(project: &Project, script: &str) {
    let head = "#!/bin/bash\nset -o pipefail\nprogram=$5; [ \"$6\" = --version ] && program=version\n";
    let path = project.program("wrapper", &format!("{head}{script}"));
    let bin = fs::read_dir("/usr/lib/postgresql").unwrap().flatten().next().unwrap().path().join("bin");
    let env = format!("PATH={}:/usr/bin:/bin", bin.display());
    let exec =
        format!("    exec: [[{}/none], [env, -i, \"{env}\", {}]]\n", project.path(".").display(), path.display());
    project.edit_policy("    tiers: [now]\n", &format!("    tiers: [now]\n{exec}"));
}

fn assert_nothing_is_left(project: &Project) {
    for storage in ["near", "far"] {
        assert_eq!(project.files(storage), ["backstay.json"], "{storage}");
    }
}

/// Starts a backup whose `pg_dump` stops after some bytes, and returns when it has stopped there.
fn stopped_in_the_middle(project: &Project) -> (Child, File) {
    let fifo = project.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let script = format!(
        "if [ $program = pg_dump ]; then \"$@\" | (head -c 1000000; echo here > {0}; cat {0}; cat); else \"$@\"; fi",
        fifo.display()
    );
    behind(project, &script);
    let child = project.backstay(&["backup", "app"]).into_command().spawn().unwrap();
    let mut line = [0; 5];
    File::open(&fifo).unwrap().read_exact(&mut line).unwrap();
    // Whoever holds this end decides when the dump goes on.
    let hold = fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    (child, hold)
}

fn end(child: Child) -> Run {
    Run::of(&child.wait_with_output().unwrap())
}

fn signal(child: &Child, name: &str) {
    let status = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// The argument lists of a process and of all that it started, as everybody on this machine can read them.
fn argument_lists(of: u32) -> Vec<String> {
    let numbers = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u32)> = numbers
        .filter_map(|pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut family = vec![of];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    let read = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).ok();
    let all = family.into_iter().filter_map(read);
    all.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " ")).collect()
}

#[test]
fn a_server_that_dies_in_the_middle_leaves_nothing() {
    // Its own server, ended as a power failure would.
    let server: &'static Server = Box::leak(Box::new(Server::start(Version::Distribution)));
    let source = large(server, "dies");
    let project = Project::new(&source, "");
    let (child, hold) = stopped_in_the_middle(&project);
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
    let (child, hold) = stopped_in_the_middle(&project);
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
    let (child, _hold) = stopped_in_the_middle(&project);
    signal(&child, "-INT");
    let run = end(child).expect(130);
    assert!(run.stdout.is_empty(), "{run:#?}");
    assert_nothing_is_left(&project);
}

#[test]
fn a_second_run_is_kept_out_and_a_killed_one_leaves_no_backup() {
    let source = large(Server::any(), "twice");
    let project = Project::new(&source, "");
    let (mut child, hold) = stopped_in_the_middle(&project);
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

/// Asks again until it is so; fails after a while.
#[track_caller]
fn until(mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
    }
}
