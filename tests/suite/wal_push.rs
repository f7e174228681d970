//! `wal push`: what PostgreSQL is told is true, whatever happens on the way.

use crate::support::{Archiving, Dice, Version, rounds, signal, until};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A copy of a segment where it can be changed, in a data directory of the same cluster.
fn elsewhere(archiving: &Archiving, segment: &str) -> PathBuf {
    let data = archiving.path("elsewhere");
    fs::create_dir_all(data.join("pg_wal")).unwrap();
    fs::create_dir_all(data.join("global")).unwrap();
    fs::copy(archiving.server.data().join("global/pg_control"), data.join("global/pg_control")).unwrap();
    let copy = data.join("pg_wal").join(segment);
    fs::copy(archiving.server.data().join("pg_wal").join(segment), &copy).unwrap();
    archiving.give_away();
    copy
}

fn change(path: &Path, at: usize, bytes: &[u8]) {
    let mut content = fs::read(path).unwrap();
    content[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(path, content).unwrap();
}

#[test]
fn what_is_ready_is_archived_meanwhile_and_the_next_calls_ask_nobody() {
    let archiving = Archiving::start(Version::Distribution);
    let segments: Vec<String> = (0..5).map(|_| archiving.finish_segment()).collect();
    archiving.push(&segments[0]).run().expect(0);
    archiving.until_noted(&segments[1..]);
    for storage in ["near", "far"] {
        assert_eq!(archiving.files(storage), segments, "{storage}");
        let system = archiving.system();
        for (key, segment) in archiving.keys(storage).iter().zip(&segments) {
            let digest = key.rsplit_once('-').unwrap().1.strip_suffix(".zst.age").unwrap();
            assert_eq!(*key, format!("wal/main/{system}/{}/{segment}-{digest}.zst.age", &segment[..16]));
            let content = fs::read(archiving.server.data().join("pg_wal").join(segment)).unwrap();
            assert_eq!(digest, backstay::catalog::wal::WalDigest::of(&content).to_string());
        }
    }
    // Nobody is asked: there is nobody.
    fs::rename(archiving.path("near"), archiving.path("away")).unwrap();
    archiving.push(&segments[1]).run().expect(0);
    // It was believed once.
    let again = archiving.push(&segments[1]).run().expect(1);
    assert!(again.stderr.contains("BS537") && again.stderr.contains("BS863"), "{again:?}");
    // A file that was written since is another one.
    let path = archiving.server.data().join("pg_wal").join(&segments[2]);
    let content = fs::read(&path).unwrap();
    fs::write(&path, content).unwrap();
    archiving.push(&segments[2]).run().expect(1);
    // A policy that was changed since may name other storages.
    archiving.edit_policy("name: test", "name: other");
    archiving.push(&segments[3]).run().expect(1);
    fs::rename(archiving.path("away"), archiving.path("near")).unwrap();
    let before = archiving.keys("near");
    archiving.push(&segments[3]).run().expect(0);
    assert_eq!(archiving.keys("near"), before);
}

#[test]
fn without_a_place_to_remember_files_go_one_by_one() {
    let archiving = Archiving::start(Version::Distribution);
    let segments: Vec<String> = (0..3).map(|_| archiving.finish_segment()).collect();
    let path = archiving.server.data().join("pg_wal").join(&segments[0]);
    archiving.backstay(&["wal", "push", path.to_str().unwrap(), "--database", "main"]).run().expect(0);
    assert_eq!(archiving.files("near"), segments[..1]);
}

#[test]
fn another_content_of_a_segment_is_never_stored() {
    let archiving = Archiving::start(Version::Distribution);
    let segment = archiving.finish_segment();
    archiving.push(&segment).run().expect(0);
    let stored = archiving.keys("near");
    let copy = elsewhere(&archiving, &segment);
    // The same from another place is the same.
    archiving.push_from(&copy).run().expect(0);
    change(&copy, 9_000_000, b"split brain");
    let refused = archiving.push_from(&copy).run().expect(1);
    let digest = |content: &[u8]| backstay::catalog::wal::WalDigest::of(content).to_string();
    let theirs = fs::read(archiving.server.data().join("pg_wal").join(&segment)).unwrap();
    assert!(refused.stderr.contains("BS862"), "{refused:?}");
    for digest in [digest(&theirs), digest(&fs::read(&copy).unwrap())] {
        assert!(refused.stderr.contains(&digest), "{refused:?}");
    }
    assert_eq!((archiving.keys("near"), archiving.keys("far")), (stored.clone(), stored));
}

#[test]
fn what_is_not_the_segment_of_its_name_is_refused() {
    let archiving = Archiving::start(Version::Distribution);
    let segment = archiving.finish_segment();
    let refuse = |path: &Path, said: &str| {
        let refused = archiving.push_from(path).run().expect(1);
        assert!(refused.stderr.contains(said), "{said}: {refused:?}");
    };
    let copy = elsewhere(&archiving, &segment);
    // Of another cluster.
    change(&copy, 24, &7_412_u64.to_ne_bytes());
    refuse(&copy, "is WAL of cluster 7412");
    // Of a timeline that this one does not know.
    let copy = elsewhere(&archiving, &segment);
    change(&copy, 4, &2_u32.to_ne_bytes());
    refuse(&copy, "timeline 2");
    // Not WAL at all, cut, under another name.
    change(&copy, 0, &[0, 0]);
    refuse(&copy, "does not begin with a header of WAL");
    let copy = elsewhere(&archiving, &segment);
    fs::write(&copy, &fs::read(&copy).unwrap()[..8192]).unwrap();
    refuse(&copy, "8192 bytes");
    let copy = elsewhere(&archiving, &segment);
    let other = copy.with_file_name("00000001000000000000004F");
    fs::rename(&copy, &other).unwrap();
    refuse(&other, "its name says 0/4F000000");
    fs::rename(&other, copy.with_file_name("notes.txt")).unwrap();
    refuse(&copy.with_file_name("notes.txt"), "is not a file that PostgreSQL archives");
    refuse(&copy, "BS867");
    assert_eq!(archiving.keys("near"), Vec::<String>::new());
}

#[test]
fn a_storage_that_fails_keeps_none_of_the_others_from_getting_it() {
    let archiving = Archiving::start(Version::Distribution);
    let segments: Vec<String> = (0..3).map(|_| archiving.finish_segment()).collect();
    fs::rename(archiving.path("far"), archiving.path("away")).unwrap();
    let failed = archiving.push(&segments[0]).run().expect(1);
    assert!(failed.stderr.contains("BS863") && failed.stderr.contains("it is stored in near"), "{failed:?}");
    // What was not asked for is not tried on half of the storages.
    assert_eq!(archiving.files("near"), segments[..1]);
    fs::rename(archiving.path("away"), archiving.path("far")).unwrap();
    archiving.push(&segments[0]).run().expect(0);
    archiving.until_noted(&segments[1..]);
    assert_eq!((archiving.files("near"), archiving.files("far")), (segments.clone(), segments));
}

#[test]
fn whoever_is_not_in_the_policy_is_told_so() {
    let archiving = Archiving::start(Version::Distribution);
    let segment = archiving.finish_segment();
    let path = archiving.server.data().join("pg_wal").join(&segment);
    let unknown = archiving.backstay(&["wal", "push", path.to_str().unwrap(), "--database", "mian"]).run().expect(1);
    assert!(unknown.stderr.contains("BS860") && unknown.stderr.contains("Did you mean `main`?"), "{unknown:?}");
}

#[test]
fn wherever_a_push_is_killed_what_is_stored_is_whole_and_the_next_one_goes_on() {
    let archiving = Archiving::start(Version::Distribution);
    let segments: Vec<String> = (0..12).map(|_| archiving.finish_segment()).collect();
    let begun = Instant::now();
    archiving.push(&segments[0]).run().expect(0);
    archiving.until_noted(&segments[1..]);
    let whole = begun.elapsed();
    let mut dice = Dice::thrown();
    for _ in 0..rounds("BACKSTAY_KILLS", 8) {
        archiving.kill_ahead();
        for folder in ["near/wal", "far/wal", "state"] {
            fs::remove_dir_all(archiving.path(folder)).unwrap();
        }
        let moment = Duration::from_micros(dice.below(whole.as_micros() as usize) as u64);
        let mut child = archiving.push(&segments[0]).into_command().spawn().unwrap();
        // Not a wait for something: the moment of death is what is tried.
        std::thread::sleep(moment);
        signal(&child, "-KILL");
        child.wait().unwrap();
        archiving.kill_ahead();
        for storage in ["near", "far"] {
            for key in archiving.keys(storage).iter().filter(|key| !key.contains("/.tmp-")) {
                let segment = key.rsplit('/').next().unwrap().split('-').next().unwrap();
                archiving.fetch(segment, "fetched").run().expect(0);
                let expected = fs::read(archiving.server.data().join("pg_wal").join(segment)).unwrap();
                assert!(fs::read(archiving.path("fetched")).unwrap() == expected, "{segment}");
            }
        }
        for segment in &segments {
            archiving.push(segment).run().expect(0);
        }
        for storage in ["near", "far"] {
            let mut files = archiving.files(storage);
            files.retain(|file| !file.starts_with(".tmp"));
            assert_eq!(files, segments, "{storage}");
        }
    }
}

#[test]
fn a_server_archives_by_itself_and_reading_the_repository_does_not_mind() {
    for version in [Version::Distribution, Version::Newer] {
        let archiving = Archiving::start(version);
        archiving.archive();
        let segments: Vec<String> = (0..4).map(|_| archiving.finish_segment()).collect();
        let archived = || archiving.server.psql("postgres", "SELECT last_archived_wal FROM pg_stat_archiver");
        until(|| archived() == segments[3]);
        assert_eq!(archiving.server.psql("postgres", "SELECT failed_count FROM pg_stat_archiver"), "0");
        assert_eq!(archiving.files("near").last(), Some(&segments[3]));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let contents = runtime.block_on(archiving.repository("near").read()).unwrap();
        assert_eq!((contents.backups.len(), contents.leftovers, contents.broken), (0, Vec::new(), Vec::new()));
        let inside = archiving.keys("near")[0].clone();
        assert!(backstay::repository::layout::is_inside(&inside));
    }
}
