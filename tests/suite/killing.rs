//! `kill -9` at random moments of `apply`: what is listed is whole, and the next run goes on from there.
//!
//! `BACKSTAY_KILLS=50` kills fifty times; `BACKSTAY_SEED` repeats the moments of a run.

use crate::support::{
    Backstay, Database, Dice, Project, Server, assert_leftover_free, faketime, rounds, shell, signal,
};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// So many days go well at first.
const UNHURT: u32 = 5;

/// A call on a day of the story. Every day a backup is due, and some are pruned.
fn on(project: &Project, day: u32, arguments: &[&str]) -> Backstay {
    let first: jiff::Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let now = first + jiff::SignedDuration::from_hours(24 * i64::from(day));
    faketime(project.backstay(arguments), &now.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Two storages with different `keep`, encrypted with age.
fn project(source: &Database) -> Project {
    let encryption = "    encryption: team\nencryption:\n  team:\n    type: age\n    recipients: [KEY]\n    \
                      identity: ${file:{folder}/key}\n";
    let project = Project::without_repositories(source, encryption);
    let printed = shell(source.server, &project.path("."), "age-keygen -o key 2>&1");
    project.edit_policy("KEY", String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap());
    project.edit_policy("schedule: manual", "schedule: \"0 2 * * *\"");
    project.edit_policy("keep: 7d", "keep: { last: 2 }");
    project.edit_policy("keep: 30d", "keep: { last: 4 }");
    project
}

#[test]
fn wherever_apply_is_killed_what_is_listed_is_whole() {
    let source = Database::create(Server::any(), "killed");
    source.psql(
        "CREATE TABLE t AS SELECT n, md5(n::text) || md5((n + 1)::text) AS text FROM generate_series(1, 60000) n",
    );
    let project = project(&source);
    // After these days every run also deletes.
    let mut whole = Duration::ZERO;
    for day in 0..UNHURT {
        let begun = Instant::now();
        on(&project, day, &["apply", "--yes"]).run().expect(0);
        whole = begun.elapsed();
    }
    let mut dice = Dice::thrown();
    let kills = rounds("BACKSTAY_KILLS", 12);
    let mut killed = 0;
    for day in UNHURT..UNHURT + kills {
        // A little beyond the usual end: how long a run takes varies.
        let moment = Duration::from_micros(dice.below(whole.as_micros() as usize * 3 / 2) as u64);
        let mut child = on(&project, day, &["apply", "--yes"]).into_command().spawn().unwrap();
        // Not a wait for something: the moment of death is what is tried.
        std::thread::sleep(moment);
        signal(&child, "-KILL");
        killed += u32::from(child.wait().unwrap().code().is_none());

        let what = format!("day {day}, killed after {moment:?} of {whole:?}");
        let verified = on(&project, day, &["verify", "--deep", "--json"]).run();
        assert_eq!(verified.code, Some(0), "{what}: {verified:#?}");
        let listed = on(&project, day, &["list", "--json"]).run().expect(0).json();
        let copies = listed["databases"][0]["backups"].as_array().unwrap().iter().flat_map(|backup| {
            let copies = backup["copies"].as_array().unwrap();
            copies.iter().map(|copy| copy["state"].as_str().unwrap_or_default())
        });
        let states: Vec<&str> = copies.collect();
        assert!(!states.is_empty() && states.iter().all(|state| *state == "verified"), "{what}: {listed:#}");
    }
    println!("{killed} of {kills} runs were killed before their end, within {whole:?}");
    assert!(killed > 0);

    let last = UNHURT + kills;
    on(&project, last, &["apply", "--yes"]).run().expect(0);
    let run = on(&project, last, &["plan", "--detailed-exitcode"]).run().expect(0);
    assert!(run.stdout.contains("Nothing to do") && !run.stdout.contains("interrupted"), "{run:#?}");
    on(&project, last, &["verify", "--deep"]).run().expect(0);
    assert_leftover_free(&project);
    forget_clocks();
    for (storage, n) in [("near", 2), ("far", 4)] {
        let files = project.files(storage);
        let is_manifest = |file: &&String| file.starts_with("manifest/") && !file.ends_with(".verified.json");
        assert_eq!(files.iter().filter(is_manifest).count(), n, "{files:?}");
    }
}

/// Killed processes cannot give back what libfaketime keeps of them.
fn forget_clocks() {
    for entry in fs::read_dir("/dev/shm").unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let pid = name.strip_prefix("faketime_shm_").or_else(|| name.strip_prefix("sem.faketime_sem_"));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
