//! `wal fetch`: its exit code is what PostgreSQL decides by, so it says only what is certain.

use crate::support::{Archiving, Version, until};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// An archive of three segments.
fn archived() -> (Archiving, Vec<String>) {
    let archiving = Archiving::start(Version::Distribution);
    let segments: Vec<String> = (0..3).map(|_| archiving.finish_segment()).collect();
    archiving.push(&segments[0]).run().expect(0);
    archiving.until_noted(&segments[1..]);
    (archiving, segments)
}

/// The segments that were fetched ahead.
fn fetched_ahead(archiving: &Archiving) -> Vec<String> {
    let folder = archiving.path(&format!("state/wal/main/{}/fetched", archiving.system()));
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let whole = names.filter_map(|entry| Some(entry.file_name().to_str()?.split_once('-')?.0.to_owned()));
    let mut whole: Vec<String> = whole.collect();
    whole.sort();
    whole
}

#[test]
fn what_is_found_is_what_was_archived_and_the_next_ones_come_by_themselves() {
    let (archiving, segments) = archived();
    for (number, segment) in segments.iter().enumerate() {
        if number == 1 {
            until(|| fetched_ahead(&archiving) == segments[1..]);
            // What lies here needs no store.
            for storage in ["near", "far"] {
                fs::rename(archiving.path(storage), archiving.path(&format!("{storage}-away"))).unwrap();
            }
        }
        archiving.fetch(segment, "to").run().expect(0);
        let expected = fs::read(archiving.server.data().join("pg_wal").join(segment)).unwrap();
        assert!(fs::read(archiving.path("to")).unwrap() == expected, "{segment}");
    }
    until(|| fetched_ahead(&archiving).is_empty());
}

#[test]
fn absent_is_said_only_when_every_storage_was_asked() {
    let (archiving, segments) = archived();
    archiving.fetch("00000001000000000000004F", "to").run().expect(1);
    archiving.fetch("00000002.history", "to").run().expect(1);
    fs::rename(archiving.path("far"), archiving.path("away")).unwrap();
    fs::write(archiving.path("far"), "not a folder").unwrap();
    // What is there is there, whoever else is away.
    archiving.fetch(&segments[0], "to").run().expect(0);
    let unknown = archiving.fetch("00000002.history", "to").run().expect(200);
    assert!(unknown.stderr.contains("BS864"), "{unknown:?}");
    // A standby asks again for a segment; a history that is taken for absent would make two timelines of one number.
    fs::create_dir_all(archiving.path("data/pg_wal")).unwrap();
    fs::write(archiving.path("data/standby.signal"), "").unwrap();
    archiving.give_away();
    archiving.fetch("00000001000000000000004F", "data/pg_wal/RECOVERYXLOG").run().expect(1);
    archiving.fetch("00000002.history", "data/pg_wal/RECOVERYHISTORY").run().expect(200);
}

#[test]
fn whatever_keeps_from_an_answer_stops_recovery() {
    let (archiving, segments) = archived();
    let uncertain = |said: &str| {
        let run = archiving.fetch(&segments[2], "to").run().expect(200);
        assert!(run.stderr.contains(said), "{said}: {run:?}");
    };
    // Words and policies that are not understood.
    archiving.backstay(&["wal", "fetch", &segments[0], "/nowhere/to", "--databse", "main"]).run().expect(200);
    archiving.backstay(&["wal", "fetch", "0000", "/nowhere/to", "--database", "main"]).run().expect(200);
    archiving.backstay(&["wal", "fetch", &segments[0], "/nowhere/to", "--database", "other"]).run().expect(200);
    archiving.edit_policy("version: 1", "version: 7");
    uncertain("invalid policy");
    archiving.edit_policy("version: 7", "version: 1");
    // No key.
    fs::rename(archiving.path("key"), archiving.path("lost")).unwrap();
    uncertain("BS517");
    archiving.make_key("key");
    uncertain("BS517");
    fs::rename(archiving.path("lost"), archiving.path("key")).unwrap();
    // Nowhere to put it.
    archiving.fetch(&segments[2], "nowhere/to").run().expect(200);
    // Damaged in one storage: the other has it. Damaged in both.
    let damage = |storage: &str| {
        let key = archiving.keys(storage).into_iter().find(|key| key.contains(&segments[2])).unwrap();
        let path = archiving.path(storage).join(key);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, bytes).unwrap();
    };
    damage("near");
    archiving.fetch(&segments[2], "to").run().expect(0);
    damage("far");
    uncertain("BS865");
}

#[test]
fn of_two_contents_neither_is_taken() {
    let (archiving, segments) = archived();
    for storage in ["near", "far"] {
        let keys = archiving.keys(storage);
        let (ours, other) = (&keys[1], keys[1].replace(&digest_of(&keys[1]), &"0".repeat(32)));
        fs::copy(archiving.path(storage).join(ours), archiving.path(storage).join(other)).unwrap();
    }
    archiving.give_away();
    let run = archiving.fetch(&segments[1], "to").run().expect(200);
    assert!(run.stderr.contains("BS862") && run.stderr.contains("different contents"), "{run:?}");
    archiving.fetch(&segments[0], "to").run().expect(0);
}

fn digest_of(key: &str) -> String {
    key.rsplit_once('-').unwrap().1.chars().take(32).collect()
}

#[test]
fn which_cluster_is_meant_need_not_be_said_where_there_is_one() {
    let (archiving, segments) = archived();
    let fetch = || {
        let to = archiving.path("to");
        let state = archiving.path("state");
        let state = state.to_str().unwrap();
        let to = to.to_str().unwrap();
        archiving.backstay(&["wal", "fetch", &segments[0], to, "--database", "main", "--state-dir", state]).run()
    };
    fetch().expect(0);
    let near = archiving.path("near/wal/main");
    fs::create_dir_all(near.join("7/0000000100000000")).unwrap();
    let key = archiving.keys("near")[0].clone();
    let name = key.rsplit('/').next().unwrap();
    fs::copy(archiving.path("near").join(&key), near.join("7/0000000100000000").join(name)).unwrap();
    archiving.give_away();
    let unknown = fetch().expect(200);
    assert!(unknown.stderr.contains("BS866") && unknown.stderr.contains("--system-id"), "{unknown:?}");
}
