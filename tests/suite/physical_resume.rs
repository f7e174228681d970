//! A physical backup that is interrupted goes on: what is stored is not stored again, and what comes of it is a backup like
//! any other.

use super::incremental::{encrypted, on, project, server, state, state_of};
use super::incremental_s3::{block, far_in_bucket};
use crate::support::{Database, Moto, Project, S3Server, Version, s3_store, signal, until};
use backstay::catalog::Manifest;
use backstay::storage::{ObjectMeta, ObjectStore};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};

/// Three relations, each of which fills the half of a pack and more, so that each gets one.
const TABLES: &str =
    "CREATE TABLE a AS SELECT g AS id, md5(g::text) || repeat('a', 900) AS what FROM generate_series(1, 150000) g;
     CREATE TABLE b AS SELECT id, reverse(what) AS what FROM a;
     CREATE TABLE c AS SELECT id, upper(what) AS what FROM a";

/// Packs that were stored, by their file: of which node of the disk each is.
fn packs(project: &Project, storage: &str, id: &str) -> Vec<(String, u64)> {
    let files = project.files(storage).into_iter();
    let packs = files.filter(|file| file.contains(id) && file.contains("/pack-") && !file.ends_with("256"));
    packs.map(|file| (file.clone(), fs::metadata(project.path(storage).join(file)).unwrap().ino())).collect()
}

fn is_noted(project: &Project) -> bool {
    let noted = project.path("state/backstay/unfinished");
    walk(&noted).iter().any(|file| file.ends_with("pack.json.zst") && !file.contains(".tmp-"))
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let Ok(found) = fs::read_dir(folder) else { return Vec::new() };
    let below = |path: std::path::PathBuf| {
        if path.is_dir() { walk(&path) } else { vec![path.to_string_lossy().into_owned()] }
    };
    found.flat_map(|entry| below(entry.unwrap().path())).collect()
}

/// A backup that is under way and has its first pack.
fn halfway(project: &Project) -> Child {
    let mut command = project.backstay(&["backup", "app"]).into_command();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // Asked often: the packs that follow are stored in little more than a second.
    while !is_noted(project) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    assert_eq!(child.try_wait().unwrap(), None, "it ended before it could be interrupted");
    child
}

/// The id of the backup that is not whole.
fn interrupted(project: &Project) -> String {
    let noted = walk(&project.path("state/backstay/unfinished"));
    noted.first().and_then(|file| file.rsplit('/').nth(1)).unwrap().to_owned()
}

/// Takes the next backup, which goes on.
fn go_on(project: &Project, id: &str) -> (Manifest, String) {
    let run = project.backstay(&["backup", "app", "--json"]).run().expect(0);
    let manifest: Manifest = serde_json::from_value(run.json()["manifest"].clone()).unwrap();
    assert_eq!(manifest.id.as_str(), id, "{}", run.stderr);
    assert!(run.stderr.contains("goes on"), "{}", run.stderr);
    assert!(!is_noted(project), "what is whole is forgotten");
    (manifest, run.stderr)
}

#[test]
fn a_killed_backup_goes_on_with_the_packs_that_are_stored() {
    let server = server(Version::Distribution);
    let database = Database::create(server, "resume");
    database.psql(TABLES);
    let project = encrypted(&database);
    let mut child = halfway(&project);
    signal(&child, "-KILL");
    child.wait().unwrap();
    let id = interrupted(&project);
    let stored = [packs(&project, "near", &id), packs(&project, "far", &id)];
    assert!(!stored[0].is_empty() && !stored[1].is_empty(), "{stored:?}");
    let plan = project.backstay(&["plan"]).run().stdout;
    assert!(plan.contains("goes on from there"), "{plan}");
    assert!(!plan.contains("clear leftover data"), "{plan}");
    project.backstay(&["list", "app"]).run().expect(0);

    // What changed since is stored as it is now.
    database.psql("UPDATE a SET what = 'other' WHERE id = 7; DROP TABLE b; CREATE TABLE d AS SELECT * FROM a LIMIT 9");
    let (manifest, _) = go_on(&project, &id);
    assert_eq!(on(&manifest), None, "it is a full one");
    for (storage, before) in ["near", "far"].into_iter().zip(stored) {
        let after = packs(&project, storage, &id);
        assert!(after.len() > 1 && after.contains(&before[0]), "{storage}: {before:?}, then {after:?}");
        assert_eq!(
            after.len() as u64,
            manifest.objects.iter().filter(|file| file.name.starts_with("pack-")).count() as u64
        );
    }
    project.backstay(&["verify", "app", "--deep"]).run().expect(0);
    let now = state(|sql| database.psql(sql));
    assert_eq!(state_of(&project, &database, &id, &[]), now);

    // The next one refers to it, and is interrupted too, by the keyboard.
    database.psql("UPDATE a SET what = reverse(what); UPDATE c SET what = reverse(what)");
    until(|| jiff::Timestamp::now().as_second() > manifest.id.started().as_second());
    let child = halfway(&project);
    signal(&child, "-INT");
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("goes on from them"), "{said}");
    let second = interrupted(&project);
    assert_ne!(second, id);
    let (manifest, _) = go_on(&project, &second);
    assert_eq!(on(&manifest).as_deref(), Some(id.as_str()));
    let now = state(|sql| database.psql(sql));
    assert_eq!(state_of(&project, &database, &second, &[]), now);
    project.backstay(&["apply", "--yes"]).run().expect(0);
    let plan = project.backstay(&["plan"]).run().stdout;
    assert!(!plan.contains("leftover"), "{plan}");
}

