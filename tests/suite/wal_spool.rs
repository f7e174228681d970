//! The spool of `wal push`: a storage is away, the server goes on, and nothing is lost or told falsely.

use crate::support::{Agent, Archiving, Backstay, Server, Version, until};
use backstay::base::Size;
use backstay::policy::WhenFull;
use backstay::wal::outage::OutageSpool;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// A server whose policy has a spool.
fn spooling(max: &str, when_full: &str) -> Archiving {
    let archiving = Archiving::start(Version::Distribution);
    let spool = format!("{{ path: {}, max: {max}, when_full: {when_full} }}", archiving.path("spool").display());
    archiving.edit_policy("to: [near, far] }", &format!("to: [near, far], spool: {spool} }}"));
    archiving
}

fn take_away(archiving: &Archiving) {
    fs::rename(archiving.path("far"), archiving.path("away")).unwrap();
}

fn bring_back(archiving: &Archiving) {
    fs::rename(archiving.path("away"), archiving.path("far")).unwrap();
    // Half a minute is not waited for.
    let _ = fs::remove_file(archiving.path("spool/far.away"));
}

fn waiting(archiving: &Archiving) -> Vec<String> {
    let keys = archiving.keys("spool/far");
    keys.into_iter().filter(|key| !key.contains("given-up")).collect()
}

fn drain(archiving: &Archiving, exit: i32) -> String {
    archiving.backstay(&["wal", "drain", "--database", "main"]).run().expect(exit).stderr
}

#[test]
fn what_a_storage_lacks_waits_and_is_brought_by_later_calls() {
    let archiving = spooling("1GiB", "block");
    let segments: Vec<String> = (0..4).map(|_| archiving.finish_segment()).collect();
    take_away(&archiving);
    let told = archiving.push(&segments[0]).run().expect(0).stderr;
    assert!(told.contains("waits in the spool for far: it is away"), "{told}");
    archiving.push(&segments[1]).run().expect(0);
    assert_eq!(archiving.files("near"), segments[..2]);
    // As it will be stored, name and bytes.
    assert_eq!(waiting(&archiving), archiving.keys("near"));
    for key in waiting(&archiving) {
        assert!(key.ends_with(".zst.age"), "{key}");
    }
    // The server's user alone reads it.
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(archiving.path("spool")), 0o700);
    assert_eq!(mode(archiving.path("spool/far").join(&waiting(&archiving)[0])), 0o600);
    // What is asked twice waits once.
    archiving.push(&segments[1]).run().expect(0);
    assert_eq!(waiting(&archiving).len(), 2);
    bring_back(&archiving);
    let told = archiving.push(&segments[2]).run().expect(0).stderr;
    assert!(told.contains("2 files that waited for far brought"), "{told}");
    assert_eq!(waiting(&archiving), Vec::<String>::new());
    archiving.until_noted(&segments[3..]);
    assert_eq!((archiving.files("near"), archiving.files("far")), (segments.clone(), segments));
    archiving.backstay(&["wal", "verify", "main"]).run().expect(0);
}

#[test]
fn both_storages_may_be_away_and_recovery_on_the_host_finds_what_waits() {
    let archiving = spooling("1GiB", "block");
    let segment = archiving.finish_segment();
    take_away(&archiving);
    fs::rename(archiving.path("near"), archiving.path("near-away")).unwrap();
    archiving.push(&segment).run().expect(0);
    assert_eq!(archiving.keys("spool/near"), archiving.keys("spool/far"));
    archiving.fetch(&segment, "fetched").run().expect(0);
    let original = fs::read(archiving.server.data().join("pg_wal").join(&segment)).unwrap();
    assert_eq!(fs::read(archiving.path("fetched")).unwrap(), original);
    // One that waits nowhere may be in a storage that is away: that is not known.
    archiving.fetch("0000000100000000000000FE", "none").run().expect(200);
    assert!(drain(&archiving, 1).contains("is not a repository yet"));
    fs::rename(archiving.path("near-away"), archiving.path("near")).unwrap();
    bring_back(&archiving);
    assert!(drain(&archiving, 0).contains("1 file that waited for near brought"));
    assert_eq!(drain(&archiving, 0), "");
    assert_eq!((archiving.files("near"), archiving.files("far")), (vec![segment.clone()], vec![segment]));
}

