//! The harness itself: servers start, end with their owner, and "the same database" sees every difference.

use crate::support::{ACCOUNT, Database, Likeness, Moto, Server, Version, assert_same, torture};
use std::process::Stdio;

/// A dump and a restore by the public programs alone give the same database, on both servers.
#[test]
fn public_programs_restore_the_torture_schema() {
    for version in [Version::Distribution, Version::Newer] {
        let server = Server::shared(version);
        let source = torture(server, "harness source");
        let copy = Database::create(server, "harness copy");
        let mut dump = server.client("pg_dump", &source.name).arg("-Fc").stdout(Stdio::piped()).spawn().unwrap();
        let restored = server
            .client("pg_restore", &copy.name)
            .args(["--exit-on-error", "-d", &copy.name])
            .stdin(dump.stdout.take().unwrap())
            .output()
            .unwrap();
        assert!(dump.wait().unwrap().success());
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
        let left = Likeness::of(server, &source.name);
        assert_same(&left, &Likeness::of(server, &copy.name));
        assert!(left.0["schema"].len() > 100, "{:?}", left.0["schema"]);
        assert!(left.0["large objects"].len() == 2 && left.0["rows"].len() > 10);
    }
}

/// Each of these changes is seen.
#[test]
fn every_difference_is_seen() {
    let server = Server::any();
    let database = torture(server, "harness_differences");
    let mut last = Likeness::of(server, &database.name);
    for change in [
        "UPDATE legacy SET amount = 6 WHERE id = 1",
        "INSERT INTO no_columns DEFAULT VALUES",
        "SELECT lo_put(910001, 3, 'x')",
        "SELECT nextval('counted')",
        "REVOKE SELECT (id) ON columns FROM \"torture reader\"",
        "ALTER TABLE secrets OWNER TO postgres",
        "COMMENT ON SCHEMA public IS 'another'",
        "REFRESH MATERIALIZED VIEW not_yet",
        "ALTER TABLE columns ENABLE TRIGGER disabled",
        "DROP INDEX events_kind",
    ] {
        database.psql(change);
        let now = Likeness::of(server, &database.name);
        assert_ne!(last, now, "{change}");
        last = now;
    }
}

/// A server ends and leaves nothing when its owner is dropped.
#[test]
fn a_dropped_server_leaves_nothing() {
    let server = Server::start(Version::Distribution);
    let (dir, pid) = (server.socket_dir(), server.pid());
    assert_eq!(server.psql("postgres", "SELECT 1"), "1");
    drop(server);
    assert!(!dir.exists());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

/// The emulation of AWS answers someone else's client, and is gone with its owner.
#[test]
fn the_emulation_of_aws_answers_and_leaves_nothing() {
    let moto = Moto::start();
    assert_eq!(moto.aws(&["sts", "get-caller-identity"])["Account"], ACCOUNT);
    let port = moto.port;
    drop(moto);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}
