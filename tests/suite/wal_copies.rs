//! WAL that one storage lacks is brought from another.

use crate::point_in_time::{archive_all, call};
use crate::support::{Archiving, Version};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// An archive in two storages, with a base backup and WAL before and after it.
fn archived() -> Archiving {
    let archiving = Archiving::start(Version::Distribution);
    archiving.archive();
    archive_all(&archiving);
    call(&archiving, &["backup", "main"]).run().expect(0);
    (0..3).for_each(|_| archive_all(&archiving));
    archiving
}

fn stored(archiving: &Archiving, storage: &str) -> Vec<PathBuf> {
    archiving.keys(storage).into_iter().map(|key| archiving.path(storage).join(key)).collect()
}

/// Everything there was stored an hour ago.
fn age(archiving: &Archiving, storage: &str) {
    for path in stored(archiving, storage) {
        let then = SystemTime::now() - Duration::from_secs(3600);
        fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    }
}

#[test]
fn what_a_storage_lacks_is_brought_from_another_and_what_is_not_needed_is_not() {
    let archiving = archived();
    call(&archiving, &["apply", "--only", "prune", "--yes"]).run().expect(0);
    call(&archiving, &["plan", "--only", "copies,prune", "--detailed-exitcode"]).run().expect(0);
    let before = archiving.keys("near");
    for path in stored(&archiving, "far") {
        fs::remove_file(path).unwrap();
    }
    // Whoever archives may be bringing it.
    call(&archiving, &["plan", "--only", "copies", "--detailed-exitcode"]).run().expect(0);
    age(&archiving, "near");
    let planned = call(&archiving, &["plan", "--only", "copies", "--detailed-exitcode"]).run().expect(2);
    assert!(planned.stdout.contains("> copy WAL of cluster") && planned.stdout.contains("from near"), "{planned:#?}");
    assert!(planned.stdout.contains("far lacks what near has"), "{planned:#?}");
    let done = call(&archiving, &["sync", "--yes"]).run().expect(0);
    assert!(done.stderr.contains(" files, ") && done.stderr.contains(" copied"), "{done:#?}");
    assert_eq!(archiving.keys("far"), before);
    for (near, far) in stored(&archiving, "near").into_iter().zip(stored(&archiving, "far")) {
        assert_eq!(fs::read(near).unwrap(), fs::read(far).unwrap());
    }
    call(&archiving, &["plan", "--only", "copies,prune", "--detailed-exitcode"]).run().expect(0);
    call(&archiving, &["wal", "verify", "main"]).run().expect(0);

    // Older WAL, that is on its way out, is brought nowhere.
    call(&archiving, &["backup", "main"]).run().expect(0);
    let first =
        fs::read_dir(archiving.path("near/manifest/base/main")).unwrap().flatten().map(|e| e.path()).min().unwrap();
    fs::remove_file(first).unwrap();
    for path in stored(&archiving, "far") {
        fs::remove_file(path).unwrap();
    }
    age(&archiving, "near");
    call(&archiving, &["apply", "--only", "copies,prune", "--yes"]).run().expect(0);
    assert_eq!(archiving.keys("far"), archiving.keys("near"));
    assert!(archiving.keys("far").len() < before.len(), "{before:?}");
}

#[test]
fn what_is_cut_short_or_has_two_contents_is_not_brought() {
    let archiving = archived();
    let segments = |storage: &str| -> Vec<PathBuf> {
        stored(&archiving, storage).into_iter().filter(|path| !path.to_str().unwrap().contains(".backup")).collect()
    };
    for path in stored(&archiving, "far") {
        fs::remove_file(path).unwrap();
    }
    let (last, twice) = (segments("near").pop().unwrap(), segments("near")[1].clone());
    // Another content of the same file: the digest in its name differs.
    let name = twice.file_name().unwrap().to_str().unwrap();
    let (file, rest) = name.split_once('-').unwrap();
    let other = format!("{file}-{}{}", "0".repeat(32), &rest[32..]);
    fs::copy(&twice, twice.with_file_name(other)).unwrap();
    age(&archiving, "near");
    call(&archiving, &["sync", "--yes"]).run().expect(0);
    let there: Vec<String> = segments("far").iter().map(|path| path.display().to_string()).collect();
    assert!(there.iter().all(|path| !path.contains(file)) && !there.is_empty(), "{there:?}");

    fs::remove_file(archiving.path("far").join(last.strip_prefix(archiving.path("near")).unwrap())).unwrap();
    let mut bytes = fs::read(&last).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&last, bytes).unwrap();
    age(&archiving, "near");
    let run = call(&archiving, &["sync", "--yes"]).run().expect(1);
    assert!(run.stderr.contains("damaged") && run.stderr.contains("0 files"), "{run:#?}");
    assert_eq!(segments("far").len(), there.len() - 1);
}