#[test]
fn a_full_spool_blocks_and_nothing_is_lost() {
    let archiving = spooling("1KiB", "block");
    let segment = archiving.finish_segment();
    take_away(&archiving);
    let told = archiving.push(&segment).run().expect(1).stderr;
    assert!(told.contains("BS868") && told.contains("1.0 KiB"), "{told}");
    assert_eq!(waiting(&archiving), Vec::<String>::new());
    assert!(!archiving.path("spool/far").join("wal").exists());
    bring_back(&archiving);
    archiving.push(&segment).run().expect(0);
    assert_eq!(archiving.files("far"), [segment]);
}

#[test]
fn a_full_spool_gives_up_on_the_record_if_the_policy_says_so() {
    let archiving = spooling("1KiB", "gap");
    let segments: Vec<String> = (0..4).map(|_| archiving.finish_segment()).collect();
    take_away(&archiving);
    for segment in &segments[..3] {
        let told = archiving.push(segment).run().expect(0).stderr;
        assert!(told.contains("BS869"), "{told}");
        // As the server does, which never asks for it again.
        let status = archiving.server.data().join("pg_wal/archive_status");
        fs::rename(status.join(format!("{segment}.ready")), status.join(format!("{segment}.done"))).unwrap();
    }
    // Asked again after a crash: the same stretch.
    let told = archiving.push(&segments[2]).run().expect(0).stderr;
    assert!(told.contains("will not get 3 segments"), "{told}");
    let record = format!("wal/main/{}/given-up/{}.json", archiving.system(), segments[0]);
    assert_eq!(archiving.keys("spool/far"), std::slice::from_ref(&record));
    bring_back(&archiving);
    let told = archiving.push(&segments[3]).run().expect(0).stderr;
    assert!(told.contains("it knows now what was given up"), "{told}");
    assert_eq!(archiving.keys("spool/far"), Vec::<String>::new());
    assert!(archiving.keys("far").contains(&record));
    assert_eq!(archiving.keys("far").len(), 2);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clusters = runtime.block_on(archiving.repository("far").wal_clusters("main")).unwrap();
    let [given_up] = clusters[0].given_up.as_slice() else { panic!("{clusters:?}") };
    assert_eq!((given_up.first.to_string(), given_up.last.to_string()), (segments[0].clone(), segments[2].clone()));
    assert_eq!((given_up.segments(), given_up.storage.as_str()), (3, "far"));
    // The other storage has everything.
    assert_eq!(archiving.files("near"), segments);
}

#[test]
fn what_one_storage_has_otherwise_does_not_wait_for_another() {
    let archiving = spooling("1GiB", "block");
    let segment = archiving.finish_segment();
    archiving.push(&segment).run().expect(0);
    let key = archiving.keys("near").remove(0);
    let digest = key.rsplit_once('-').unwrap().1.split('.').next().unwrap().to_owned();
    let (ours, other) = (archiving.path("near").join(&key), key.replace(&digest, "00000000000000000000000000000000"));
    fs::rename(ours, archiving.path("near").join(other)).unwrap();
    take_away(&archiving);
    let told = archiving.push(&segment).run().expect(1).stderr;
    assert!(told.contains("BS862"), "{told}");
    assert_eq!(waiting(&archiving), Vec::<String>::new());
}

#[test]
fn one_that_waits_and_cannot_be_stored_is_kept() {
    let archiving = spooling("1GiB", "block");
    let segment = archiving.finish_segment();
    take_away(&archiving);
    archiving.push(&segment).run().expect(0);
    // Somebody else stores another content while the storage is away from here.
    let key = waiting(&archiving).remove(0);
    let digest = key.rsplit_once('-').unwrap().1.split('.').next().unwrap().to_owned();
    let other = archiving.path("away").join(key.replace(&digest, "00000000000000000000000000000000"));
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, b"other").unwrap();
    archiving.give_away();
    bring_back(&archiving);
    let told = drain(&archiving, 1);
    assert!(told.contains("BS862") && told.contains("stays in the spool"), "{told}");
    assert_eq!(waiting(&archiving), [key]);
    archiving.push(&segment).run().expect(1);
}

