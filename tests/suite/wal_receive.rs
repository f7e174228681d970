//! `backstay wal receive` on real servers: no byte is lost, whatever ends or moves meanwhile.

use crate::support::{Backstay, CANARY, Environment, Server, Version};
use backstay::base::{Secret, WalFile, WalSegment};
use backstay::catalog::wal::WalObject;
use backstay::postgres::Connection;
use backstay::postgres::replication::{BaseBackupOptions, Checkpoint, ReplicationSession};
use backstay::repository::Repository;
use backstay::storage::FilesystemStore;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A policy that streams the WAL of `app` into `near` and `far`, and the folder that everything lies in.
struct Field {
    folder: tempfile::TempDir,
    url: String,
    programs: PathBuf,
}

const POLICY: &str = "\
version: 1
name: test
storage:
  near: { type: filesystem, path: {folder}/near }
  far: { type: filesystem, path: {folder}/far }
tiers:
  now:
    schedule: manual
    copies: [{ to: near, keep: 7d }]
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [now]
    wal: { mode: stream, to: [near, far] }
";

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work)
}

impl Field {
    fn new(server: &Server) -> Field {
        Field::with_url(server, server.url("postgres"))
    }

    fn with_url(server: &Server, url: String) -> Field {
        let folder = tempfile::Builder::new().prefix("backstay-receive-").tempdir().unwrap();
        let field = Field { folder, url, programs: server.bin.clone() };
        fs::write(field.path("backstay.yaml"), POLICY.replace("{folder}", field.folder.path().to_str().unwrap()))
            .unwrap();
        for storage in ["near", "far"] {
            block(field.repository(storage).create_marker(1, jiff::Timestamp::UNIX_EPOCH)).unwrap();
        }
        field
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    fn repository(&self, storage: &str) -> Repository {
        Repository::new(storage, Arc::new(FilesystemStore::new(self.path(storage), 0o700)))
    }

    fn backstay(&self, words: &[&str]) -> Backstay {
        let state = self.path("state").display().to_string();
        let words = words.iter().copied().chain(["--database", "app", "--state-dir", &state]);
        Backstay::new(words)
            .current_dir(self.folder.path())
            .env("DATABASE_URL", &self.url)
            .env("BACKSTAY_PG_BIN", &self.programs)
    }

    /// Starts receiving with more words.
    fn receive(&self, more: &[&str]) -> Receiver {
        let words: Vec<&str> = ["wal", "receive"].iter().chain(more).copied().collect();
        let log = self.path("log");
        let mut command = self.backstay(&words).into_command();
        let file = fs::File::options().create(true).append(true).open(&log).unwrap();
        Receiver { child: command.stderr(file).stdout(Stdio::null()).spawn().unwrap(), log }
    }

    /// What a storage has of the cluster's WAL.
    fn stored(&self, storage: &str) -> Vec<WalObject> {
        block(self.repository(storage).wal_of("app")).unwrap()
    }

    fn segments(&self, storage: &str) -> Vec<WalSegment> {
        let stored = self.stored(storage);
        let mut segments: Vec<_> = stored
            .iter()
            .filter_map(|object| match object.file {
                WalFile::Segment(segment) => Some(segment),
                _ => None,
            })
            .collect();
        segments.sort_unstable();
        segments
    }

    /// The content of every stored file, by name. Two contents of one name fail.
    fn contents(&self, storage: &str) -> BTreeMap<String, Vec<u8>> {
        let mut contents = BTreeMap::new();
        let mut folders = vec![self.path(storage).join("wal")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let name = entry.file_name().into_string().unwrap();
                // What a writer was killed over is no key of the store.
                if name.starts_with(".tmp-") {
                    continue;
                }
                let bytes = fs::read(entry.path()).unwrap();
                let plain = if name.ends_with(".zst") { zstd::decode_all(&bytes[..]).unwrap() } else { bytes };
                let file = name.split_once('-').unwrap().0.to_owned();
                assert!(contents.insert(file, plain).is_none(), "{name} is there twice");
            }
        }
        contents
    }

