//! Physical backups of real clusters: what comes back is the cluster, byte for byte, and a server starts on it.

use crate::support::{CANARY, Database, Project, Server, Version, shell};
use backstay::catalog::{Manifest, Method, WalOfBackup};
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

/// A server started on a restored folder; dropping it ends it.
struct Restored<'a> {
    origin: &'a Server,
    folder: PathBuf,
    socket: String,
    port: u16,
}

impl Restored<'_> {
    fn psql(&self, database: &str, sql: &str) -> String {
        let mut command = self.origin.client("psql", database);
        command.env("PGHOST", &self.socket).env("PGPORT", self.port.to_string());
        let output = command.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        let _ = self.origin.run_on(&self.folder, "pg_ctl", &["stop", "-m", "immediate", "-D"]);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server of its own with a database, and a policy whose tier is physical.
fn physical(database: &Database, more: &str) -> Project {
    let project = Project::new(database, more);
    project.edit_policy("    schedule: manual", "    method: physical\n    schedule: manual");
    project
}

fn manifest(project: &Project) -> Manifest {
    project.manifest("near")
}

#[test]
fn a_cluster_comes_back_byte_for_byte_and_a_server_starts_on_it() {
    for (version, read) in [
        (Version::Distribution, "replication"),
        (Version::Newer, "replication"),
        (Version::Distribution, "local"),
        (Version::Newer, "local"),
    ] {
        let server: &Server = Box::leak(Box::new(Server::start(version)));
        let source = Database::create(server, "shop");
        source.psql("CREATE TABLE t AS SELECT n, md5(n::text) AS word FROM generate_series(1, 50000) n");
        source.psql("CREATE UNLOGGED TABLE forgotten AS SELECT 1 AS n");
        let project = physical(
            &source,
            "    encryption: team\nencryption:\n  team: { type: age, recipients: [KEY], identity: '${file:{folder}/key}' }\n",
        );
        project.edit_policy("method: physical", &format!("method: physical\n    read: {read}"));
        let text = fs::read_to_string(project.path("backstay.yaml")).unwrap();
        fs::write(project.path("backstay.yaml"), text.replace("{folder}", project.path("").to_str().unwrap())).unwrap();
        let printed = shell(server, &project.path("."), "age-keygen -o key 2>&1");
        let public = String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap().to_owned();
        project.edit_policy("KEY", &public);
        project.backstay(&["backup", "app"]).run().expect(0);
        source.psql("INSERT INTO t VALUES (0, 'after the backup')");

        let made = manifest(&project);
        let cluster = made.cluster.clone().unwrap();
        assert_eq!((made.method, cluster.wal), (Method::Physical, WalOfBackup::Included));
        assert_eq!(cluster.system_identifier, source.psql("SELECT system_identifier FROM pg_control_system()").trim());
        assert!(cluster.start_lsn < cluster.stop_lsn && cluster.files > 900, "{cluster:#?}");
        let verified = project.backstay(&["verify", "app", "--deep"]).run().expect(0);
        assert!(verified.stdout.contains("good"), "{verified:#?}");

        // As files, before any server touches them.
        let folder = server.socket_dir().join("restored");
        let target = folder.to_str().unwrap();
        let dry = project.backstay(&["restore", "app", "--target-dir", target, "--dry-run"]).run().expect(0);
        assert!(dry.stdout.contains(&cluster.system_identifier) && !folder.exists(), "{dry:#?}");
        project.backstay(&["restore", "app", "--target-dir", target]).run().expect(0);
        server.run_on(&folder, "pg_verifybackup", &["--no-parse-wal"]).unwrap();
        assert!(folder.join("recovery.signal").is_file());
        let again = project.backstay(&["restore", "app", "--target-dir", target]).run().expect(4);
        assert!(again.stderr.contains("is not empty") && again.stderr.contains("--delta"), "{again:#?}");

        // What is there is used again: one file is damaged, one is missing, one is nobody's.
        let relation = source.psql("SELECT pg_relation_filepath('t')");
        let mut bytes = fs::read(folder.join(relation.trim())).unwrap();
        bytes[9_000] ^= 1;
        fs::write(folder.join(relation.trim()), bytes).unwrap();
        fs::remove_file(folder.join("PG_VERSION")).unwrap();
        let broken = project.backstay(&["restore", "app", "--target-dir", target, "--delta", "--yes"]).run().expect(4);
        assert!(broken.stderr.contains("neither empty nor a data directory"), "{broken:#?}");
        fs::write(folder.join("PG_VERSION"), "x").unwrap();
        fs::write(folder.join("base/999"), "nobody's").unwrap();
        let refused = project.backstay(&["restore", "app", "--target-dir", target, "--delta"]).run().expect(4);
        assert!(refused.stderr.contains("--yes"), "{refused:#?}");
        let port = free_port();
        let words = ["--delta", "--yes", "--start", "--port", &port.to_string(), "--json"].map(str::to_owned);
        let words: Vec<&str> =
            ["restore", "app", "--target-dir", target].into_iter().chain(words.iter().map(String::as_str)).collect();
        let done = project.backstay(&words).run().expect(0).json();
        let socket = done["recovered"]["socket"].as_str().unwrap().to_owned();
        let restored = Restored { origin: server, folder: folder.clone(), socket, port };
        assert!(done["kept_files"].as_u64().unwrap() > 900, "{done:#}");
        assert_eq!(done["removed_files"], 2, "the stranger and the signal of the restore before: {done:#}");
        assert_eq!(done["recovered"]["timeline"], 2, "{done:#}");
        assert!(!folder.join("base/999").exists());
        let digest = "SELECT count(*), md5(string_agg(word, ',' ORDER BY n)) FROM t WHERE n > 0";
        assert_eq!(restored.psql(&source.name, digest), source.psql(digest).trim());
        assert_eq!(restored.psql(&source.name, "SELECT count(*) FROM t WHERE n = 0"), "0", "it is as of the backup");
        assert_eq!(
            restored.psql(&source.name, "SELECT count(*) FROM forgotten"),
            "0",
            "unlogged tables come back empty"
        );
        assert!(!format!("{done:#}").contains(CANARY));
    }
}

#[test]
fn a_pack_is_an_archive_that_tar_reads() {
    let server: &Server = Box::leak(Box::new(Server::start(Version::Distribution)));
    let source = Database::create(server, "shop");
    source.psql("CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n");
    let project = physical(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let folder = project.data("near");
    let listed = shell(
        server,
        &folder,
        "sha256sum --strict -c *.sha256; for p in pack-*.tar.zst; do zstd -dc $p | tar -tf -; done",
    );
    let listed = String::from_utf8_lossy(&listed).into_owned();
    for file in ["backup_label", "global/pg_control", "PG_VERSION", "backup_manifest"] {
        assert!(listed.lines().any(|line| line == file), "{file} is not in {listed}");
    }
}

#[test]
fn a_backup_is_not_made_of_a_server_that_dies() {
    let server: &Server = Box::leak(Box::new(Server::start(Version::Distribution)));
    let source = Database::create(server, "shop");
    source.psql("CREATE TABLE t AS SELECT repeat(md5(n::text), 20) AS w FROM generate_series(1, 100000) n");
    let project = physical(&source, "");
    let mut child = project.backstay(&["backup", "app"]).into_command().spawn().unwrap();
    // As soon as something is written.
    while project.files("near").len() < 3 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    server.kill();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        project.files("near").iter().all(|file| !file.starts_with("manifest/") && !file.starts_with("data/")),
        "{said}"
    );
}

#[test]
fn a_base_backup_is_due_by_schedule_and_goes_when_it_is_old() {
    let server: &Server = Box::leak(Box::new(Server::start(Version::Distribution)));
    let source = Database::create(server, "shop");
    let project = Project::scheduled(&source, "");
    project.edit_policy("    schedule:", "    method: physical\n    schedule:");
    let plan = project.backstay(&["plan"]).run().expect(0);
    assert!(plan.stdout.contains("backup now: never backed up"), "{plan:#?}");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    assert_eq!(manifest(&project).method, Method::Physical);
    project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    let status = project.backstay(&["status"]).run();
    assert!(status.stdout.contains("app"), "{status:#?}");
    // Later ones push it out, at each storage as its `keep` says.
    project.edit_policy("keep: 7d", "keep: { last: 1 }");
    project.backstay(&["backup", "app"]).run().expect(0);
    let plan = project.backstay(&["plan"]).run().expect(0);
    assert!(plan.stdout.contains("prune now"), "{plan:#?}");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    let manifests = |storage: &str| project.files(storage).iter().filter(|file| file.starts_with("manifest/")).count();
    assert_eq!((manifests("near"), manifests("far")), (1, 2));
}

#[test]
fn a_process_that_only_has_the_number_of_a_server_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Command::new("sleep").arg("60").current_dir("/").spawn().unwrap();
    fs::write(folder.path().join("postmaster.pid"), format!("{}\n", other.id())).unwrap();
    backstay::postgres::stop_server(folder.path(), &crate::support::Environment::default()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(other.try_wait().unwrap().is_none(), "it was ended");
    other.kill().unwrap();
    other.wait().unwrap();
}