#[test]
fn a_server_under_load_goes_on_for_as_long_as_the_storage_is_away() {
    let archiving = spooling("48MiB", "gap");
    archiving.archive();
    let archived = || archiving.server.psql("postgres", "SELECT archived_count FROM pg_stat_archiver").parse().unwrap();
    archiving.finish_segment();
    until(|| archived() >= 1_i64);
    take_away(&archiving);
    archiving.server.psql("postgres", "CREATE TABLE ledger (id bigint, filler text)");
    let before: i64 = archived();
    for round in 0..6 {
        // Random text, so that compression leaves most of it.
        archiving.server.psql(
            "postgres",
            &format!(
                "INSERT INTO ledger SELECT i, (SELECT string_agg(md5((i * 100 + j)::text), '') FROM generate_series(1, 30) j)
                 FROM generate_series({round} * 20000, {round} * 20000 + 19999) i"
            ),
        );
        archiving.finish_segment();
    }
    until(|| archived() >= before + 6);
    let ready = || {
        let status = archiving.server.data().join("pg_wal/archive_status");
        let names = fs::read_dir(status).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".ready")).count()
    };
    until(|| ready() == 0);
    let spooled: u64 =
        waiting(&archiving).iter().map(|key| fs::metadata(archiving.path("spool/far").join(key)).unwrap().len()).sum();
    assert!(spooled > 16 << 20 && spooled <= 48 << 20, "{spooled}");
    assert_eq!(archiving.server.psql("postgres", "SELECT failed_count FROM pg_stat_archiver"), "0");
    bring_back(&archiving);
    archiving.finish_segment();
    until(|| ready() == 0 && archiving.keys("spool/far").is_empty());
    // Each segment is in the storage or on the record, and never both.
    let near = archiving.files("near");
    let far: Vec<String> = archiving
        .keys("far")
        .into_iter()
        .filter(|key| !key.contains("given-up"))
        .map(|key| key.rsplit('/').next().unwrap().split('-').next().unwrap().to_owned())
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clusters = runtime.block_on(archiving.repository("far").wal_clusters("main")).unwrap();
    let given_up: u64 = clusters[0].given_up.iter().map(|record| record.segments()).sum();
    assert!(given_up > 0, "the spool never was full: {spooled}");
    assert_eq!(far.len() as u64 + given_up, near.len() as u64, "{far:?} {near:?} {:?}", clusters[0].given_up);
}

#[test]
fn a_gap_on_the_record_is_shown_and_the_next_base_backup_closes_it() {
    let archiving = spooling("1KiB", "gap");
    archiving.edit_policy("to: [near, far], spool", "to: [far], spool");
    archiving.edit_policy("schedule: manual", "schedule: \"0 3 1 1 *\"");
    let url = archiving.server.url("postgres");
    let call = |words: &[&str]| archiving.backstay(words).env("DATABASE_URL", &url);
    archiving.archive();
    call(&["backup", "main"]).run().expect(0);
    let archived = || archiving.server.psql("postgres", "SELECT last_archived_wal FROM pg_stat_archiver");
    let finish = || {
        let segment = archiving.finish_segment();
        until(|| archived() >= segment);
        segment
    };
    finish();
    let due = || call(&["plan", "--only", "backups", "--json"]).run().expect(0).json()["plans"][0]["actions"].clone();
    assert_eq!(due().as_array().unwrap().len(), 0);
    take_away(&archiving);
    let lost: Vec<String> = (0..3).map(|_| finish()).collect();
    bring_back(&archiving);
    finish();
    let listed = archiving.backstay(&["wal", "list", "main"]).run().expect(8).stdout;
    assert!(listed.contains(&lost[0]) || listed.contains("missing"), "{listed}");
    // At once, not when it has been missing for long.
    let actions = due();
    assert_eq!(actions.as_array().unwrap().len(), 1, "{actions:#}");
    assert!(actions[0]["reason"].as_str().unwrap().starts_with("WAL is missing from 0/"), "{actions:#}");
    call(&["apply", "--yes", "--only", "backups"]).run().expect(0);
    finish();
    assert_eq!(due().as_array().unwrap().len(), 0);
    let shown = call(&["plan"]).run().expect(0).stdout;
    assert!(shown.contains("(3 segments)") && shown.contains("can be restored"), "{shown}");
}