    /// Asserts that what is stored is what a server has, and without a gap from the first segment to the last. Gives the
    /// number of segments.
    fn compare(&self, storage: &str, server: &Server) -> usize {
        let contents = self.contents(storage);
        let mut n = 0;
        for (name, content) in &contents {
            let own = server.data().join("pg_wal").join(name);
            if name.parse::<WalSegment>().is_ok() {
                assert!(fs::read(&own).unwrap_or_else(|error| panic!("{name}: {error}")) == *content, "{name} differs");
                n += 1;
            }
        }
        let segments = self.segments(storage);
        let size = backstay::base::SegmentSize::DEFAULT;
        for pair in segments.windows(2) {
            assert_eq!(pair[1].number(size), pair[0].number(size) + 1, "{segments:?}");
        }
        n
    }
}

/// A running `backstay wal receive`. Dropping it kills it.
struct Receiver {
    child: Child,
    log: PathBuf,
}

impl Receiver {
    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it streams.
    fn streams(self, server: &Server) -> Receiver {
        until("it streams", || {
            server.psql(
                "postgres",
                "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'backstay' AND state = 'streaming'",
            ) == "1"
        });
        self
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a service manager does and gives its exit status.
    fn terminate(mut self) -> Option<i32> {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// Waits until it ends by itself.
    fn end(mut self) -> (Option<i32>, String) {
        until("it ends", || self.child.try_wait().unwrap().is_some());
        (self.child.wait().unwrap().code(), self.log())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        assert!(!self.log().contains(CANARY));
    }
}

/// A server that keeps all its WAL, so that it can be compared.
fn server() -> Server {
    let server = Server::start(Version::Distribution);
    server.psql("postgres", "ALTER SYSTEM SET wal_keep_size = '10GB'");
    server.psql("postgres", "SELECT pg_reload_conf()");
    server.psql("postgres", "CREATE TABLE t (n bigint, filler text)");
    server
}

/// Writes about this many segments.
fn write(server: &Server, segments: usize) {
    for _ in 0..segments {
        server.psql("postgres", "INSERT INTO t SELECT g, repeat('x', 900) FROM generate_series(1, 15000) g");
    }
}

fn switch(server: &Server) {
    // Two transactions: the first one's commit is to be in the segment that ends.
    server.psql("postgres", "INSERT INTO t VALUES (0, '')");
    server.psql("postgres", "SELECT pg_switch_wal()");
}

/// The segment that a server writes now.
fn current(server: &Server) -> WalSegment {
    server.psql("postgres", "SELECT pg_walfile_name(pg_current_wal_insert_lsn())").parse().unwrap()
}

/// Waits until both storages have everything up to the segment that the server writes.
fn settled(field: &Field, server: &Server) {
    switch(server);
    let size = backstay::base::SegmentSize::DEFAULT;
    let now = current(server).number(size);
    for storage in ["near", "far"] {
        until("everything is stored", || {
            field.segments(storage).last().is_some_and(|last| last.number(size) + 1 >= now)
        });
    }
}

#[test]
fn everything_written_is_stored_and_the_slot_follows() {
    let server = server();
    let field = Field::new(&server);
    let receiver = field.receive(&["--slot", "backstay"]).streams(&server);
    write(&server, 4);
    settled(&field, &server);
    for storage in ["near", "far"] {
        assert!(field.compare(storage, &server) >= 4);
    }
    // The slot is moved when everything up to there is in both.
    let size = backstay::base::SegmentSize::DEFAULT;
    let end = field.segments("far").last().unwrap().end(size);
    until("the slot follows", || {
        server.psql("postgres", "SELECT restart_lsn FROM pg_replication_slots") == end.to_string()
    });
    // A part of a segment is here, and the server is not told that it is safe.
    write(&server, 1);
    let told = "SELECT flush_lsn IS NULL AND write_lsn IS NOT NULL FROM pg_stat_replication";
    until("the server is told", || server.psql("postgres", told) == "t");
    let second = field.receive(&["--slot", "backstay"]);
    let (code, log) = second.end();
    assert_eq!(code, Some(6), "{log}");
    assert_eq!(receiver.terminate(), Some(0));
    // Started again it goes on where it was.
    let receiver = field.receive(&["--slot", "backstay"]).streams(&server);
    settled(&field, &server);
    field.compare("near", &server);
    assert_eq!(receiver.terminate(), Some(0));
}

#[test]
fn nothing_is_lost_when_either_side_dies() {
    let server = server();
    let field = Field::new(&server);
    let mut receiver = field.receive(&["--slot", "backstay"]).streams(&server);
    for round in 0..6 {
        std::thread::scope(|scope| {
            let load = scope.spawn(|| write(&server, 2));
            std::thread::sleep(Duration::from_millis(150 * round));
            receiver.kill();
            load.join().unwrap();
        });
        match round {
            1 => server.restart("immediate"),
            3 => server.restart("fast"),
            _ => {}
        }
        receiver = field.receive(&["--slot", "backstay"]).streams(&server);
        // A server that is shut down in good order waits for whoever receives, and must not wait for long.
        if round == 4 {
            write(&server, 1);
            server.restart("fast");
        }
    }
    settled(&field, &server);
    assert!(field.compare("near", &server) >= 10);
    assert_eq!(field.compare("near", &server), field.compare("far", &server));
    assert_eq!(receiver.terminate(), Some(0));
}

#[test]
fn a_store_that_is_away_gets_everything_later() {
    let server = server();
    let field = Field::new(&server);
    let receiver = field.receive(&["--slot", "backstay", "--spool", "48MiB"]).streams(&server);
    settled(&field, &server);
    fs::rename(field.path("far"), field.path("gone")).unwrap();
    write(&server, 8);
    until("it waits", || waiting(&field) >= 3);
    // It takes no more than it may, and the other storage has what this one lacks.
    until("the near one has them", || field.segments("near").len() >= 4);
    assert!(waiting(&field) <= 5, "{}", waiting(&field));
    let restart = server.psql("postgres", "SELECT restart_lsn FROM pg_replication_slots");
    let size = backstay::base::SegmentSize::DEFAULT;
    let far = field.path("gone");
    assert!(far.exists());
    fs::rename(far, field.path("far")).unwrap();
    settled(&field, &server);
    assert_eq!(field.compare("near", &server), field.compare("far", &server));
    until("the slot follows", || {
        server.psql("postgres", "SELECT restart_lsn FROM pg_replication_slots")
            == field.segments("far").last().unwrap().end(size).to_string()
    });
    assert_ne!(restart, field.segments("far").last().unwrap().end(size).to_string());
    assert_eq!(receiver.terminate(), Some(0));
}

/// Whole segments that wait in the state folder.
fn waiting(field: &Field) -> usize {
    let mut n = 0;
    let mut folders = vec![field.path("state")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).map(|all| all.flatten().collect::<Vec<_>>()).unwrap_or_default() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                n += usize::from(entry.file_name().to_str().unwrap().parse::<WalSegment>().is_ok());
            }
        }
    }
    n
}

