//! Physical backups by backstay's own connection and by `pg_basebackup`: with tablespaces, over TLS, behind `exec`.

use crate::support::{Database, Project, Server, Version};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A server of its own with TLS, a tablespace and a table in it.
fn server(version: Version) -> &'static Server {
    let server: &Server = Box::leak(Box::new(Server::start(version)));
    let place = server.socket_dir().join("far");
    fs::create_dir(&place).unwrap();
    server.own(&place);
    server.psql("postgres", &format!("CREATE TABLESPACE far LOCATION '{}'", place.display()));
    server
}

fn source(server: &'static Server) -> Database {
    let source = Database::create(server, "shop");
    source.psql("CREATE TABLE near AS SELECT n, md5(n::text) AS word FROM generate_series(1, 5000) n");
    source.psql("CREATE TABLE away TABLESPACE far AS SELECT n, md5(n::text) AS word FROM generate_series(1, 70000) n");
    source
}

fn physical(database: &Database, more: &str) -> Project {
    let project = Project::new(database, more);
    project.edit_policy("    schedule: manual", "    method: physical\n    schedule: manual");
    project
}

#[test]
fn tablespaces_come_back_where_they_are_sent() {
    for (version, read) in [
        (Version::Distribution, "replication"),
        (Version::Newer, "replication"),
        (Version::Distribution, "local"),
        (Version::Newer, "local"),
    ] {
        tablespaces_come_back(version, read);
    }
}

/// A cluster with a tablespace, read in this way.
pub fn tablespaces_come_back(version: Version, read: &str) {
    let server = server(version);
    let source = source(server);
    let project = physical(&source, "");
    project.edit_policy("method: physical", &format!("method: physical\n    read: {read}"));
    project.backstay(&["backup", "app"]).run().expect(0);
    let made = project.manifest("near");
    let cluster = made.cluster.clone().unwrap();
    assert_eq!(cluster.tablespaces.len(), 1, "{cluster:#?}");
    assert!(made.origin.dump_program.starts_with("backstay "), "{:#?}", made.origin);

    let (folder, elsewhere) = (server.socket_dir().join("restored"), server.socket_dir().join("elsewhere"));
    let map = format!("{}={}", cluster.tablespaces[0].oid, elsewhere.display());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let target = folder.to_str().unwrap();
    let words = ["restore", "app", "--target-dir", target, "--tablespace-map", &map];
    project.backstay(&words).run().expect(0);
    // A restore makes the links itself, and leaves out the file that would.
    server.run_on(&folder, "pg_verifybackup", &["--no-parse-wal", "--ignore=tablespace_map"]).unwrap();
    assert!(fs::read_dir(&elsewhere).unwrap().count() > 0);
    let started = ["--delta", "--yes", "--start", "--port", &port, "--json"];
    let words: Vec<&str> = words.iter().chain(&started).copied().collect();
    let done = project.backstay(&words).run().expect(0).json();
    let ask = |database: &str| {
        let mut command = server.client("psql", database);
        command.env("PGHOST", done["recovered"]["socket"].as_str().unwrap()).env("PGPORT", &port);
        let sql = "SELECT (SELECT md5(string_agg(word, ',' ORDER BY n)) FROM near), count(*), \
                   md5(string_agg(word, ',' ORDER BY n)) FROM away";
        let output = command.args(["-XqAt", "-c", sql]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let expected = source.psql(
        "SELECT (SELECT md5(string_agg(word, ',' ORDER BY n)) FROM near), count(*), md5(string_agg(word, ',' ORDER BY n)) \
         FROM away",
    );
    assert_eq!(ask(&source.name), expected.trim());
    server.run_on(&folder, "pg_ctl", &["stop", "-m", "immediate", "-D"]).unwrap();
}

#[test]
fn a_connection_may_be_secured() {
    let server = server(Version::Distribution);
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.crt -days 2 -subj /CN=db \
                  -addext subjectAltName=DNS:localhost";
    assert!(Command::new("sh").args(["-c", script]).current_dir(server.data()).output().unwrap().status.success());
    for name in ["server.key", "server.crt"] {
        fs::set_permissions(server.data().join(name), fs::Permissions::from_mode(0o600)).unwrap();
        server.own(&server.data().join(name));
    }
    let rules = "hostssl all all all scram-sha-256\nhostssl replication all all scram-sha-256\nlocal all all trust\n";
    fs::write(server.data().join("pg_hba.conf"), rules).unwrap();
    server.psql("postgres", "ALTER SYSTEM SET ssl = on");
    server.psql("postgres", "SELECT pg_reload_conf()");
    let source = source(server);
    let project = physical(&source, "");
    let certificate = project.path("server.crt");
    fs::copy(server.data().join("server.crt"), &certificate).unwrap();
    let more = format!("?sslmode=verify-full&channel_binding=require&sslrootcert={}", certificate.display());
    let url = source.url().replace("127.0.0.1", "localhost") + &more;
    let call = |more: &str| project.backstay(&["backup", "app"]).env("DATABASE_URL", format!("{url}{more}")).run();
    call("").expect(0);
    assert!(project.manifest("near").cluster.unwrap().files > 900);
    let refused = project.backstay(&["backup", "app"]).env("DATABASE_URL", url.replace("localhost", "127.0.0.1")).run();
    assert_eq!(refused.code, Some(1), "{refused:#?}");
}

#[test]
fn behind_exec_the_program_is_run_and_tablespaces_are_refused() {
    let plain: &Server = Box::leak(Box::new(Server::start(Version::Distribution)));
    let path = format!("\"PATH={}:/usr/bin:/bin\"", plain.bin.display());
    let exec = format!("    exec: [env, -i, {path}]\n");
    let database = Database::create(plain, "shop");
    let project = physical(&database, &exec);
    project.backstay(&["backup", "app"]).run().expect(0);
    assert!(project.manifest("near").origin.dump_program.starts_with("pg_basebackup"));

    let with = source(server(Version::Distribution));
    let project = physical(&with, &exec);
    let refused = project.backstay(&["backup", "app"]).run().expect(1);
    assert!(refused.stderr.contains("tablespaces"), "{refused:#?}");
}