#[test]
fn a_moment_of_the_outage_is_not_restorable_because_what_waited_was_stored_after_it() {
    let archiving = spooling("1GiB", "gap");
    archiving.edit_policy("to: [near, far], spool", "to: [far], spool");
    let url = archiving.server.url("postgres");
    let call = |words: &[&str]| archiving.backstay(words).env("DATABASE_URL", &url);
    let archived = || archiving.server.psql("postgres", "SELECT last_archived_wal FROM pg_stat_archiver");
    let finish = || {
        let segment = archiving.finish_segment();
        until(|| archived() >= segment);
    };
    archiving.archive();
    call(&["backup", "main"]).run().expect(0);
    finish();
    take_away(&archiving);
    finish();
    assert_eq!(waiting(&archiving).len(), 1);
    // Now it is full.
    archiving.edit_policy("max: 1GiB", "max: 1KiB");
    finish();
    let has_given_up = |storage: &str| archiving.keys(storage).iter().any(|key| key.contains("given-up"));
    assert!(has_given_up("spool/far"));
    // Files tell seconds.
    std::thread::sleep(Duration::from_secs(2));
    let moment = jiff::Timestamp::now().to_string();
    std::thread::sleep(Duration::from_secs(2));
    bring_back(&archiving);
    finish();
    until(|| archiving.keys("spool/far").is_empty() && has_given_up("far"));
    let target = archiving.path("target");
    let words = ["restore", "main", "--target-dir", target.to_str().unwrap(), "--to-time", &moment];
    let told = call(&words).run().expect(1).stderr;
    assert!(told.contains("BS920") && told.contains("out of reach"), "{told}");
    assert!(!target.exists());
}

#[test]
fn what_waits_longest_is_stored_first() {
    let archiving = spooling("1GiB", "block");
    archiving.edit_policy("to: [near, far], spool", "to: [far], spool");
    let status = archiving.server.data().join("pg_wal/archive_status");
    let push = |segment: &str| {
        let told = archiving.push(segment).run().expect(0).stderr;
        fs::rename(status.join(format!("{segment}.ready")), status.join(format!("{segment}.done"))).unwrap();
        told
    };
    take_away(&archiving);
    let first = archiving.finish_segment();
    push(&first);
    // More wait than one call brings.
    let key = waiting(&archiving).remove(0);
    let folder = archiving.path("spool/far").join(&key).parent().unwrap().to_owned();
    let name = key.rsplit('/').next().unwrap().to_owned();
    for number in 0x80..0xC8 {
        let other = name.replace(&first, &format!("{}{number:02X}", &first[..22]));
        fs::copy(folder.join(&name), folder.join(other)).unwrap();
    }
    archiving.give_away();
    bring_back(&archiving);
    let second = archiving.finish_segment();
    let told = push(&second);
    assert!(told.contains("4 files that waited for far brought") && told.contains("others wait longer"), "{told}");
    let third = archiving.finish_segment();
    push(&third);
    until(|| waiting(&archiving).is_empty());
    let files = archiving.files("far");
    assert!(files.contains(&second) && files.contains(&third) && files.len() == 75, "{}", files.len());
}

/// When a storage got its files.
fn stored_at(archiving: &Archiving, storage: &str) -> Vec<(String, SystemTime)> {
    let keys = archiving.keys(storage).into_iter();
    keys.map(|key| {
        let at = fs::metadata(archiving.path(storage).join(&key)).unwrap().modified().unwrap();
        (key.rsplit('/').next().unwrap().split('-').next().unwrap().to_owned(), at)
    })
    .collect()
}

