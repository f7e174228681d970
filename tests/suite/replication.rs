//! The replication protocol on real servers: base backups, WAL as it is written, slots, histories.

use crate::support::{CANARY, Environment, Server, Version, identifier};
use backstay::base::{Lsn, Secret, SegmentSize, Timeline, WalSegment};
use backstay::diag::Explain;
use backstay::postgres::replication::{
    BackupEnd, BaseBackup, BaseBackupOptions, Checkpoint, Received, ReplicationSession, SlotName, Streaming,
    WalMessage, WalStream,
};
use backstay::postgres::{Connection, PostgresError};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime};

async fn connect(server: &Server) -> ReplicationSession {
    let connection = Connection::from_url(&Secret::new(server.url("postgres"))).unwrap();
    ReplicationSession::connect(&connection, &Environment::plain()).await.unwrap()
}

fn options(label: &str) -> BaseBackupOptions {
    BaseBackupOptions {
        label: label.to_owned(),
        checkpoint: Checkpoint::Fast,
        max_rate: None,
        with_wal: false,
        waits_for_archive: false,
    }
}

/// Unpacks every archive: the data directory into `base`, tablespaces into folders by their object id.
async fn unpack(mut backup: BaseBackup, into: &Path) -> BackupEnd {
    let into = into.to_owned();
    let work = move || {
        while let Some(archive) = backup.next_archive().unwrap() {
            let name = archive.tablespace.map_or_else(|| "base".to_owned(), |oid| oid.to_string());
            let mut tar = tar::Archive::new(archive);
            tar.unpack(into.join(name)).unwrap();
        }
        backup.finish().unwrap()
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Asserts that a folder holds every file of a manifest, byte for byte, and gives their number.
fn compare(manifest: &[u8], base: &Path, tablespaces: &Path) -> usize {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
    let files = manifest["Files"].as_array().unwrap();
    for file in files {
        let path = file["Path"].as_str().unwrap();
        let place = match path.strip_prefix("pg_tblspc/") {
            Some(inside) => tablespaces.join(inside),
            None => base.join(path),
        };
        let bytes = fs::read(&place).unwrap_or_else(|error| panic!("{path}: {error}"));
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &bytes) as u32;
        // Digests are written in the byte order of the machine.
        let hex: String = crc.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            (bytes.len() as u64, hex.as_str()),
            (file["Size"].as_u64().unwrap(), file["Checksum"].as_str().unwrap()),
            "{path}"
        );
    }
    files.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_backup_is_what_its_manifest_says() {
    for version in [Version::Distribution, Version::Newer] {
        let server = Server::start(version);
        let place = server.socket_dir().join("far away");
        fs::create_dir(&place).unwrap();
        server.own(&place);
        server.psql("postgres", &format!("CREATE TABLESPACE {} LOCATION '{}'", identifier("it's"), place.display()));
        server.psql("postgres", "CREATE TABLE near AS SELECT g, repeat('x', 500) t FROM generate_series(1, 50000) g");
        server.psql("postgres", "CREATE TABLE far TABLESPACE \"it's\" AS SELECT * FROM near LIMIT 5000");
        let mut session = connect(&server).await;
        let system = session.identify().await.unwrap();
        let told = server.psql("postgres", "SELECT system_identifier FROM pg_control_system()");
        assert_eq!((system.system_id.to_string(), system.timeline), (told, Timeline(1)));
        assert_eq!(session.segment_size().await.unwrap(), SegmentSize::DEFAULT);

        let backup = session.base_backup(&options("it's a \\ test")).await.unwrap();
        let (start, timeline) = (backup.start(), backup.timeline());
        let places: Vec<_> = backup.tablespaces().iter().map(|tablespace| tablespace.location.clone()).collect();
        assert_eq!(places, [Some(place.display().to_string()), None]);
        assert!(backup.tablespaces().iter().all(|tablespace| tablespace.kib.unwrap() > 400));
        let folder = tempfile::tempdir().unwrap();
        let end = unpack(backup, folder.path()).await;
        assert!(end.stop > start && start >= system.flushed && (timeline, end.timeline) == (Timeline(1), Timeline(1)));
        assert_eq!(end.warnings, Vec::<String>::new());
        let base = folder.path().join("base");
        assert!(compare(&end.manifest, &base, folder.path()) > 900);
        let label = fs::read_to_string(base.join("backup_label")).unwrap();
        assert!(
            label.contains(&format!("START WAL LOCATION: {start} ")) && label.contains("LABEL: it's a \\ test"),
            "{label}"
        );
        let map = fs::read_to_string(base.join("tablespace_map")).unwrap();
        assert!(map.contains("far away"), "{map}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_nobody_reads_ends_on_the_server_too() {
    let server = Server::start(Version::Distribution);
    server.psql("postgres", "CREATE TABLE t AS SELECT g, repeat('x', 500) t FROM generate_series(1, 100000) g");
    let mut backup = connect(&server).await.base_backup(&options("given up")).await.unwrap();
    let running = "SELECT count(*) FROM pg_stat_progress_basebackup";
    let work = move || {
        let mut archive = backup.next_archive().unwrap().unwrap();
        archive.read_exact(&mut [0; 100_000]).unwrap();
        backup
    };
    let backup = tokio::task::spawn_blocking(work).await.unwrap();
    assert_eq!(server.psql("postgres", running), "1");
    drop(backup);
    let gone = async {
        while server.psql("postgres", running) != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_fails_the_backup() {
    let server = Server::start(Version::Distribution);
    server.psql("postgres", "CREATE TABLE t AS SELECT g, repeat('x', 500) t FROM generate_series(1, 100000) g");
    let mut backup = connect(&server).await.base_backup(&options("cut")).await.unwrap();
    let work = move || {
        let mut archive = backup.next_archive().unwrap().unwrap();
        archive.read_exact(&mut [0; 100_000]).unwrap();
        server.kill();
        let error = std::io::copy(&mut archive, &mut std::io::sink()).unwrap_err();
        let error = error.get_ref().unwrap().downcast_ref::<PostgresError>().unwrap().code().id;
        (error, backup.finish().is_err())
    };
    assert_eq!(tokio::task::spawn_blocking(work).await.unwrap(), ("BS527", true));
}

#[tokio::test]
async fn an_error_leaves_the_session_usable() {
    let mut session = connect(Server::any()).await;
    let error = session.timeline_history(Timeline(77)).await.unwrap_err();
    assert_eq!(error.code().id, "BS902", "{error}");
    assert!(
        error.to_string().contains("00000004D.history") || error.to_string().contains("0000004D.history"),
        "{error}"
    );
    assert_eq!(session.identify().await.unwrap().timeline, Timeline(1));
    assert!(session.show("no_such_setting").await.is_err());
    let name: SlotName = "replication_test".parse().unwrap();
    assert!(session.create_slot(&name).await.unwrap());
    assert!(!session.create_slot(&name).await.unwrap());
    let kept = Server::any().psql("postgres", "SELECT restart_lsn IS NOT NULL FROM pg_replication_slots");
    assert_eq!(kept, "t");
    Server::any().psql("postgres", "SELECT pg_drop_replication_slot('replication_test')");
    session.close().await;
}

/// Streams until `until` and gives the bytes; says at every chance that everything is safe.
async fn take(stream: &mut WalStream, from: Lsn, until: Lsn) -> Vec<u8> {
    let mut taken = Vec::new();
    loop {
        let position = Lsn(from.0 + taken.len() as u64);
        if position >= until {
            return taken;
        }
        match stream.next().await.unwrap() {
            WalMessage::Data { start, bytes } => {
                assert_eq!(start, position);
                taken.extend_from_slice(&bytes);
            }
            WalMessage::Alive { asks, .. } if asks => {
                let received = Received { written: position, flushed: Some(position) };
                stream.report(received, SystemTime::now(), false).await.unwrap();
            }
            WalMessage::Alive { .. } => {}
            WalMessage::TimelineEnded => panic!("the timeline ended"),
        }
    }
}

fn open(streaming: Streaming) -> WalStream {
    match streaming {
        Streaming::Open(stream) => stream,
        Streaming::Ended(..) => panic!("the timeline has ended"),
    }
}

#[tokio::test]
async fn a_stream_is_the_servers_own_wal() {
    for version in [Version::Distribution, Version::Newer] {
        let server = Server::start(version);
        let mut session = connect(&server).await;
        let size = session.segment_size().await.unwrap();
        let segment = WalSegment::at(Timeline(1), session.identify().await.unwrap().flushed, size);
        let slot: SlotName = "held".parse().unwrap();
        session.create_slot(&slot).await.unwrap();
        let from = segment.start(size);
        let mut stream = open(session.stream(from, Timeline(1), Some(&slot)).await.unwrap());
        server.psql("postgres", "CREATE TABLE t AS SELECT g, repeat('x', 500) t FROM generate_series(1, 100000) g");
        server.psql("postgres", "SELECT pg_switch_wal()");
        let until = Lsn(from.0 + 2 * size.bytes());
        let taken = take(&mut stream, from, until).await;
        for (segment, bytes) in [segment, segment.next(size)].iter().zip(taken.chunks(size.bytes() as usize)) {
            let own = fs::read(server.data().join("pg_wal").join(segment.to_string())).unwrap();
            assert!(own == bytes[..own.len().min(bytes.len())], "{segment}");
        }
        let received = Received { written: until, flushed: Some(from) };
        stream.report(received, SystemTime::now(), true).await.unwrap();
        while !matches!(stream.next().await.unwrap(), WalMessage::Alive { .. }) {}
        let told = server.psql(
            "postgres",
            "SELECT s.restart_lsn, r.write_lsn, r.flush_lsn FROM pg_replication_slots s, pg_stat_replication r",
        );
        assert_eq!(told, format!("{from}|{until}|{from}"));
        stream.close().await.unwrap();
        let error = connect(&server).await.stream(Lsn(size.bytes()), Timeline(9), None).await.err().unwrap();
        assert!(error.to_string().contains("timeline"), "{error}");
    }
}

/// A standby of a server, made from a base backup over the protocol.
async fn standby(primary: &Server) -> Server {
    let mut wanted = options("standby");
    wanted.with_wal = true;
    let backup = connect(primary).await.base_backup(&wanted).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let end = unpack(backup, folder.path()).await;
    assert!(end.stop > Lsn(0));
    let base = folder.path().join("base");
    let version = primary.version;
    // Quoted for libpq, and all of it once more for the file.
    let password = CANARY.replace('\\', "\\\\").replace('\'', "\\'");
    let place =
        format!("host={} port={} user=postgres password='{password}'", primary.socket_dir().display(), primary.port);
    let setting = format!("primary_conninfo = '{}'\n", place.replace('\\', "\\\\").replace('\'', "''"));
    Server::with_data(version, move |data| {
        let status = std::process::Command::new("cp").arg("-a").arg(base.join(".")).arg(data).status().unwrap();
        assert!(status.success());
        fs::write(data.join("standby.signal"), "").unwrap();
        fs::write(data.join("postgresql.auto.conf"), setting).unwrap();
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_follows_a_promotion() {
    let primary = Server::start(Version::Distribution);
    primary.psql("postgres", "CREATE TABLE t (n int)");
    let standby = standby(&primary).await;
    let mut session = connect(&standby).await;
    let size = session.segment_size().await.unwrap();
    let from = WalSegment::at(Timeline(1), session.identify().await.unwrap().flushed, size).start(size);
    let mut stream = open(session.stream(from, Timeline(1), None).await.unwrap());
    primary.psql("postgres", "INSERT INTO t SELECT generate_series(1, 1000)");
    standby.psql("postgres", "SELECT pg_promote()");
    let mut taken = Vec::new();
    loop {
        match stream.next().await.unwrap() {
            WalMessage::Data { bytes, .. } => taken.extend_from_slice(&bytes),
            WalMessage::Alive { .. } => {}
            WalMessage::TimelineEnded => break,
        }
    }
    let (mut session, successor) = stream.successor().await.unwrap();
    assert_eq!(successor.timeline, Timeline(2));
    assert_eq!(successor.begins, Lsn(from.0 + taken.len() as u64));
    let history = session.timeline_history(Timeline(2)).await.unwrap();
    assert_eq!(history.file, "00000002.history");
    assert_eq!(history.content, fs::read(standby.data().join("pg_wal/00000002.history")).unwrap());
    assert!(String::from_utf8_lossy(&history.content).starts_with(&format!("1\t{}\t", successor.begins)));

    standby.psql("postgres", "INSERT INTO t SELECT generate_series(1, 1000); SELECT pg_switch_wal()");
    let segment = WalSegment::at(Timeline(2), successor.begins, size);
    let from = segment.start(size);
    let mut stream = open(session.stream(from, Timeline(2), None).await.unwrap());
    let taken = take(&mut stream, from, segment.end(size)).await;
    assert!(fs::read(standby.data().join("pg_wal").join(segment.to_string())).unwrap() == taken);

    // Exactly where the old timeline ends there is nothing to stream.
    match connect(&standby).await.stream(successor.begins, Timeline(1), None).await.unwrap() {
        Streaming::Ended(_, again) => assert_eq!(again, successor),
        Streaming::Open(mut stream) => assert_eq!(stream.next().await.unwrap(), WalMessage::TimelineEnded),
    }
    let kinds: BTreeMap<&str, bool> =
        [("primary", true), ("standby", false), ("read-write", true), ("any", true)].into();
    for (wanted, fits) in kinds {
        let url = format!("{}?target_session_attrs={wanted}", standby.url("postgres"));
        let connection = Connection::from_url(&Secret::new(url)).unwrap();
        let answer = ReplicationSession::connect(&connection, &Environment::plain()).await;
        assert_eq!(answer.is_ok(), fits, "{wanted}");
    }
}
