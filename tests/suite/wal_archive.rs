//! What an archive of WAL is to those who look at it, prune it, or read it without backstay.

use crate::support::{Archiving, Login, S3Server, Server, Version, shell, until};
use std::fs;

/// The archive of one storage as `wal list` tells it to machines, and how the call ended.
fn listed(archiving: &Archiving, code: i32) -> serde_json::Value {
    let listing = archiving.backstay(&["wal", "list", "main", "--json"]).run().expect(code).json();
    listing["databases"][0]["storages"][0].clone()
}

fn wait_for(server: &Server, segment: &str) {
    until(|| server.psql("postgres", "SELECT last_archived_wal FROM pg_stat_archiver").as_str() >= segment);
}

#[test]
fn a_list_shows_ranges_gaps_and_what_is_there_twice() {
    let archiving = Archiving::start(Version::Distribution);
    let nothing = archiving.backstay(&["wal", "list"]).run().expect(0);
    assert!(nothing.stdout.contains("nothing archived yet"), "{nothing:?}");
    let segments: Vec<String> = (0..5).map(|_| archiving.finish_segment()).collect();
    archiving.push(&segments[0]).run().expect(0);
    archiving.until_noted(&segments[1..]);
    let near = listed(&archiving, 0);
    let timeline = &near["clusters"][0]["timelines"][0];
    assert_eq!(near["clusters"][0]["system_id"].as_str(), Some(archiving.system().as_str()));
    assert_eq!(
        (timeline["ranges"][0]["n_segments"].as_u64(), timeline["gaps"].as_array().unwrap().len()),
        (Some(5), 0)
    );
    assert_eq!(timeline["ranges"][0]["last"].as_str(), Some(segments[4].as_str()));
    // One is lost, and of one there is another content.
    let keys = archiving.keys("near");
    fs::remove_file(archiving.path("near").join(&keys[2])).unwrap();
    let digest: String = keys[3].rsplit_once('-').unwrap().1.chars().take(32).collect();
    let other = keys[3].replace(&digest, &"0".repeat(32));
    fs::copy(archiving.path("near").join(&keys[3]), archiving.path("near").join(other)).unwrap();
    archiving.give_away();
    let near = listed(&archiving, 8);
    let cluster = &near["clusters"][0];
    assert_eq!(cluster["timelines"][0]["ranges"].as_array().unwrap().len(), 2);
    assert_eq!(cluster["timelines"][0]["gaps"][0]["start"].as_str(), Some("0/3000000"));
    assert_eq!(cluster["two_contents"][0]["file"].as_str(), Some(segments[3].as_str()));
    let told = archiving.backstay(&["wal", "list"]).run().expect(8).stdout;
    assert!(
        told.contains("missing: 0/3000000 to 0/4000000 on timeline 1") && told.contains("has two contents"),
        "{told}"
    );
    fs::rename(archiving.path("far"), archiving.path("away")).unwrap();
    fs::write(archiving.path("far"), "").unwrap();
    let far = archiving.backstay(&["wal", "list", "--json"]).run().expect(8).json();
    assert!(far["databases"][0]["storages"][1]["problem"].is_string(), "{far}");
    archiving.backstay(&["wal", "list", "mian"]).run().expect(1);
}

