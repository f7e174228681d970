//! What `backstay apply` makes of a world in disorder: copies that are missing or damaged, storages that cannot be
//! written, runs that were killed or interrupted.

use crate::support::{
    Database, Project, Server, assert_leftover_free, end, large, shell, signal, stopped_in_the_middle, unstop,
    with_earlier,
};
use std::fs;
use std::process::Command;

fn source(hint: &str) -> Database {
    let source = Database::create(Server::any(), hint);
    source.psql("CREATE TABLE t AS SELECT n, md5(n::text) FROM generate_series(1, 20000) n");
    source
}

/// A project with one backup in both storages.
fn applied(source: &Database) -> Project {
    let project = Project::scheduled(source, "");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    project
}

/// Names and digests of the files of the only backup in a storage.
fn digests(project: &Project, storage: &str) -> String {
    String::from_utf8(shell(Server::any(), &project.data(storage), "sha256sum *")).unwrap()
}

#[track_caller]
fn assert_settled(project: &Project) {
    project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    project.backstay(&["verify", "--deep"]).run().expect(0);
    assert_leftover_free(project);
}

#[test]
fn a_missing_copy_comes_from_the_good_one_and_not_from_the_database() {
    let source = source("sync_missing");
    let project = applied(&source);
    let before = digests(&project, "far");
    fs::remove_dir_all(project.path("far/data")).unwrap();
    fs::remove_dir_all(project.path("far/manifest")).unwrap();
    let run = project.backstay(&["plan", "--detailed-exitcode"]).run().expect(2);
    assert!(run.stdout.contains("the copy at far is missing, the one at near is good"), "{run:#?}");
    // Nobody reads the database: there is none at this address.
    let sync = project.backstay(&["sync", "--yes"]).env("DATABASE_URL", "postgresql://127.0.0.1:1/x");
    sync.run().expect(0);
    assert_eq!(digests(&project, "far"), before);
    assert_eq!(project.manifest("far"), project.manifest("near"));
    assert_settled(&project);
}

#[test]
fn a_damaged_copy_is_replaced_once_it_is_known() {
    let source = source("sync_damaged");
    let project = applied(&source);
    let before = digests(&project, "near");
    let dump = project.data("near").join("dump.zst");
    let mut bytes = fs::read(&dump).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&dump, &bytes).unwrap();
    // Its length is good, so only reading it tells.
    project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    project.backstay(&["verify"]).run().expect(8);
    let run = project.backstay(&["plan", "--detailed-exitcode"]).run().expect(2);
    assert!(run.stdout.contains("the copy at near is damaged, the one at far is good"), "{run:#?}");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    assert_eq!(digests(&project, "near"), before);
    assert_settled(&project);

    // A file that has gone needs no verification to be missed.
    fs::remove_file(&dump).unwrap();
    project.backstay(&["sync", "--yes"]).run().expect(0);
    assert_eq!(digests(&project, "near"), before);
    assert_settled(&project);
}

#[test]
fn a_copy_whose_manifest_is_damaged_is_replaced_by_a_good_one_only() {
    let source = source("sync_manifest");
    let project = applied(&source);
    let before = digests(&project, "far");
    let data = project.data("far");
    let left = || String::from_utf8(shell(Server::any(), &data, "sha256sum *")).unwrap();
    let manifest = data.to_string_lossy().replace("/far/data/", "/far/manifest/") + ".json";
    let spoilt = fs::read_to_string(&manifest).unwrap().replace("sha256", "sha265");
    fs::write(&manifest, spoilt).unwrap();
    // What is left of it is better than a source that is damaged itself.
    let dump = project.data("near").join("dump.zst");
    let good = fs::read(&dump).unwrap();
    let mut bytes = good.clone();
    bytes[100] ^= 1;
    fs::write(&dump, &bytes).unwrap();
    project.backstay(&["sync", "--yes"]).run().expect(1);
    assert_eq!(left(), before);
    // The run says that it met a damaged file, also when that is mended by it.
    fs::write(&dump, &good).unwrap();
    project.backstay(&["sync", "--yes"]).run().expect(7);
    assert_eq!(digests(&project, "far"), before);
    assert_settled(&project);
}

#[test]
fn a_copy_is_never_made_from_a_damaged_one() {
    let source = source("sync_source");
    let project = applied(&source);
    fs::remove_dir_all(project.path("far/data")).unwrap();
    fs::remove_dir_all(project.path("far/manifest")).unwrap();
    let dump = project.data("near").join("dump.zst");
    let mut bytes = fs::read(&dump).unwrap();
    bytes[100] ^= 1;
    fs::write(&dump, &bytes).unwrap();
    let run = project.backstay(&["sync", "--yes"]).run().expect(1);
    assert!(run.stdout.contains("is damaged") && run.stdout.contains("verify --deep"), "{run:#?}");
    // Where results and talk go to one place, the reason stands there once.
    let file = project.path("both");
    let both = fs::File::create(&file).unwrap();
    let mut call = project.backstay(&["sync", "--yes"]).into_command();
    call.stdout(both.try_clone().unwrap()).stderr(both).status().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.matches("is damaged").count() == 1 && text.contains("\nfailed copy app (now) "), "{text}");
    assert!(project.backup_files("far").is_empty(), "{:?}", project.backup_files("far"));
    assert_leftover_free(&project);
    // Once it is known that no good copy exists, a new backup is due.
    project.backstay(&["verify"]).run().expect(8);
    let run = project.backstay(&["apply", "--yes"]).run().expect(0);
    assert!(run.stdout.contains("no good backup exists"), "{run:#?}");
    project.manifest("far");
}

