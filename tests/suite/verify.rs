//! Verification: every changed byte is found and named, and nothing that is sound is blamed.

use crate::support::{Database, Project, Server, shell};
use backstay::catalog::{CopyVerdict, Inspection, JournalOutcome, VerifyLevel};
use backstay::codec::Keys;
use backstay::event::Silent;
use backstay::repository::{Journal, LEASE_TTL, Repository, this_process};
use backstay::storage::{Faults, FaultyStore, FilesystemStore};
use backstay::verify::{Means, Selection, verify};
use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

fn source() -> Database {
    let source = Database::create(Server::any(), "verified");
    source.psql(
        "CREATE TABLE t AS SELECT n, md5(n::text) FROM generate_series(1, 3000) n;
         CREATE TABLE \"empty one\" (x int); SELECT lo_from_bytea(0, 'large object')",
    );
    source
}

/// A project whose backups are encrypted to a key in `folder/key`.
fn encrypted(source: &Database) -> Project {
    let lines = "    encryption: team\nencryption:\n  team:\n    type: age\n    recipients: [KEY]\n    \
                 identity: ${file:{folder}/key}\n";
    let project = Project::new(source, lines);
    let printed = shell(source.server, &project.path("."), "age-keygen -o key 2>&1");
    let public = String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap().to_owned();
    project.edit_policy("KEY", &public);
    project
}

fn means(keys: Keys) -> Means {
    Means { keys, observer: Arc::new(Silent), stop: CancellationToken::new() }
}

async fn verified(repository: &Repository, level: VerifyLevel, keys: &Keys) -> Inspection {
    verify(repository, &Selection::default(), level, &means(keys.clone())).await.unwrap()
}

