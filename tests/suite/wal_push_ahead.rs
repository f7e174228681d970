//! The process that `wal push` starts for what is ready: a help that nobody waits for, and that promises nothing.

use crate::support::{Archiving, Server, Version, argument_lists, until};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

fn ready(archiving: &Archiving) -> usize {
    let status = archiving.server.data().join("pg_wal/archive_status");
    let names = fs::read_dir(status).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".ready")).count()
}

#[test]
fn what_failed_ahead_is_told_by_the_call_that_asks_and_logged() {
    let archiving = Archiving::start(Version::Distribution);
    let segments: Vec<String> = (0..4).map(|_| archiving.finish_segment()).collect();
    archiving.push(&segments[0]).run().expect(0);
    archiving.until_noted(&segments[1..]);
    archiving.kill_ahead();
    let log = archiving.path("log");
    // Another server stored another content of the third one.
    let key = archiving.keys("far").remove(2);
    let digest = key.rsplit_once('-').unwrap().1.split('.').next().unwrap().to_owned();
    let other = archiving.path("far").join(key.replace(&digest, "00000000000000000000000000000000"));
    for storage in ["near", "far"] {
        fs::remove_dir_all(archiving.path(storage).join("wal")).unwrap();
    }
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, b"other").unwrap();
    fs::remove_dir_all(archiving.path("state")).unwrap();
    archiving.give_away();
    let push = |segment: &str| {
        let (path, state) = (archiving.server.data().join("pg_wal").join(segment), archiving.path("state"));
        let words =
            ["wal", "push", path.to_str().unwrap(), "--database", "main", "--state-dir", state.to_str().unwrap()];
        archiving.backstay(&[&words, ["--log-file", log.to_str().unwrap()].as_slice()].concat())
    };
    push(&segments[0]).run().expect(0);
    let state = archiving.path("state/wal/main").join(archiving.system());
    let failed = state.join("ahead").join(format!("{}.failed", segments[2]));
    until(|| failed.exists() && archiving.ahead().is_empty());
    assert!(fs::read_to_string(&log).unwrap().contains("it was to be archived ahead, and far failed"));
    push(&segments[1]).run().expect(0);
    // It would fail again: none is started.
    assert_eq!(archiving.ahead(), Vec::<u32>::new());
    let told = push(&segments[2]).run().expect(1).stderr;
    assert!(told.contains("it was to be archived ahead, and far failed") && told.contains("BS862"), "{told}");
    // Nothing was stored in its stead, and nothing of it is forgotten once it is mended.
    assert!(!archiving.files("near").contains(&segments[3]) || archiving.files("far").contains(&segments[3]));
    fs::remove_file(other).unwrap();
    let told = push(&segments[2]).run().expect(0).stderr;
    assert!(!told.contains("ahead"), "{told}");
    push(&segments[3]).run().expect(0);
    assert_eq!((archiving.files("near"), archiving.files("far")), (segments.clone(), segments));
}

#[test]
fn a_policy_that_was_changed_ends_it() {
    let archiving = Archiving::start(Version::Distribution);
    let segments: Vec<String> = (0..3).map(|_| archiving.finish_segment()).collect();
    archiving.push(&segments[0]).run().expect(0);
    archiving.until_noted(&segments[1..]);
    archiving.edit_policy("to: [near, far] }", "to: [near] }");
    let later = archiving.finish_segment();
    until(|| archiving.ahead().is_empty());
    assert!(!archiving.files("far").contains(&later));
    // What it remembers is not believed any more; what the policy says now is done.
    archiving.push(&segments[1]).run().expect(0);
    archiving.until_noted(std::slice::from_ref(&later));
    assert!(archiving.files("near").contains(&later) && !archiving.files("far").contains(&later));
}

#[test]
fn one_lives_at_a_time_and_ends_by_itself() {
    let archiving = Archiving::start(Version::Distribution);
    let segments: Vec<String> = (0..6).map(|_| archiving.finish_segment()).collect();
    for segment in &segments {
        archiving.push(segment).run().expect(0);
        assert!(archiving.ahead().len() <= 1);
    }
    let begun = Instant::now();
    until(|| archiving.ahead().is_empty());
    assert!(begun.elapsed() < Duration::from_secs(20));
    // Nothing is left of who sent what.
    let state = archiving.path("state/wal/main").join(archiving.system());
    let names = |folder: &std::path::Path| -> Vec<String> {
        fs::read_dir(folder).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(&state), ["ahead"]);
    assert!(names(&state.join("ahead")).iter().all(|name| name.ends_with(".json")));
    assert_eq!((archiving.files("near"), archiving.files("far")), (segments.clone(), segments));
}

/// What is stored; who is killed leaves a file in the making.
fn whole(archiving: &Archiving, storage: &str) -> Vec<String> {
    let mut files = archiving.files(storage);
    files.retain(|file| !file.starts_with(".tmp"));
    files
}

#[test]
fn a_call_does_the_work_itself_when_the_process_died() {
    let archiving = Archiving::start(Version::Distribution);
    let segments: Vec<String> = (0..12).map(|_| archiving.finish_segment()).collect();
    archiving.push(&segments[0]).run().expect(0);
    archiving.kill_ahead();
    let state = archiving.path("state/wal/main").join(archiving.system());
    // As if it had died a moment later: what it held is there, and nobody holds it.
    fs::write(state.join("pushing"), b"").unwrap();
    fs::write(state.join("ahead").join(format!("{}.sending", segments[1])), b"").unwrap();
    archiving.give_away();
    for segment in &segments[1..] {
        archiving.push(segment).run().expect(0);
    }
    assert_eq!((whole(&archiving, "near"), whole(&archiving, "far")), (segments.clone(), segments));
}

#[test]
fn a_server_stops_without_waiting_for_it_and_it_holds_nothing_of_the_server() {
    let archiving = Archiving::start(Version::Distribution);
    for _ in 0..8 {
        archiving.finish_segment();
    }
    archiving.archive();
    let mut seen = Vec::new();
    until(|| {
        seen = archiving.ahead();
        !seen.is_empty() || ready(&archiving) == 0
    });
    if let Some(process) = seen.first() {
        let files = |number: &str| fs::read_link(format!("/proc/{process}/fd/{number}")).unwrap_or_default();
        assert!(files("0").ends_with("pushing") || files("0").to_string_lossy().contains("pushing"));
        for stream in ["1", "2"] {
            assert_eq!(files(stream).to_str(), Some("/dev/null"));
        }
        let words = argument_lists(*process).join(" ");
        assert!(!words.contains("postgresql://") && words.contains("push-ahead"), "{words}");
        if let Some((uid, _)) = Server::user() {
            assert_eq!(fs::metadata(format!("/proc/{process}")).unwrap().uid(), uid);
        }
    }
    for mode in ["fast", "immediate"] {
        let waiting = archiving.finish_segment();
        archiving.finish_segment();
        archiving.finish_segment();
        let begun = Instant::now();
        archiving.server.restart(mode);
        assert!(begun.elapsed() < Duration::from_secs(30), "{mode}");
        until(|| ready(&archiving) == 0);
        assert!(archiving.files("near").contains(&waiting) && archiving.files("far").contains(&waiting));
    }
    archiving.backstay(&["wal", "verify", "main"]).run().expect(0);
    assert_eq!(whole(&archiving, "near"), whole(&archiving, "far"));
}