#[test]
fn a_commit_waits_for_what_is_safe_here() {
    let server = server();
    let field = Field::new(&server);
    // By the words of the policy.
    let text = fs::read_to_string(field.path("backstay.yaml")).unwrap();
    let said = text.replace("to: [near, far] }", "to: [near, far], slot: backstay, synchronous: true }");
    fs::write(field.path("backstay.yaml"), said).unwrap();
    let receiver = field.receive(&[]).streams(&server);
    assert_eq!(server.psql("postgres", "SELECT slot_name FROM pg_replication_slots"), "backstay");
    server.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'backstay'");
    server.psql("postgres", "SELECT pg_reload_conf()");
    until("it is synchronous", || server.psql("postgres", "SELECT sync_state FROM pg_stat_replication") == "sync");
    server.psql("postgres", "INSERT INTO t VALUES (1, 'seen')");
    receiver.kill();
    let mut waiting =
        server.client("psql", "postgres").args(["-Xqc", "INSERT INTO t VALUES (2, 'waits')"]).spawn().unwrap();
    until("the commit waits", || {
        server.psql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "1"
    });
    assert!(waiting.try_wait().unwrap().is_none());
    fs::write(field.path("backstay.yaml"), text).unwrap();
    let receiver = field.receive(&["--synchronous", "--slot", "backstay"]);
    until("the commit goes on", || waiting.try_wait().unwrap().is_some());
    assert!(waiting.wait().unwrap().success());
    assert_eq!(receiver.terminate(), Some(0));
}

#[test]
fn what_is_under_way_lies_where_the_policy_says() {
    let server = server();
    let field = Field::new(&server);
    let text = fs::read_to_string(field.path("backstay.yaml")).unwrap();
    let held = field.path("held");
    let said = format!("to: [near, far], slot: backstay, spool: {{ path: {}, max: 48MiB }} }}", held.display());
    fs::write(field.path("backstay.yaml"), text.replace("to: [near, far] }", &said)).unwrap();
    let log = field.path("log");
    let mut command = Backstay::new(["wal", "receive", "--database", "app"])
        .current_dir(field.folder.path())
        .env("DATABASE_URL", &field.url)
        .env("BACKSTAY_PG_BIN", &field.programs)
        .into_command();
    let child = command.stderr(fs::File::create(&log).unwrap()).stdout(Stdio::null()).spawn().unwrap();
    let receiver = Receiver { child, log }.streams(&server);
    write(&server, 2);
    settled(&field, &server);
    assert!(held.join("received/app/lock").exists() && !field.path("state").exists());
    assert_eq!(receiver.terminate(), Some(0));
}