#[test]
fn after_an_outage_one_call_is_enough_and_it_does_not_wait_for_the_rest() {
    let archiving = spooling("1GiB", "block");
    archiving.archive();
    let archived = || archiving.server.psql("postgres", "SELECT last_archived_wal FROM pg_stat_archiver");
    archiving.finish_segment();
    until(|| !archived().is_empty());
    take_away(&archiving);
    let segments: Vec<String> = (0..100).map(|_| archiving.finish_segment()).collect();
    until(|| archived() >= segments[99]);
    // From now on the server calls nobody.
    archiving.server.psql("postgres", "ALTER SYSTEM RESET archive_command");
    archiving.server.psql("postgres", "SELECT pg_reload_conf()");
    assert_eq!(waiting(&archiving).len(), 100);
    bring_back(&archiving);
    let last = archiving.finish_segment();
    let told = archiving.push(&last).run().expect(0).stderr;
    // It brought a little and is done; another process has the rest.
    assert!(told.contains("4 files that waited for far brought") && told.contains("others wait longer"), "{told}");
    until(|| waiting(&archiving).is_empty());
    until(|| drainers(&archiving).is_empty());
    assert!(!archiving.path("spool/main.draining").exists());
    assert_eq!(archiving.files("far"), archiving.files("near"));
    assert_eq!(archiving.files("far").len(), 102);
    archiving.backstay(&["wal", "verify", "main"]).run().expect(0);
    // The oldest came first: of two, the later one is no more than what is under way at once ahead.
    let stored = stored_at(&archiving, "far");
    for pair in stored[1..].windows(9) {
        assert!(pair[0].1 <= pair[8].1, "{pair:?}");
    }
}

/// Processes that bring what waits, by number.
fn drainers(archiving: &Archiving) -> Vec<String> {
    let pattern = format!("{}.*wal drain", archiving.path("policy.yaml").display());
    let found = Command::new("pgrep").args(["-f", &pattern]).output().unwrap().stdout;
    String::from_utf8_lossy(&found).lines().map(str::to_owned).collect()
}

#[test]
fn while_another_process_brings_what_waits_a_call_lays_its_file_behind() {
    let archiving = spooling("1GiB", "block");
    let segments: Vec<String> = (0..3).map(|_| archiving.finish_segment()).collect();
    take_away(&archiving);
    archiving.push(&segments[0]).run().expect(0);
    // One that takes its time: it holds the claim and brings nothing.
    let spool = OutageSpool::new(archiving.path("spool"), Size(1 << 30), WhenFull::Block);
    let claim = spool.claim("main").unwrap().unwrap();
    archiving.give_away();
    bring_back(&archiving);
    let begun = Instant::now();
    let told = archiving.push(&segments[1]).run().expect(0).stderr;
    assert!(begun.elapsed() < Duration::from_secs(10) && told.contains("others wait longer"), "{told}");
    assert_eq!(archiving.files("near"), segments[..2]);
    assert_eq!((waiting(&archiving).len(), archiving.files("far").len()), (2, 0));
    let said = archiving.path("said");
    let mut call = archiving.backstay(&["wal", "drain", "--database", "main"]).into_command();
    let mut drains = call.stderr(fs::File::create(&said).unwrap()).spawn().unwrap();
    let said = || fs::read_to_string(&said).unwrap();
    until(|| said().contains("another process brings what waits"));
    assert_eq!(waiting(&archiving).len(), 2);
    drop(claim);
    assert_eq!(drains.wait().unwrap().code(), Some(0));
    assert!(said().contains("2 files that waited for far brought"), "{}", said());
    assert_eq!(archiving.files("far"), segments[..2]);
}