/// Makes `far` a place where nothing can be written, whoever tries: a file stands where a folder should be.
fn block(project: &Project, folder: &str) {
    let path = project.path(&format!("far/{folder}"));
    if path.exists() {
        fs::rename(&path, path.with_extension("aside")).unwrap();
    }
    fs::write(&path, "").unwrap();
}

fn unblock(project: &Project, folder: &str) {
    let path = project.path(&format!("far/{folder}"));
    fs::remove_file(&path).unwrap();
    if path.with_extension("aside").exists() {
        fs::rename(path.with_extension("aside"), &path).unwrap();
    }
}

#[test]
fn a_storage_that_cannot_be_written_does_not_stop_the_others() {
    let source = source("unwritable");
    let project = Project::scheduled(&source, "");
    project.backstay(&["apply", "--yes", "--only", "infra"]).run().expect(0);
    for folder in ["data", "manifest", "lock"] {
        block(&project, folder);
        let run = project.backstay(&["apply", "--yes"]).run().expect(7);
        assert!(run.stderr.contains("To do what is left: backstay apply"), "{folder}: {run:#?}");
        project.manifest("near");
        project.backstay(&["verify", "--deep", "--storage", "near"]).run().expect(0);
        assert!(!project.files("far").iter().any(|file| file.starts_with("manifest/") || file.starts_with("data/")));
        unblock(&project, folder);
        // The next run brings the copy from the good one, or takes what is due.
        let run = project.backstay(&["apply", "--yes"]).run().expect(0);
        assert!(run.stdout.contains("copy") || run.stdout.contains("missing"), "{folder}: {run:#?}");
        assert_settled(&project);
        for storage in ["near", "far"] {
            fs::remove_dir_all(project.path(storage).join("data")).unwrap();
            fs::remove_dir_all(project.path(storage).join("manifest")).unwrap();
        }
    }
}

#[test]
fn a_file_system_without_room_loses_its_copy_and_no_other() {
    let project_source = Database::create(Server::any(), "full");
    // Random bytes, so that compression does not make them fit.
    project_source.psql(
        "CREATE TABLE t AS SELECT n, decode(string_agg(md5(n || ' ' || m), ''), 'hex') AS bytes
         FROM generate_series(1, 10000) n, generate_series(1, 64) m GROUP BY n",
    );
    let project = Project::scheduled(&project_source, "");
    let far = project.path("far");
    fs::create_dir(&far).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m,mode=700", "none"]).arg(&far).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    }
    let _mounted = Mounted(far.clone());
    let run = project.backstay(&["apply", "--yes"]).run().expect(7);
    assert!(run.stdout.contains("No space left") || run.stderr.contains("No space left"), "{run:#?}");
    assert!(project.backup_files("far").is_empty(), "{:?}", project.backup_files("far"));
    assert!(fs::metadata(project.data("near").join("dump.zst")).unwrap().len() > 8 << 20);
    assert_leftover_free(&project);
    // A copy that cannot fit is not begun.
    let run = project.backstay(&["sync", "--yes"]).run().expect(1);
    assert!(run.stdout.contains("[BS535]") && !run.stdout.contains("No space left"), "{run:#?}");
    assert!(project.backup_files("far").is_empty());
    let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&far).status().unwrap();
    assert!(grown.success());
    project.backstay(&["apply", "--yes"]).run().expect(0);
    assert_eq!(digests(&project, "near"), digests(&project, "far"));
    assert_settled(&project);
}

#[test]
fn a_full_store_can_be_pruned() {
    let source = source("full_prune");
    let project = Project::scheduled(&source, "");
    let near = project.path("near");
    fs::create_dir(&near).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m,mode=700", "none"]).arg(&near).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    }
    let _mounted = Mounted(near.clone());
    project.backstay(&["apply", "--yes"]).run().expect(0);
    with_earlier(&project, 9);
    let mut filler = fs::File::create(near.join("filler")).unwrap();
    while std::io::Write::write_all(&mut filler, &[0; 4096]).is_ok() {}
    let n_manifests = || project.files("near").iter().filter(|file| file.starts_with("manifest/")).count();
    assert_eq!(n_manifests(), 10);
    project.backstay(&["prune", "--yes"]).run().expect(0);
    assert_eq!(n_manifests(), 7);
    assert_settled(&project);
}