#[test]
fn wal_that_is_gone_is_an_error_and_not_passed_over() {
    let server = Server::start(Version::Distribution);
    server.psql("postgres", "CREATE TABLE t (n bigint, filler text)");
    let field = Field::new(&server);
    let receiver = field.receive(&[]).streams(&server);
    settled(&field, &server);
    assert_eq!(receiver.terminate(), Some(0));
    for _ in 0..4 {
        switch(&server);
        server.psql("postgres", "CHECKPOINT");
    }
    let (code, log) = field.receive(&[]).end();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("BS902") && log.contains("--from-now"), "{log}");
    let before = field.segments("near");
    let receiver = field.receive(&["--from-now"]).streams(&server);
    settled(&field, &server);
    let size = backstay::base::SegmentSize::DEFAULT;
    let after = field.segments("near");
    let first_new = after[before.len()];
    assert!(first_new.number(size) > before.last().unwrap().number(size) + 1, "{after:?}");
    assert_eq!(receiver.terminate(), Some(0));
}

#[test]
fn what_cannot_be_received_is_told() {
    let server = Server::any();
    let field = Field::new(server);
    let text = fs::read_to_string(field.path("backstay.yaml")).unwrap();
    fs::write(field.path("backstay.yaml"), text.replace("mode: stream", "mode: archive")).unwrap();
    let run = field.backstay(&["wal", "receive"]).run().expect(1);
    assert!(run.stderr.contains("mode: stream"), "{run:?}");
    fs::write(field.path("backstay.yaml"), text.replace("app:\n", "app:\n    exec: [docker, exec, -i, db]\n")).unwrap();
    let run = field.backstay(&["wal", "receive"]).run().expect(1);
    assert!(run.stderr.contains("`exec`"), "{run:?}");
    fs::write(field.path("backstay.yaml"), &text).unwrap();
    server.psql("postgres", "DROP ROLE IF EXISTS idle; CREATE ROLE idle LOGIN PASSWORD 'pw'");
    let url = format!("postgresql://idle:pw@127.0.0.1:{}/postgres", server.port);
    let run = field.backstay(&["wal", "receive"]).env("DATABASE_URL", url).run().expect(1);
    assert!(run.stderr.contains("BS900") && run.stderr.contains("ALTER ROLE"), "{run:?}");
    let run = field.backstay(&["wal", "receive", "--slot", "Wrong-Name"]).run().expect(64);
    assert!(run.stderr.contains("a-z"), "{run:?}");
}

/// Unpacks a base backup of a server without tablespaces.
fn base_backup(server: &Server, with_wal: bool, into: &Path) {
    let options = BaseBackupOptions {
        label: "base".to_owned(),
        checkpoint: Checkpoint::Fast,
        max_rate: None,
        with_wal,
        waits_for_archive: false,
    };
    let connection = Connection::from_url(&Secret::new(server.url("postgres"))).unwrap();
    let into = into.to_owned();
    block(async move {
        let session = ReplicationSession::connect(&connection, &Environment::plain()).await.unwrap();
        let mut backup = session.base_backup(&options).await.unwrap();
        let work = move || {
            while let Some(archive) = backup.next_archive().unwrap() {
                tar::Archive::new(archive).unpack(&into).unwrap();
            }
            backup.finish().unwrap();
        };
        tokio::task::spawn_blocking(work).await.unwrap();
    });
}

/// A value of a configuration file.
fn setting(name: &str, value: &str) -> String {
    format!("{name} = '{}'\n", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// A standby of a server, which keeps all its WAL.
pub fn standby(primary: &Server) -> Server {
    let folder = tempfile::tempdir().unwrap();
    base_backup(primary, true, folder.path());
    let password = CANARY.replace('\\', "\\\\").replace('\'', "\\'");
    let place =
        format!("host={} port={} user=postgres password='{password}'", primary.socket_dir().display(), primary.port);
    let settings = setting("primary_conninfo", &place) + &setting("wal_keep_size", "10GB");
    Server::with_data(primary.version, move |data| {
        fill(folder.path(), data);
        fs::write(data.join("standby.signal"), "").unwrap();
        fs::write(data.join("postgresql.auto.conf"), settings).unwrap();
    })
}

fn fill(from: &Path, data: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from.join(".")).arg(data).status().unwrap().success());
}

