//! Runs that are stopped, signalled or looked at half way.

use super::{Database, Project, Run, Server};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File};
use std::io::Read;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A database whose dump is larger than all pipes and buffers together.
pub fn large(server: &'static Server, hint: &str) -> Database {
    let database = Database::create(server, hint);
    database.psql("CREATE TABLE t AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 100000) n");
    database
}

/// `exec` that runs a script in place of docker. In it `$program` is what is run and `"$@"` runs it.
pub fn behind(project: &Project, script: &str) {
    let head = "#!/bin/bash\nset -o pipefail\nprogram=$5; [ \"$6\" = --version ] && program=version\n";
    let path = project.program("wrapper", &format!("{head}{script}"));
    let bin = fs::read_dir("/usr/lib/postgresql").unwrap().flatten().next().unwrap().path().join("bin");
    let env = format!("PATH={}:/usr/bin:/bin", bin.display());
    let exec =
        format!("    exec: [[{}/none], [env, -i, \"{env}\", {}]]\n", project.path(".").display(), path.display());
    project.edit_policy("    tiers: [now]\n", &format!("    tiers: [now]\n{exec}"));
}

/// Starts a run whose `pg_dump` stops after some bytes, and returns when it has stopped there. Whoever holds the file
/// decides when the dump goes on.
pub fn stopped_in_the_middle(project: &Project, arguments: &[&str]) -> (Child, File) {
    stopped_in_the_middle_as(project, arguments, |_| ())
}

/// The same of a call that is changed before it starts.
pub fn stopped_in_the_middle_as(
    project: &Project,
    arguments: &[&str],
    change: impl FnOnce(&mut Command),
) -> (Child, File) {
    let fifo = project.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let script = format!(
        "if [ $program = pg_dump ]; then \"$@\" | (head -c 1000000; echo here > {0}; cat {0}; cat); else \"$@\"; fi",
        fifo.display()
    );
    behind(project, &script);
    let mut call = project.backstay(arguments).into_command();
    change(&mut call);
    let child = call.spawn().unwrap();
    let mut line = [0; 5];
    File::open(&fifo).unwrap().read_exact(&mut line).unwrap();
    let hold = fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    (child, hold)
}

/// Lets a dump that was stopped in the middle go on.
pub fn go_on(project: &Project, hold: File) {
    drop(hold);
    // Whoever waits may not have opened the file before its holder let go of it; then it waits for another one.
    let open = || rustix::fs::open(project.path("fifo"), OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) && open().is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// From now on the programs behind the wrapper run to their end.
pub fn unstop(project: &Project) {
    fs::write(project.path("wrapper"), "#!/bin/sh\nexec \"$@\"\n").unwrap();
}

/// Waits for a run to end.
pub fn end(child: Child) -> Run {
    Run::of(&child.wait_with_output().unwrap())
}

/// Sends a signal, named as `kill` wants it: `-INT`.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Asks again until it is so; fails after a while.
#[track_caller]
pub fn until(mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
    }
}

/// The argument lists of a process and of all that it started, as everybody on this machine can read them.
pub fn argument_lists(of: u32) -> Vec<String> {
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