/// Flips a bit in a file as a disk would: name, length, inode and time stay.
fn flip(path: &Path, at: u64) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x04], at).unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_may_only_be_read_is_verified() {
    let project = tokio::task::spawn_blocking(|| {
        let source = source();
        let project = Project::new(&source, "");
        project.backstay(&["backup", "app"]).run().expect(0);
        project
    })
    .await
    .unwrap();
    let store = Arc::new(FilesystemStore::new(project.path("near"), 0o700));
    let repository = Repository::new("near", Arc::new(FaultyStore::new(store, Faults::Writes)));
    let found = verified(&repository, VerifyLevel::Deep, &Keys::default()).await;
    assert_eq!(found.copies.len(), 1);
    assert_eq!(found.copies[0].verdict, CopyVerdict::Good);
    assert!(!found.is_partial() && found.damage().is_empty(), "{found:#?}");
    assert!(found.unkept.iter().any(|(storage, reason)| storage == "near" && reason.contains("on purpose")));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flipped_bit_in_any_file_is_found_and_named() {
    let project = tokio::task::spawn_blocking(|| {
        let source = source();
        let project = encrypted(&source);
        project.backstay(&["backup", "app"]).run().expect(0);
        project.backstay(&["verify", "--storage", "near"]).run().expect(0);
        project
    })
    .await
    .unwrap();
    let repository = project.repository("near");
    let keys = Keys {
        age_identities: vec![backstay::base::Secret::new(fs::read_to_string(project.path("key")).unwrap())],
        ..Keys::default()
    };
    let mut journal =
        Journal::begin(&repository, "plan", this_process("run", "apply"), ["a".to_owned()]).await.unwrap();
    journal.record(vec![("a".to_owned(), JournalOutcome::Done)]).await.unwrap();
    journal.finish().await.unwrap();
    let lease = repository.lock("other", this_process("run", "apply"), LEASE_TTL * 100).await.unwrap();
    let clean = verified(&repository, VerifyLevel::Deep, &keys).await;
    assert_eq!(clean.damage(), []);
    assert!(!clean.is_partial());
    let files = project.files("near");
    assert_eq!(clean.n_files, files.len() as u64, "every file is read: {files:?}");
    for kind in ["backstay.json", "data/", "index/", "journal/", "lock/", "manifest/"] {
        assert!(files.iter().any(|file| file.starts_with(kind)), "{kind}");
    }
    for file in files {
        let path = project.path("near").join(&file);
        let length = fs::metadata(&path).unwrap().len();
        let step = (length / 12).max(1);
        for at in (0..length).step_by(step as usize).chain([length - 1]) {
            let whole = fs::read(&path).unwrap();
            // A record that was written again may be shorter: its times end where their zeros begin.
            let at = at.min(whole.len() as u64 - 1);
            flip(&path, at);
            let found = verified(&repository, VerifyLevel::Deep, &keys).await;
            let named: Vec<_> = found.damage().into_iter().map(|problem| problem.key).collect();
            assert_eq!(named, std::slice::from_ref(&file), "byte {at} of {length}");
            assert!(!found.is_partial(), "{found:#?}");
            if fs::read(&path).unwrap() != whole {
                // Still there, as damage stays; put the sound file back without a trace.
                let modified = fs::metadata(&path).unwrap().modified().unwrap();
                let mut file = File::options().write(true).truncate(true).open(&path).unwrap();
                file.write_all(&whole).unwrap();
                file.set_times(FileTimes::new().set_modified(modified)).unwrap();
            }
            let again = verified(&repository, VerifyLevel::Deep, &keys).await;
            assert_eq!(again.damage(), [], "{file} is whole again");
        }
    }
    lease.release().await.unwrap();
}

#[test]
fn the_verb_says_what_is_wrong_and_exits_so() {
    let source = source();
    let project = encrypted(&source);
    project.backstay(&["backup", "app"]).run().expect(0);
    let run = project.backstay(&["verify", "--deep"]).run().expect(0);
    assert!(run.stdout.contains("2 of 2 copies verified down to every row"), "{run:#?}");
    let listed = project.backstay(&["list", "--json"]).run().expect(0).json();
    assert_eq!(listed["databases"][0]["backups"][0]["copies"][0]["verified_level"], "deep");

    // Without the key a deep verification is not damage, and a quick one needs none.
    fs::rename(project.path("key"), project.path("gone")).unwrap();
    let run = project.backstay(&["verify", "--deep"]).run().expect(1);
    assert!(run.stdout.contains("no age identity is configured") && run.stdout.contains("2 undecided"), "{run:#?}");
    project.backstay(&["verify"]).run().expect(0);
    fs::rename(project.path("gone"), project.path("key")).unwrap();

    let dump = project.data("near").join("dump.zst.age");
    flip(&dump, 5000);
    let run = project.backstay(&["verify", "app", "--json"]).run().expect(8);
    let key = dump.strip_prefix(project.path("near")).unwrap().to_str().unwrap().to_owned();
    assert_eq!(run.json()["damaged"][0]["key"], key.as_str());
    assert_eq!(run.json()["copies"][0]["result"], "damaged");
    assert_eq!(run.json()["copies"][1]["result"], "good");
    let run = project.backstay(&["verify", "app", "--storage", "near"]).run().expect(8);
    assert!(run.stdout.contains(&format!("near: {key}")), "{run:#?}");
    project.backstay(&["verify", "--storage", "far", "--deep"]).run().expect(0);
    let listed = project.backstay(&["list", "--json"]).run().expect(0).json();
    assert_eq!(listed["databases"][0]["backups"][0]["copies"][0]["state"], "damaged");

    fs::remove_file(&dump).unwrap();
    let run = project.backstay(&["verify", "app"]).run().expect(8);
    assert!(run.stdout.contains("it is missing"), "{run:#?}");
    flip(&project.path("far/backstay.json"), 30);
    let run = project.backstay(&["verify", "--storage", "far"]).run().expect(8);
    assert!(run.stdout.contains("far: backstay.json"), "{run:#?}");
}

#[test]
fn mistyped_names_do_not_look_verified() {
    let source = source();
    let project = Project::new(&source, "");
    project.backstay(&["verify"]).run().expect(0);
    project.backstay(&["verify", "app"]).run().expect(0);
    let run = project.backstay(&["verify", "ap"]).run().expect(1);
    assert!(run.stderr.contains("`app`"), "{run:#?}");
    project.backstay(&["verify", "--storage", "neer"]).run().expect(1);
    project.backstay(&["verify", "--id", "20261120T020000Z-k3f9"]).run().expect(1);
    project.backstay(&["verify", "--id", "latest"]).run().expect(64);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_compared_with_the_manifest() {
    let project = tokio::task::spawn_blocking(|| {
        let source = source();
        let project = Project::new(&source, "");
        project.backstay(&["backup", "app"]).run().expect(0);
        project
    })
    .await
    .unwrap();
    let repository = project.repository("near");
    let mut manifest = project.manifest("near");
    let key = backstay::repository::layout::manifest_key("now", "app", &manifest.id);
    // A manifest that was sealed with another count: only the rows themselves can tell.
    manifest.tables.iter_mut().find(|table| table.rows == 3000).unwrap().rows = 2999;
    let sealed = backstay::catalog::seal(&manifest);
    repository.store.put(&key, sealed.into(), backstay::storage::Condition::Always).await.unwrap();
    let keys = Keys::default();
    assert_eq!(verified(&repository, VerifyLevel::Checksum, &keys).await.damage(), []);
    let found = verified(&repository, VerifyLevel::Deep, &keys).await;
    let CopyVerdict::Damaged(problems) = &found.copies[0].verdict else { panic!("{found:#?}") };
    assert_eq!(problems[0].problem, "`public.t` has 3000 rows instead of 2999");
}