#[test]
fn what_was_given_up_is_known_before_what_follows_it_whoever_brings_it() {
    let archiving = spooling("1KiB", "gap");
    let segments: Vec<String> = (0..2).map(|_| archiving.finish_segment()).collect();
    take_away(&archiving);
    archiving.push(&segments[0]).run().expect(0);
    let spool = OutageSpool::new(archiving.path("spool"), Size(1 << 10), WhenFull::Gap);
    let _claim = spool.claim("main").unwrap().unwrap();
    archiving.give_away();
    bring_back(&archiving);
    archiving.push(&segments[1]).run().expect(0);
    let record = format!("wal/main/{}/given-up/{}.json", archiving.system(), segments[0]);
    let keys = archiving.keys("far");
    assert!(keys.len() == 2 && keys.contains(&record), "{keys:?}");
    let at = |key: &String| fs::metadata(archiving.path("far").join(key)).unwrap().modified().unwrap();
    let other = keys.iter().find(|key| **key != record).unwrap();
    assert!(at(&record) <= at(other));
}

/// Two segments wait, the storage is back, and nobody calls `wal push` any more.
fn left_behind() -> (Archiving, Vec<String>) {
    let archiving = spooling("1GiB", "block");
    let segments: Vec<String> = (0..2).map(|_| archiving.finish_segment()).collect();
    take_away(&archiving);
    segments.iter().for_each(|segment| drop(archiving.push(segment).run().expect(0)));
    bring_back(&archiving);
    (archiving, segments)
}

#[test]
fn scheduled_work_and_apply_bring_what_waits_on_their_host() {
    let (archiving, segments) = left_behind();
    let url = archiving.server.url("postgres");
    let call = |words: &[&str]| {
        archiving.backstay(words).env("DATABASE_URL", &url).env("XDG_STATE_HOME", archiving.path("state"))
    };
    // A part of the work is a part.
    call(&["apply", "--yes", "--only", "infra"]).run().expect(0);
    assert_eq!(waiting(&archiving).len(), 2);
    let told = call(&["run"]).run().expect(0).stderr;
    assert!(told.contains("2 files that waited for far brought"), "{told}");
    assert_eq!(archiving.files("far"), segments);
    take_away(&archiving);
    archiving.push(&segments[1]).run().expect(0);
    let told = call(&["run"]).run();
    assert!(!told.stderr.contains("brought") && waiting(&archiving).len() == 1, "{told:?}");
    bring_back(&archiving);
    let told = call(&["apply", "--yes"]).run().expect(0).stderr;
    assert!(told.contains("1 file that waited for far brought"), "{told}");
    assert_eq!(waiting(&archiving), Vec::<String>::new());
}

#[test]
fn another_user_leaves_the_spool_to_its_owner() {
    let Some((uid, _)) = Server::user() else { return };
    let (archiving, _) = left_behind();
    let policy = archiving.path("policy.yaml");
    let told = Backstay::new(["--policy", policy.to_str().unwrap(), "run"])
        .env("DATABASE_URL", archiving.server.url("postgres"))
        .env("BACKSTAY_PG_BIN", &archiving.server.bin)
        .env("XDG_STATE_HOME", archiving.path("other"))
        .run();
    assert!(waiting(&archiving).len() == 2, "{told:?}");
    for entry in fs::read_dir(archiving.path("spool")).unwrap().flatten() {
        assert_eq!(entry.metadata().unwrap().uid(), uid, "{entry:?}");
    }
}

#[test]
fn an_agent_brings_what_waits_on_its_host() {
    let (archiving, segments) = left_behind();
    let text = fs::read_to_string(archiving.path("policy.yaml")).unwrap();
    archiving.write_policy(&format!("{text}run: {{ by: agent, jitter: 0s }}\n"));
    let call = archiving
        .backstay(&["--color", "never", "agent"])
        .env("DATABASE_URL", archiving.server.url("postgres"))
        .env("XDG_STATE_HOME", archiving.path("state"));
    let agent = Agent::start(call, archiving.path("agent.log"));
    agent.says("2 files that waited for far brought", 1);
    assert_eq!(archiving.files("far"), segments);
    // And once more.
    take_away(&archiving);
    archiving.push(&segments[1]).run().expect(0);
    bring_back(&archiving);
    agent.says("1 file that waited for far brought", 1);
    let log = agent.stops();
    assert_eq!(log.matches("error").count(), 0, "{log}");
    assert_eq!(drainers(&archiving), Vec::<String>::new());
}