#[test]
fn verifying_reads_every_file_and_says_what_is_wrong_with_it() {
    let archiving = Archiving::start(Version::Distribution);
    let segments: Vec<String> = (0..4).map(|_| archiving.finish_segment()).collect();
    archiving.push(&segments[0]).run().expect(0);
    archiving.until_noted(&segments[1..]);
    let verify = |code: i32| archiving.backstay(&["wal", "verify", "main", "--json"]).run().expect(code).json();
    let good = verify(0);
    assert_eq!((good["good"].as_bool(), good["archives"][1]["n_good"].as_u64()), (Some(true), Some(4)));
    // Damaged bytes, a file under the name of another one, a file that is gone.
    let keys = archiving.keys("near");
    let path = |number: usize| archiving.path("near").join(&keys[number]);
    let mut bytes = fs::read(path(0)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(path(0)).unwrap();
    fs::write(path(0), bytes).unwrap();
    let third =
        path(2).with_file_name(path(3).file_name().unwrap().to_str().unwrap().replace(&segments[3], &segments[2]));
    fs::copy(path(3), &third).unwrap();
    fs::remove_file(path(2)).unwrap();
    fs::remove_file(path(1)).unwrap();
    archiving.give_away();
    let bad = verify(8);
    let near = &bad["archives"][0];
    assert_eq!((near["n_good"].as_u64(), near["gaps"].as_array().unwrap().len()), (Some(1), 1));
    let damaged: Vec<&str> =
        near["damaged"].as_array().unwrap().iter().map(|file| file["key"].as_str().unwrap()).collect();
    assert!(damaged.len() == 2 && damaged[0].contains(&segments[0]) && damaged[1].contains(&segments[2]), "{bad}");
    assert_eq!(bad["archives"][1]["n_good"].as_u64(), Some(4));
    // Without the key nothing is known, which is not the same as damage.
    fs::remove_dir_all(archiving.path("near/wal")).unwrap();
    fs::rename(archiving.path("key"), archiving.path("lost")).unwrap();
    let unknown = verify(1);
    assert_eq!(unknown["archives"][0]["unread"].as_array().unwrap().len(), 4);
}

#[test]
fn a_new_timeline_is_archived_beside_the_old_one() {
    let archiving = Archiving::start(Version::Distribution);
    archiving.archive();
    let base = archiving.path("base");
    fs::create_dir_all(&base).unwrap();
    let data = base.join("data");
    let arguments = ["-D", data.to_str().unwrap(), "-X", "none", "-c", "fast", "--no-sync"];
    archiving.server.output("pg_basebackup", &arguments, "postgres");
    let last = archiving.finish_segment();
    wait_for(&archiving.server, &last);
    fs::write(data.join("recovery.signal"), "").unwrap();
    archiving.give_away();
    let (push, fetch) = archiving.commands();
    let settings =
        [format!("restore_command={fetch}"), format!("archive_command={push}"), "archive_mode=on".to_owned()];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let promoted = Server::start_on(Version::Distribution, &base, &settings);
    until(|| promoted.psql("postgres", "SELECT pg_is_in_recovery()") == "f");
    promoted.psql("postgres", "SELECT pg_logical_emit_message(false, 'test', 'x')");
    let first = promoted.psql("postgres", "SELECT pg_walfile_name(pg_switch_wal())");
    assert!(first.starts_with("00000002"), "{first}");
    wait_for(&promoted, &first);
    let files = archiving.files("near");
    assert!(files.contains(&"00000002.history".to_owned()) && files.contains(&first), "{files:?}");
    let near = listed(&archiving, 0);
    let timelines = near["clusters"][0]["timelines"].as_array().unwrap();
    let numbers: Vec<u64> = timelines.iter().map(|timeline| timeline["timeline"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2]);
    assert!(timelines[1]["begins_at"].is_string(), "{near}");
    // A history is read by whoever has no key.
    let key = archiving.keys("near").into_iter().find(|key| key.contains("/history/")).unwrap();
    assert!(fs::read_to_string(archiving.path("near").join(key)).unwrap().starts_with("1\t"));
}

#[test]
fn a_segment_is_read_with_the_commands_of_the_page() {
    let archiving = Archiving::start(Version::Distribution);
    let segment = archiving.finish_segment();
    archiving.push(&segment).run().expect(0);
    let page = include_str!("../../docs/format.md");
    let commands = page.split("\n```").find_map(|block| block.strip_prefix("sh wal\n")).unwrap();
    let folder = archiving.path("").display().to_string();
    let set = format!(
        "KEY={folder}key STORE={folder}near DATABASE=main SYSTEM={} SEGMENT={segment} TO={folder}to\n",
        archiving.system()
    );
    shell(&archiving.server, &archiving.path(""), &(set + commands));
    let expected = fs::read(archiving.server.data().join("pg_wal").join(&segment)).unwrap();
    assert!(fs::read(archiving.path("to")).unwrap() == expected);
}

#[test]
fn wal_goes_with_the_base_backups_that_needed_it() {
    let archiving = Archiving::start(Version::Distribution);
    archiving.archive();
    let url = archiving.server.url("postgres");
    let run = |arguments: &[&str]| archiving.backstay(arguments).env("DATABASE_URL", &url).run();
    let first = archiving.finish_segment();
    wait_for(&archiving.server, &first);
    // WAL that no base backup can ever need is nothing that is known to be so.
    let unclear = run(&["plan", "--only", "prune"]).expect(0);
    assert!(unclear.stdout.contains("no WAL is deleted: there is no good base backup"), "{unclear:?}");
    run(&["backup", "main"]).expect(0);
    // Ids sort by second, and both backups may be of the same one: which is the older is read before the second.
    let manifests = archiving.path("near/manifest/base/main");
    let older: Vec<_> = fs::read_dir(&manifests).unwrap().flatten().map(|entry| entry.path()).collect();
    let between = archiving.finish_segment();
    wait_for(&archiving.server, &between);
    run(&["backup", "main"]).expect(0);
    let last = archiving.finish_segment();
    wait_for(&archiving.server, &last);
    let planned = run(&["plan", "--only", "prune"]).expect(0).stdout;
    assert!(
        planned.contains("prune WAL of cluster") && planned.contains("no base backup needs WAL before"),
        "{planned}"
    );
    let apply = || run(&["apply", "--only", "prune", "--yes"]).expect(0);
    apply();
    for storage in ["near", "far"] {
        let files = archiving.files(storage);
        // Both base backups are kept, and a storage that has none of them keeps what they need.
        assert!(!files.contains(&first) && files.contains(&between) && files.contains(&last), "{storage}: {files:?}");
    }
    run(&["plan", "--only", "prune", "--detailed-exitcode"]).expect(0);
    // The older one is gone, as if it had been pruned.
    fs::remove_file(&older[0]).unwrap();
    apply();
    for storage in ["near", "far"] {
        let files = archiving.files(storage);
        assert!(!files.contains(&between) && files.contains(&last), "{storage}: {files:?}");
    }
    run(&["plan", "--only", "prune", "--detailed-exitcode"]).expect(0);
    // What is left brings the newest backup up to the last segment.
    let near = listed(&archiving, 0);
    assert_eq!(near["clusters"][0]["timelines"][0]["ranges"].as_array().unwrap().len(), 1);
}

#[test]
fn an_archive_lies_in_a_bucket_as_in_a_folder() {
    let s3 = S3Server::start();
    s3.bucket("wal");
    let archiving = Archiving::start(Version::Distribution);
    let login = Login::root();
    let far = format!(
        "far: {{ type: s3, bucket: wal, prefix: a/b, region: us-east-1, endpoint: \"http://127.0.0.1:{}\", credentials: \
         {{ access_key_id: \"${{file:{{folder}}/id}}\", secret_access_key: \"${{file:{{folder}}/secret}}\" }} }}",
        s3.port
    );
    archiving.edit_policy("far: { type: filesystem, path: ", "unused: { type: filesystem, path: ");
    archiving.edit_policy("tiers:\n  base", &format!("  {far}\ntiers:\n  base"));
    fs::write(archiving.path("id"), login.id).unwrap();
    fs::write(archiving.path("secret"), login.secret).unwrap();
    archiving.give_away();
    let store = std::sync::Arc::new(crate::support::s3_store(s3.port, "wal", "a/b/"));
    let repository = backstay::repository::Repository::new("far", store);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(repository.create_marker(1, jiff::Timestamp::UNIX_EPOCH)).unwrap();
    let segments: Vec<String> = (0..3).map(|_| archiving.finish_segment()).collect();
    archiving.push(&segments[0]).run().expect(0);
    archiving.until_noted(&segments[1..]);
    archiving.kill_ahead();
    fs::remove_dir_all(archiving.path("near/wal")).unwrap();
    fs::remove_dir_all(archiving.path("state")).unwrap();
    // What one storage lacks it gets, and the other is not written again.
    archiving.push(&segments[1]).run().expect(0);
    archiving.until_noted(&[segments[0].clone(), segments[2].clone()]);
    assert_eq!(archiving.files("near"), segments);
    archiving.kill_ahead();
    fs::remove_dir_all(archiving.path("near/wal")).unwrap();
    archiving.fetch(&segments[2], "to").run().expect(0);
    let expected = fs::read(archiving.server.data().join("pg_wal").join(&segments[2])).unwrap();
    assert!(fs::read(archiving.path("to")).unwrap() == expected);
    archiving.fetch("00000001000000000000004F", "to").run().expect(1);
}
