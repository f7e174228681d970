//! Base backups that read the data directory themselves, `read: local`: the same as from the server, under load, of a
//! standby, with what is damaged named.

use crate::support::{Database, Project, Server, Version, until};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A policy whose tier reads files.
fn local(database: &Database) -> Project {
    let project = Project::new(database, "");
    project.edit_policy("    schedule: manual", "    method: physical\n    read: local\n    schedule: manual");
    project
}

fn start(settings: &[&str]) -> &'static Server {
    Box::leak(Box::new(Server::start_with(Version::Distribution, settings)))
}

/// Restores the newest backup beside the server.
fn restored(project: &Project, server: &Server, more: &[&str]) -> (serde_json::Value, std::path::PathBuf) {
    let folder = server.socket_dir().join("restored");
    let words = [&["restore", "app", "--target-dir", folder.to_str().unwrap(), "--json"], more].concat();
    (project.backstay(&words).run().expect(0).json(), folder)
}

fn load(source: &Database) -> Child {
    let server = source.server;
    let made = server.client("pgbench", &source.name).args(["-i", "-q", "-s", "5"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut load = server.client("pgbench", &source.name);
    load.args(["-c", "4", "-T", "300", "-n"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn under_load_what_comes_back_is_consistent() {
    let server = start(&["shared_buffers=1MB", "max_wal_size=64MB"]);
    let source = Database::create(server, "bank");
    let mut load = load(&source);
    let project = local(&source);
    until(|| source.psql("SELECT count(*) > 200 FROM pgbench_history") == "t");
    project.backstay(&["backup", "app"]).run().expect(0);
    load.kill().unwrap();
    load.wait().unwrap();
    let made = project.manifest("near");
    assert!(made.origin.dump_program.ends_with("on the server's host"), "{:#?}", made.origin);
    assert_eq!(made.cluster.unwrap().bad_pages, []);
    project.backstay(&["verify", "app", "--deep"]).run().expect(0);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (done, folder) = restored(&project, server, &["--start", "--port", &port]);
    let mut ask = server.client("psql", &source.name);
    ask.env("PGHOST", done["recovered"]["socket"].as_str().unwrap()).env("PGPORT", &port);
    let sql = "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)
                  AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)
                  AND (SELECT count(*) > 200 FROM pgbench_history)";
    let said = ask.args(["-XqAt", "-c", sql]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "t", "{}", String::from_utf8_lossy(&said.stderr));
    let mut check = server.client("pg_amcheck", &source.name);
    check.env("PGHOST", done["recovered"]["socket"].as_str().unwrap()).env("PGPORT", &port);
    let checked = check.args(["--install-missing", "--all", "--heapallindexed"]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    stop(server, &folder);
}

fn stop(server: &Server, folder: &Path) {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    let owner = fs::metadata(folder).unwrap();
    let mut command = Command::new(server.bin.join("pg_ctl"));
    command.args(["stop", "-m", "immediate", "-D"]).arg(folder).current_dir("/").uid(owner.uid()).gid(owner.gid());
    assert!(command.output().unwrap().status.success());
}

#[test]
fn a_damaged_page_is_named_and_the_backup_is_made() {
    let server = start(&[]);
    let source = Database::create(server, "shop");
    source.psql("CREATE TABLE t AS SELECT n, repeat('x', 500) AS word FROM generate_series(1, 500) n");
    source.psql("CHECKPOINT");
    let relation = source.psql("SELECT pg_relation_filepath('t')");
    if source.psql("SHOW data_checksums") != "on" {
        panic!("the servers of the tests have checksums");
    }
    let file = fs::OpenOptions::new().write(true).open(server.data().join(&relation)).unwrap();
    file.write_all_at(b"damage", 8192 * 7 + 5000).unwrap();
    let project = local(&source);
    let said = project.backstay(&["backup", "app"]).run().expect(0);
    assert!(said.stderr.contains("page 7") && said.stderr.contains(&relation), "{said:?}");
    let bad = project.manifest("near").cluster.unwrap().bad_pages;
    assert_eq!(bad.iter().map(|bad| (bad.file.as_str(), bad.page)).collect::<Vec<_>>(), [(relation.as_str(), 7)]);
}

#[test]
fn what_is_of_the_running_server_only_stays_out() {
    let server = start(&[]);
    let source = Database::create(server, "shop");
    source.psql("CREATE UNLOGGED TABLE forgotten AS SELECT n FROM generate_series(1, 10000) n");
    let unlogged = source.psql("SELECT pg_relation_filepath('forgotten')");
    fs::write(server.data().join("of-a-user.conf"), "kept").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", server.data().join("link")).unwrap();
    let project = local(&source);
    let said = project.backstay(&["backup", "app"]).run().expect(0);
    assert!(said.stderr.contains("`link` is neither a file nor a folder"), "{said:?}");
    let (_, folder) = restored(&project, server, &[]);
    assert!(!folder.join(&unlogged).exists() && folder.join(format!("{unlogged}_init")).is_file());
    assert!(folder.join("of-a-user.conf").is_file() && !folder.join("link").exists());
    assert!(!folder.join("postmaster.pid").exists());
    let (ours, theirs) = (listing(&folder), listing(&server.data()));
    for folder in ["pg_notify", "pg_tblspc", "pg_wal/archive_status", "base", "global", "pg_xact"] {
        assert!(ours.contains(&folder.to_owned()), "{folder}: {ours:?}");
    }
    // What a restore writes itself.
    let made = ["backup_label", "backup_manifest", "recovery.signal", "pg_wal"];
    let strange: Vec<&String> =
        ours.iter().filter(|path| !theirs.contains(path) && !made.iter().any(|made| path.starts_with(made))).collect();
    assert_eq!(strange, Vec::<&String>::new());
}

fn listing(root: &Path) -> Vec<String> {
    let (mut all, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            all.push(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    all
}

#[test]
fn files_that_cannot_be_read_are_told_and_no_slot_stays() {
    let server = start(&[]);
    let source = Database::create(server, "shop");
    let project = local(&source);
    if Server::user().is_some() {
        // Somebody who has everything but the right to read the data directory.
        let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(project.path("")).status().unwrap();
        assert!(owned.success());
        let refused = project.backstay(&["backup", "app"]).by_user(Some((65_534, 65_534))).run().expect(1);
        assert!(
            refused.stderr.contains("BS921") && refused.stderr.contains("cannot be read on this host"),
            "{refused:?}"
        );
    }
    assert_eq!(source.psql("SELECT count(*) FROM pg_replication_slots"), "0");
    project.backstay(&["backup", "app"]).run().expect(0);
    assert_eq!(source.psql("SELECT count(*) FROM pg_replication_slots"), "0");
}