/// A server recovered from a base backup and what a storage has.
fn recovered(field: &Field, base: &Path, version: Version) -> Server {
    let archive = tempfile::Builder::new().prefix("backstay-archive-").tempdir().unwrap();
    std::os::unix::fs::PermissionsExt::set_mode(&mut fs::metadata(archive.path()).unwrap().permissions(), 0o755);
    Command::new("chmod").arg("755").arg(archive.path()).status().unwrap();
    for (name, content) in field.contents("near") {
        fs::write(archive.path().join(name), content).unwrap();
    }
    let settings = setting("restore_command", &format!("cp {}/%f %p", archive.path().display()))
        + &setting("recovery_target_timeline", "latest");
    let server = Server::with_data(version, |data| {
        fill(base, data);
        fs::write(data.join("recovery.signal"), "").unwrap();
        fs::write(data.join("postgresql.auto.conf"), settings).unwrap();
    });
    until("it is recovered", || server.psql("postgres", "SELECT pg_is_in_recovery()") == "f");
    server
}

#[test]
fn a_promotion_is_followed_and_every_row_comes_back() {
    let primary = server();
    let base = tempfile::tempdir().unwrap();
    let standby = standby(&primary);
    // Received from the standby: it goes on with the new timeline in the same connection.
    let field = Field::new(&standby);
    let receiver = field.receive(&["--slot", "backstay"]).streams(&standby);
    base_backup(&primary, false, base.path());
    write(&primary, 2);
    until("the standby follows", || {
        standby.psql("postgres", "SELECT count(*) FROM t") == primary.psql("postgres", "SELECT count(*) FROM t")
    });
    standby.psql("postgres", "SELECT pg_promote()");
    write(&standby, 2);
    settled(&field, &standby);
    let log = receiver.log();
    assert!(log.contains("goes on with timeline 2"), "{log}");
    assert!(field.compare("near", &standby) >= 4);
    let contents = field.contents("near");
    assert_eq!(contents["00000002.history"], fs::read(standby.data().join("pg_wal/00000002.history")).unwrap());
    let partial = contents.keys().find(|name| name.ends_with(".partial")).unwrap();
    let whole = partial.replace(".partial", "").replacen("00000001", "00000002", 1);
    // What the old timeline had of it is the beginning of the new one's.
    let end = contents[partial].iter().rposition(|byte| *byte != 0).unwrap();
    assert!(contents[&whole][..end.min(8192)] == contents[partial][..end.min(8192)]);
    assert_eq!(receiver.terminate(), Some(0));

    let again = recovered(&field, base.path(), primary.version);
    let count = "SELECT count(*), sum(n) FROM t";
    let expected = standby.psql("postgres", count);
    assert_eq!(again.psql("postgres", count), expected);
}

#[test]
fn a_primary_that_is_lost_is_followed_to_the_next() {
    let primary = server();
    let standby = standby(&primary);
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port, standby.port);
    let url = primary.url("postgres").replace(&format!("127.0.0.1:{}", primary.port), &hosts);
    let field = Field::with_url(&primary, format!("{url}?target_session_attrs=primary"));
    let receiver = field.receive(&[]).streams(&primary);
    write(&primary, 2);
    primary.psql("postgres", "INSERT INTO t VALUES (42, 'last')");
    let last = "SELECT count(*) FROM t WHERE n = 42 AND filler = 'last'";
    until("the standby has it", || standby.psql("postgres", last) == "1");
    primary.kill();
    standby.psql("postgres", "SELECT pg_promote()");
    let receiver = receiver.streams(&standby);
    write(&standby, 1);
    settled(&field, &standby);
    let contents = field.contents("near");
    assert!(contents.contains_key("00000002.history"));
    assert!(
        contents.keys().any(|name| name.starts_with("00000001") && name.ends_with(".partial")),
        "{:?}",
        contents.keys()
    );
    let size = backstay::base::SegmentSize::DEFAULT;
    let segments = field.segments("near");
    let numbers: Vec<u64> = segments.iter().map(|segment| segment.number(size)).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{segments:?}");
    assert_eq!(receiver.terminate(), Some(0));
}