#[test]
fn what_cannot_go_on_begins_anew_and_is_cleared() {
    let server = server(Version::Distribution);
    let database = Database::create(server, "resume");
    database.psql(TABLES);
    let project = project(&database, "");
    let mut child = halfway(&project);
    signal(&child, "-KILL");
    child.wait().unwrap();
    let id = interrupted(&project);
    // One storage lost what it had; the other one goes on, and the next plan brings the copy.
    fs::remove_dir_all(project.path(&format!("far/data/now/app/{id}"))).unwrap();
    let run = project.backstay(&["backup", "app", "--json"]).run().expect(7);
    assert_eq!(run.json()["manifest"]["id"], id.as_str(), "{}", run.stderr);
    assert!(run.stderr.contains("before it was interrupted"), "{}", run.stderr);
    project.backstay(&["sync", "--yes"]).run().expect(0);
    project.backstay(&["verify", "app", "--deep"]).run().expect(0);

    // Nor does one whose packs are nowhere whole.
    database.psql("UPDATE a SET what = reverse(what); UPDATE c SET what = reverse(what)");
    let mut child = halfway(&project);
    signal(&child, "-KILL");
    child.wait().unwrap();
    let second = interrupted(&project);
    fs::write(project.path(&packs(&project, "near", &second)[0].0.clone().replace("data/", "near/data/")), "short")
        .unwrap();
    fs::remove_dir_all(project.path(&format!("far/data/now/app/{second}"))).unwrap();
    let run = project.backstay(&["backup", "app", "--json"]).run().expect(0);
    assert_ne!(run.json()["manifest"]["id"], second.as_str());
    assert!(run.stderr.contains("does not go on"), "{}", run.stderr);
    let plan = project.backstay(&["plan"]).run().stdout;
    assert!(plan.contains("leftover"), "{plan}");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    let plan = project.backstay(&["plan"]).run().stdout;
    assert!(!plan.contains("leftover"), "{plan}");
}

#[test]
fn a_killed_backup_goes_on_in_a_bucket() {
    let moto = Moto::shared();
    let bucket = Moto::unique("resume");
    moto.aws(&["s3api", "create-bucket", "--bucket", &bucket]);
    goes_on_in_a_bucket(moto.port, &bucket);
}

#[test]
fn a_killed_backup_goes_on_on_a_server_that_lists_no_etags() {
    let server = S3Server::start();
    server.bucket("resume");
    goes_on_in_a_bucket(server.port, "resume");
}

fn goes_on_in_a_bucket(port: u16, bucket: &str) {
    let server = server(Version::Distribution);
    let database = Database::create(server, "resume_s3");
    database.psql(TABLES);
    let project = encrypted(&database);
    far_in_bucket(&project, port, bucket);
    let there = |id: &str| -> Vec<ObjectMeta> {
        let all = block(s3_store(port, bucket, "").list("data/")).unwrap().into_iter();
        all.filter(|meta| meta.key.contains(&format!("/{id}/pack-")) && !meta.key.ends_with("256")).collect()
    };
    let mut child = halfway(&project);
    signal(&child, "-KILL");
    child.wait().unwrap();
    let id = interrupted(&project);
    let before = there(&id);
    assert!(!before.is_empty(), "nothing of {id} is in the bucket");
    let plan = project.backstay(&["plan"]).run().stdout;
    assert!(plan.contains("goes on from there") && !plan.contains("clear leftover data"), "{plan}");

    database.psql("UPDATE a SET what = 'other' WHERE id = 7; DROP TABLE b; CREATE TABLE d AS SELECT * FROM a LIMIT 9");
    let (manifest, _) = go_on(&project, &id);
    let after = there(&id);
    assert!(after.len() > 1 && after.contains(&before[0]), "{before:?}, then {after:?}");
    project.backstay(&["verify", "app", "--deep"]).run().expect(0);
    fs::remove_dir_all(project.path("near/data")).unwrap();
    let now = state(|sql| database.psql(sql));
    assert_eq!(state_of(&project, &database, manifest.id.as_str(), &["--storage", "far"]), now);
    let plan = project.backstay(&["plan"]).run().stdout;
    assert!(!plan.contains("leftover"), "{plan}");
}
