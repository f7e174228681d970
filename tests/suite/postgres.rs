//! Reaching servers, asking them, and what is said when that fails: on real servers.

use crate::support::{CANARY, Database, Environment, Server as TestServer, Version, percent_encode, torture};
use backstay::base::{Secret, Template};
use backstay::diag::Explain;
use backstay::policy::{ConnectionSpec, DumpSpec};
use backstay::postgres::{Connection, Dump, Facts, PostgresError, Restore, RestoreOptions, RolePasswords, Server};
use std::io::Read;

fn connection(url: &str) -> Connection {
    Connection::from_url(&Secret::new(url)).unwrap()
}

async fn reach(url: &str) -> Result<Server, PostgresError> {
    Server::reach(connection(url), &[], &Environment::plain()).await
}

fn whole() -> DumpSpec {
    DumpSpec {
        exclude_tables: Vec::new(),
        exclude_table_data: Vec::new(),
        schemas: Vec::new(),
        exclude_schemas: Vec::new(),
        globals: true,
    }
}

fn words(lists: &[&[&str]]) -> Vec<Vec<Template>> {
    lists.iter().map(|list| list.iter().map(|word| word.parse().unwrap()).collect()).collect()
}

async fn read(dump: &mut Dump) -> Vec<u8> {
    let mut output = dump.output().unwrap();
    let read = move || {
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes).map(|_| bytes)
    };
    tokio::task::spawn_blocking(read).await.unwrap().unwrap()
}

