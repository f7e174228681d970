//! Logging in for replication: everything that libpq would take, on a server that asks for each.

use crate::support::{CANARY, Environment, Server, Version, percent_encode};
use backstay::base::Secret;
use backstay::diag::Explain;
use backstay::postgres::replication::ReplicationSession;
use backstay::postgres::{Connection, PostgresError};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

async fn login(url: &str, environment: &Environment) -> Result<ReplicationSession, PostgresError> {
    ReplicationSession::connect(&Connection::from_url(&Secret::new(url)).unwrap(), environment).await
}

/// The code of a failure, whose message must not tell the password.
async fn failure(url: &str, environment: &Environment) -> String {
    let error = login(url, environment).await.err().unwrap_or_else(|| panic!("{url} was let in"));
    assert!(!error.to_string().contains(CANARY), "{error}");
    format!("{} {error}", error.code().id)
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Replaces the rules of a server about who may log in how.
fn rules(server: &Server, text: &str) {
    fs::write(
        server.data().join("pg_hba.conf"),
        format!("{text}\nlocal all all trust\nhost all all all scram-sha-256\n"),
    )
    .unwrap();
    server.psql("postgres", "SELECT pg_reload_conf()");
}

#[tokio::test]
async fn every_place_for_a_password_is_looked_at() {
    let server = Server::any();
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let escaped = CANARY.replace('\\', "\\\\").replace(':', "\\:");
    private(&folder.path().join("pass"), &format!("*:*:replication:postgres:{escaped}\n"));
    private(
        &folder.path().join(".pgpass"),
        &format!("localhost:1:*:*:no\n127.0.0.1:{}:app:postgres:{escaped}\n", server.port),
    );
    fs::write(
        folder.path().join("services"),
        format!("[ours]\nhost=127.0.0.1\nport={}\nuser=postgres\npassword={CANARY}\n", server.port),
    )
    .unwrap();
    let bare = format!("postgresql://postgres@127.0.0.1:{}/app", server.port);
    let socket = format!(
        "postgresql://postgres@/app?host={}&port={}",
        percent_encode(&server.socket_dir().display().to_string()),
        server.port
    );
    let plain = Environment::plain;
    login(&server.url("whatever"), &plain()).await.unwrap();
    login(&bare, &plain().with("PGPASSWORD", CANARY)).await.unwrap();
    login(&format!("{bare}?passfile={}", place("pass")), &plain()).await.unwrap();
    login(&socket, &plain().with("PGPASSFILE", &place("pass"))).await.unwrap();
    login(&bare, &plain().with("HOME", &place(""))).await.unwrap();
    login("postgresql:///app?service=ours", &plain().with("PGSERVICEFILE", &place("services"))).await.unwrap();
    // The second host answers.
    let port = server.port;
    login(&format!("postgresql://postgres@127.0.0.1:1,127.0.0.1:{port}/app"), &plain().with("PGPASSWORD", CANARY))
        .await
        .unwrap();

    let error = failure(&bare, &plain().with("HOME", "/nonexistent")).await;
    assert!(error.starts_with("BS521") && error.contains("none was given"), "{error}");
    fs::set_permissions(folder.path().join(".pgpass"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = failure(&bare, &plain().with("HOME", &place(""))).await;
    assert!(error.contains("chmod 600"), "{error}");
    for (url, id) in [
        (bare.replace("postgres@", "postgres:wrong@"), "BS521"),
        (bare.replace("postgres@", "nobody:x@"), "BS521"),
        ("postgresql://u:p@127.0.0.1:1/x".to_owned(), "BS520"),
        ("postgresql://u:p@%2Fnonexistent/x".to_owned(), "BS520"),
        ("postgresql://u:p@host.invalid/x".to_owned(), "BS520"),
        (format!("{}?require_auth=md5", server.url("x")), "BS521"),
        (format!("{}?channel_binding=require", server.url("x")), "BS521"),
        (format!("{}?sslmode=require", server.url("x")), "BS520"),
        (format!("{}?gssencmode=require", server.url("x")), "BS901"),
    ] {
        let error = failure(&url, &plain()).await;
        assert!(error.starts_with(id), "{url}: {error}");
    }
}

#[tokio::test]
async fn every_method_and_refusal_of_a_server() {
    let server = Server::start(Version::Distribution);
    server.psql(
        "postgres",
        "CREATE ROLE plain LOGIN PASSWORD 'pw'; CREATE ROLE clear LOGIN REPLICATION PASSWORD 'pw'; \
         CREATE ROLE barred LOGIN REPLICATION PASSWORD 'pw'; SET password_encryption = md5; \
         CREATE ROLE hashed LOGIN REPLICATION PASSWORD 'pw'",
    );
    rules(
        &server,
        "host replication clear all password\nhost replication hashed all md5\nhost replication postgres all trust\n\
         host replication plain all scram-sha-256",
    );
    let url = |login: &str| format!("postgresql://{login}@127.0.0.1:{}/x", server.port);
    let plain = Environment::plain();
    for user in ["clear:pw", "hashed:pw", "postgres"] {
        login(&url(user), &plain).await.unwrap_or_else(|error| panic!("{user}: {error}"));
    }
    for (user, id) in [("clear:no", "BS521"), ("hashed:no", "BS521"), ("plain:pw", "BS900"), ("barred:pw", "BS521")] {
        let error = failure(&url(user), &plain).await;
        assert!(error.starts_with(id), "{user}: {error}");
    }
    let error = login(&url("barred:pw"), &plain).await.err().unwrap();
    assert!(error.hint().unwrap().contains("host replication"), "{error}");
    let error = failure(&format!("{}?require_auth=!password", url("clear:pw")), &plain).await;
    assert!(error.contains("`require_auth`"), "{error}");
    assert!(login(&format!("{}?require_auth=none", url("postgres")), &plain).await.is_ok());
}

/// An authority, a certificate of the server for `localhost` only, and one of the client `postgres`.
fn certificates(folder: &Path) {
    let script = r#"
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=ca
        issue() {
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2"
            printf '%s' "$3" > ext
            openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" -days 2 -extfile ext
        }
        issue server localhost 'subjectAltName=DNS:localhost'
        issue client postgres ''
        openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.crt -days 2 -subj /CN=other
        openssl req -x509 -newkey rsa:2048 -nodes -keyout self.key -out self.crt -days 2 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost
    "#;
    let output = Command::new("sh").args(["-ec", script]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn use_certificate(server: &Server, folder: &Path, name: &str) {
    for ending in ["crt", "key"] {
        let path = server.data().join(format!("server.{ending}"));
        fs::copy(folder.join(format!("{name}.{ending}")), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        server.own(&path);
    }
    fs::copy(folder.join("ca.crt"), server.data().join("root.crt")).unwrap();
    server.own(&server.data().join("root.crt"));
    server.psql("postgres", "ALTER SYSTEM SET ssl_ca_file = 'root.crt'");
    server.psql("postgres", "ALTER SYSTEM SET ssl = on");
    server.psql("postgres", "SELECT pg_reload_conf()");
}

#[tokio::test]
async fn tls_means_what_libpq_means() {
    let server = Server::start(Version::Distribution);
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    use_certificate(&server, folder.path(), "server");
    rules(&server, "hostssl replication postgres all scram-sha-256");
    let place = |name: &str| folder.path().join(name).display().to_string();
    let url = |host: &str, more: &str| {
        format!("postgresql://postgres:{}@{host}:{}/x?{more}", percent_encode(CANARY), server.port)
    };
    let plain = Environment::plain().with("HOME", "/nonexistent");
    let (ca, other) = (place("ca.crt"), place("other.crt"));
    for (host, more) in [
        ("127.0.0.1", "sslmode=prefer".to_owned()),
        ("127.0.0.1", "sslmode=allow".to_owned()),
        ("127.0.0.1", "sslmode=require&channel_binding=require".to_owned()),
        ("127.0.0.1", "sslmode=require&channel_binding=disable".to_owned()),
        ("127.0.0.1", "sslmode=require&ssl_max_protocol_version=TLSv1.2".to_owned()),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ca}")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={ca}&channel_binding=require")),
    ] {
        login(&url(host, &more), &plain).await.unwrap_or_else(|error| panic!("{more}: {error}"));
    }
    for (host, more, id) in [
        ("127.0.0.1", "sslmode=disable".to_owned(), "BS521"),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), "BS520"),
        ("localhost", format!("sslmode=verify-full&sslrootcert={other}"), "BS520"),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={other}"), "BS520"),
        ("127.0.0.1", "sslmode=verify-ca".to_owned(), "BS529"),
        ("localhost", "sslmode=verify-full&sslrootcert=system".to_owned(), "BS520"),
    ] {
        let error = failure(&url(host, &more), &plain).await;
        assert!(error.starts_with(id), "{more}: {error}");
    }

    // A client is known by its certificate, and needs no password then.
    rules(&server, "hostssl replication postgres all cert");
    let mine =
        format!("sslmode=verify-ca&sslrootcert={ca}&sslcert={}&sslkey={}", place("client.crt"), place("client.key"));
    let bare = format!("postgresql://postgres@127.0.0.1:{}/x?{mine}", server.port);
    fs::set_permissions(folder.path().join("client.key"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(failure(&bare, &plain).await.contains("chmod 600"));
    fs::set_permissions(folder.path().join("client.key"), fs::Permissions::from_mode(0o600)).unwrap();
    login(&bare, &plain).await.unwrap();
    let error = failure(&format!("{bare}&sslcertmode=disable"), &plain).await;
    assert!(error.starts_with("BS521"), "{error}");

    // A certificate that signed itself is its own authority.
    rules(&server, "hostssl replication postgres all scram-sha-256");
    use_certificate(&server, folder.path(), "self");
    let own = place("self.crt");
    login(&url("localhost", &format!("sslmode=verify-full&sslrootcert={own}")), &plain).await.unwrap();
    let error = failure(&url("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={own}")), &plain).await;
    assert!(error.starts_with("BS520"), "{error}");
}
