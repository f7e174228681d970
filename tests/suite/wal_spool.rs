//! The spool of `wal push`: a storage is away, the server goes on, and nothing is lost or told falsely.

use crate::support::{Archiving, Version, until};
use std::fs;
use std::path::PathBuf;

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
    assert!(told.contains("64 files that waited for far brought") && told.contains("others wait longer"), "{told}");
    assert_eq!(waiting(&archiving).len(), 73 - 64 + 1);
    let third = archiving.finish_segment();
    push(&third);
    assert_eq!(waiting(&archiving), Vec::<String>::new());
    let files = archiving.files("far");
    assert!(files.contains(&second) && files.contains(&third) && files.len() == 75, "{}", files.len());
}