#[test]
fn a_copy_leaves_free_what_must_stay_free() {
    let source = source("copy_floor");
    let project = Project::scheduled(&source, "");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    fs::remove_dir_all(project.path("far/manifest")).unwrap();
    fs::remove_dir_all(project.path("far/data")).unwrap();
    project.edit_policy(
        "path: {folder}/far".replace("{folder}", project.path("").to_str().unwrap().trim_end_matches('/')).as_str(),
        &format!("min_free: 100%, path: {}", project.path("far").display()),
    );
    let run = project.backstay(&["sync", "--yes"]).run().expect(1);
    assert!(run.stdout.contains("[BS535]") && run.stdout.contains("100% of"), "{run:#?}");
    assert!(project.backup_files("far").is_empty());
}

/// A mounted file system, unmounted when dropped.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn what_a_killed_run_left_is_named_and_cleared() {
    let source = large(Server::any(), "leftovers");
    let project = Project::scheduled(&source, "");
    let (mut child, hold) = stopped_in_the_middle(&project, &["apply", "--yes"]);
    // While it runs, its upload is in use and not a leftover.
    let run = project.backstay(&["plan"]).run().expect(0);
    assert!(!run.stdout.contains("never finished"), "{run:#?}");
    signal(&child, "-KILL");
    child.wait().unwrap();
    drop(hold);
    unstop(&project);
    // The killed run's pg_dump and its wrapper may hold nothing back.
    let listed = project.backstay(&["list", "--json"]).run().expect(0).json();
    assert!(listed["databases"].as_array().unwrap().iter().all(|d| d["backups"] == serde_json::json!([])), "{listed}");
    let run = project.backstay(&["plan"]).run().expect(0);
    assert!(run.stdout.contains("an upload that was never finished"), "{run:#?}");
    assert!(run.stdout.contains("was interrupted after step"), "{run:#?}");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    project.manifest("near");
    let run = project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    assert!(!run.stdout.contains("interrupted"), "{run:#?}");
    assert_settled(&project);
}

#[test]
fn an_interrupted_run_stops_cleanly() {
    let source = large(Server::any(), "interrupted_apply");
    let project = Project::scheduled(&source, "  other:\n    connection: ${env:DATABASE_URL}\n    tiers: [now]\n");
    for name in ["-INT", "-TERM"] {
        let (child, hold) = stopped_in_the_middle(&project, &["apply", "--yes"]);
        signal(&child, name);
        let run = end(child).expect(130);
        drop(hold);
        assert!(run.stdout.contains("interrupted"), "{run:#?}");
        assert!(run.stderr.contains("To do what is left: backstay apply"), "{run:#?}");
        assert!(project.backup_files("near").is_empty() && project.backup_files("far").is_empty());
        assert_leftover_free(&project);
        fs::remove_file(project.path("fifo")).unwrap();
        let text = fs::read_to_string(project.path("backstay.yaml")).unwrap();
        let without: String = text.lines().filter(|line| !line.contains("exec:")).map(|l| format!("{l}\n")).collect();
        fs::write(project.path("backstay.yaml"), without).unwrap();
    }
    project.backstay(&["apply", "--yes"]).run().expect(0);
    assert_settled(&project);
}

#[test]
fn a_lost_marker_is_told_and_nothing_is_cleared_beside_it() {
    let source = source("lost_marker");
    let project = applied(&source);
    fs::remove_file(project.path("near/backstay.json")).unwrap();
    let manifests = shell(Server::any(), &project.path("near"), "find manifest -name '2*.json' ! -name '*verified*'");
    fs::remove_file(project.path("near").join(String::from_utf8(manifests).unwrap().trim())).unwrap();
    let data = || project.files("near").into_iter().filter(|key| key.starts_with("data/")).collect::<Vec<_>>();
    let before = data();
    let run = project.backstay(&["plan", "--only", "prune"]).run().expect(0);
    assert!(run.stdout.contains("its marker is gone, so what looks left over is not cleared"), "{run:#?}");
    project.backstay(&["apply", "--yes", "--only", "prune"]).run().expect(0);
    assert_eq!((data(), before.len()), (before.clone(), 4));
}

#[test]
fn a_store_whose_disk_is_not_mounted_is_not_touched() {
    let source = source("not_mounted");
    let project = Project::scheduled(&source, "");
    let policy = fs::read_to_string(project.path("backstay.yaml")).unwrap();
    let mount_point = project.path("disk");
    fs::create_dir(&mount_point).unwrap();
    let path = policy.lines().find(|line| line.contains("far:")).unwrap();
    let mounted =
        path.replace("type: filesystem,", &format!("type: filesystem, mounted_at: {},", mount_point.display()));
    assert_ne!(path, mounted);
    fs::write(project.path("backstay.yaml"), policy.replace(path, &mounted)).unwrap();
    let plan = project.backstay(&["plan"]).run().expect(1);
    assert!(plan.stdout.contains("nothing is mounted at"), "{plan:#?}");
    let run = project.backstay(&["apply", "--yes"]).run().expect(7);
    assert!(run.stdout.contains("nothing is mounted at"), "{run:#?}");
    assert!(!project.path("far").exists());
    assert!(project.path("near/backstay.json").exists());
}