#[tokio::test]
async fn facts_of_the_torture_schema() {
    let database = torture(TestServer::any(), "facts 'of' \"torture\" 😀");
    let server = reach(&database.url()).await.unwrap();
    assert_eq!(server.programs().major(), server.version_num() / 10_000);
    let mut session = server.session().await.unwrap();
    let before = session.wal_position().await.unwrap();
    let facts = Facts::read(&mut session).await.unwrap();
    assert_eq!(facts.database, database.name);
    assert_eq!(facts.encoding, "UTF8");
    assert_eq!(facts.constraints_not_valid, ["public.legacy.amount_positive", "public.legacy.legacy_chicken"]);
    assert!(facts.extensions.iter().any(|extension| extension.name == "hstore"));
    assert!(facts.table_count > 15 && facts.bytes > 1_000_000 && facts.reads_passwords && !facts.in_recovery);
    assert!(facts.system_identifier.unwrap().parse::<u64>().is_ok());
    database.psql("CREATE TABLE later ()");
    assert!(session.wal_position().await.unwrap() > before);
    assert!(session.databases().await.unwrap().iter().any(|entry| entry.name == database.name));
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_dump_sees_the_snapshot_and_restores_elsewhere() {
    let server = TestServer::any();
    let source = Database::create(server, "snapshot");
    source.psql("CREATE TABLE t AS SELECT 1 AS n");
    let reached = reach(&source.url()).await.unwrap();
    let mut session = reached.session().await.unwrap();
    let snapshot = session.export_snapshot().await.unwrap();
    source.psql("INSERT INTO t VALUES (2)");
    let mut dump = Dump::database(&reached, &whole(), Some(&snapshot)).await.unwrap();
    let bytes = read(&mut dump).await;
    assert_eq!(dump.finish().await.unwrap(), Vec::<String>::new());
    session.close().await.unwrap();

    let copy = Database::name_only(server, "copy; of \"snapshot\"");
    let mut session = reached.with_database("postgres").session().await.unwrap();
    let shape = session.database_shape(&source.name).await.unwrap().unwrap();
    session.create_database(&copy.name, &shape, None).await.unwrap();
    assert_eq!(session.database_shape(&copy.name).await.unwrap(), Some(shape));
    let target = reached.with_database(&copy.name);
    let mut restore = Restore::archive(&target, &RestoreOptions::default()).await.unwrap();
    let mut input = restore.input().unwrap();
    input.write_all(&bytes).await.unwrap();
    drop(input);
    restore.finish().await.unwrap();
    assert_eq!(copy.psql("SELECT array_agg(n) FROM t"), "{1}");

    let moved = Database::name_only(server, "moved");
    let mut idle = target.session().await.unwrap();
    session.allow_connections(&copy.name, false).await.unwrap();
    assert!(target.session().await.is_err());
    session.end_connections(&copy.name).await.unwrap();
    session.rename_database(&copy.name, &moved.name).await.unwrap();
    session.allow_connections(&moved.name, true).await.unwrap();
    assert!(session.database_exists(&moved.name).await.unwrap() && !session.database_exists(&copy.name).await.unwrap());
    assert_eq!(idle.execute("SELECT 1").await.unwrap_err().code().id, "BS527");
    session.drop_database(&moved.name).await.unwrap();
}

#[tokio::test]
async fn every_failure_has_its_name() {
    let server = TestServer::any();
    let url = server.url("postgres");
    let code = |result: Result<Server, PostgresError>| result.err().map(|error| (error.code().id, error.to_string()));
    let wrong = format!("postgresql://postgres:wrong@127.0.0.1:{}/postgres", server.port);
    for (url, id) in [
        (wrong.as_str(), "BS521"),
        (&url.replace("postgres:", "nobody:"), "BS521"),
        (&server.url("no such \"database\""), "BS522"),
        ("postgresql://127.0.0.1:1/x", "BS520"),
        ("postgresql://%2Fnonexistent/x", "BS520"),
        ("postgresql://host.invalid/x", "BS520"),
    ] {
        let (found, message) = code(reach(url).await).unwrap();
        assert_eq!(found, id, "{message}");
    }
    let missing = reach(&server.url("no such \"database\"")).await.err().unwrap().to_string();
    assert!(missing.contains("`no such \"database\"`"), "{missing}");

    let here = |folder: &str| Environment::plain().with("BACKSTAY_PG_BIN", folder);
    let error = Server::reach(connection(&url), &[], &here("/nonexistent")).await.err().unwrap();
    assert_eq!(error.code().id, "BS523", "{error}");
    let newer = TestServer::shared(Version::Newer);
    let old = here(server.bin.to_str().unwrap());
    let error = Server::reach(connection(&newer.url("postgres")), &[], &old).await.err().unwrap();
    assert_eq!(error.code().id, "BS524", "{error}");
    assert!(error.hint().unwrap().contains("postgresql-client-16"), "{error}");
}

#[tokio::test]
async fn a_statement_that_fails_says_its_state_and_ends_the_session() {
    let server = reach(&TestServer::any().url("postgres")).await.unwrap();
    let mut session = server.session().await.unwrap();
    let error = session.execute("SELECT * FROM nothing_here").await.unwrap_err();
    assert!(matches!(&error, PostgresError::Failed { sqlstate: Some(state), .. } if state == "42P01"), "{error}");
    assert!(error.to_string().contains("nothing_here"), "{error}");
    assert!(session.execute("SELECT 1").await.is_err());

    let mut session = server.session().await.unwrap();
    let error = session.execute("SELECT pg_terminate_backend(pg_backend_pid())").await.unwrap_err();
    assert_eq!(error.code().id, "BS527", "{error}");
}

#[tokio::test]
async fn a_dump_that_cannot_read_everything_fails() {
    let server = TestServer::any();
    let database = Database::create(server, "denied");
    database.psql(
        "DROP ROLE IF EXISTS limited; CREATE ROLE limited LOGIN PASSWORD 'limited-password'; CREATE TABLE t (); \
         CREATE TABLE u (); GRANT SELECT ON t TO limited",
    );
    let url = format!("postgresql://limited:limited-password@127.0.0.1:{}/{}", server.port, database.name);
    let reached = reach(&url).await.unwrap();
    let facts = Facts::read(&mut reached.session().await.unwrap()).await.unwrap();
    assert!(!facts.reads_passwords);
    let mut dump = Dump::database(&reached, &whole(), None).await.unwrap();
    read(&mut dump).await;
    let error = dump.finish().await.unwrap_err();
    assert_eq!(error.code().id, "BS526", "{error}");
    let mut dump = Dump::globals(&reached, RolePasswords::LeftOut).await.unwrap();
    let globals = String::from_utf8(read(&mut dump).await).unwrap();
    dump.finish().await.unwrap();
    assert!(globals.contains("CREATE ROLE limited") && !globals.contains("SCRAM-SHA-256"));
    database.psql("DROP OWNED BY limited; DROP ROLE limited");
}

#[tokio::test]
async fn programs_behind_a_command_get_the_password_and_nothing_else() {
    let database = Database::create(TestServer::any(), "behind 'quotes' \"and\" 😀");
    database.psql("CREATE TABLE t AS SELECT generate_series(1, 10) AS n");
    // As docker exec: the environment does not pass, the standard streams do.
    let exec = words(&[
        &["/nonexistent/docker", "exec", "-i", "db"],
        &["false"],
        &["env", "-i", "PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin"],
    ]);
    let server = Server::reach(connection(&database.url()), &exec, &Environment::plain()).await.unwrap();
    assert!(!server.programs().are_here());
    let mut dump = Dump::database(&server, &whole(), None).await.unwrap();
    let bytes = read(&mut dump).await;
    dump.finish().await.unwrap();
    assert!(bytes.starts_with(b"PGDMP"));
    let mut dump = Dump::globals(&server, RolePasswords::Kept).await.unwrap();
    assert!(String::from_utf8(read(&mut dump).await).unwrap().contains("SCRAM-SHA-256"));
    dump.finish().await.unwrap();

    let silent = words(&[&["false"], &["sh", "-c", "exec \"$@\" </dev/null", "sh"]]);
    let error = Server::reach(connection(&database.url()), &silent, &Environment::plain()).await.err().unwrap();
    assert_eq!(error.code().id, "BS525");
    assert!(error.to_string().contains("standard input is not passed through"), "{error}");
}

#[tokio::test]
async fn other_encodings_and_versions_are_reached() {
    let latin = Database::create_with(TestServer::any(), "latin", "ENCODING 'LATIN1' LOCALE 'C'");
    latin.psql("CREATE TABLE \"é\" (\"ü\" text); INSERT INTO \"é\" VALUES ('ß')");
    latin.psql("ALTER TABLE \"é\" ADD CONSTRAINT \"ö\" CHECK (true) NOT VALID");
    let ascii = Database::create_with(TestServer::any(), "ascii", "ENCODING 'SQL_ASCII' LOCALE 'C'");
    ascii.psql("CREATE TABLE \"é\" ()");
    let newer = Database::create(TestServer::shared(Version::Newer), "newer");
    for (database, encoding) in [(&latin, "LATIN1"), (&ascii, "SQL_ASCII"), (&newer, "UTF8")] {
        let bin = database.server.bin.to_str().unwrap();
        let environment = Environment::plain().with("BACKSTAY_PG_BIN", bin);
        let server = Server::reach(connection(&database.url()), &[], &environment).await.unwrap();
        let facts = Facts::read(&mut server.session().await.unwrap()).await.unwrap();
        assert_eq!(facts.encoding, encoding);
        if encoding == "LATIN1" {
            assert_eq!(facts.constraints_not_valid, ["public.é.ö"]);
        }
    }
}

#[tokio::test]
async fn every_way_to_write_a_connection_works() {
    let database = Database::create(TestServer::any(), "ways: \\ 'and' \"quotes\"");
    let server = database.server;
    let folder = tempfile::tempdir().unwrap();
    let passfile = folder.path().join("pass");
    std::fs::write(&passfile, format!("*:*:*:postgres:{}\n", CANARY.replace('\\', "\\\\").replace(':', "\\:")))
        .unwrap();
    std::fs::set_permissions(&passfile, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let environment = Environment::plain().with("PASSWORD", CANARY).with("NAME", &database.name);
    let socket = server.socket_dir().display().to_string();
    let (port, passfile) = (server.port.to_string(), passfile.display().to_string());
    let parts = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.parse::<Template>().unwrap()));
        ConnectionSpec::Parts(pairs.collect())
    };
    let name = percent_encode(&database.name);
    let url = format!("postgres://postgres@/{name}?host={}&port={port}&passfile={passfile}", percent_encode(&socket));
    for spec in [
        parts(&[
            ("host", "127.0.0.1"),
            ("port", &port),
            ("user", "postgres"),
            ("password", "${env:PASSWORD}"),
            ("database", "${env:NAME}"),
        ]),
        parts(&[
            ("host", &socket),
            ("port", &port),
            ("user", "postgres"),
            ("passfile", &passfile),
            ("database", "${env:NAME}"),
        ]),
        ConnectionSpec::Url(url.parse().unwrap()),
    ] {
        let connection = Connection::resolve(&spec, &environment).unwrap();
        let server = Server::reach(connection, &[], &environment).await.unwrap();
        let facts = Facts::read(&mut server.session().await.unwrap()).await.unwrap();
        assert_eq!(facts.database, database.name);
    }
}
