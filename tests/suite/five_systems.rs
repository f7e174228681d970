//! The five policies of `policies/`: each is what one real system did with scripts. Each is validated, planned, applied,
//! and then there is nothing left to do, on an emulation of AWS and a real PostgreSQL.

use crate::support::{Backstay, Database, Login, Moto, Run, Server};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A system: its policy, what of it must be other here, and a database with the tables it asks for.
struct System {
    name: &'static str,
    /// Words of the policy that name this machine or this account, and what stands there in the test.
    edits: &'static [(&'static str, &'static str)],
    tables: &'static str,
}

/// `{folder}` is the test's folder, `{bucket}` a suffix that makes names unique in the emulation, `{…}` the rest what
/// the connection is made of.
const SYSTEMS: [System; 5] = [
    System {
        name: "dorami",
        edits: &[
            ("/opt/dorami/backups", "{folder}/server"),
            ("dorami-db-backups-prod", "dorami-db-backups-prod{bucket}"),
            ("${file:/etc/backstay/passphrase}", "${file:{folder}/passphrase}"),
            ("host: localhost, user: postgres", "host: 127.0.0.1, port: {port}, user: postgres"),
            ("live_commerce }", "{database} }"),
            ("/etc/backstay/credentials", "{folder}/credentials"),
            ("dorami-backup-automation", "dorami-backup-automation{bucket}"),
        ],
        tables: "CREATE TABLE products AS SELECT n AS id FROM generate_series(1, 100) n",
    },
    System {
        name: "ordering-system",
        edits: &[
            ("/backups/postgres", "{folder}/server"),
            ("/etc/backstay/age.key", "{folder}/age.key"),
            ("bucket: ordering-backups", "bucket: ordering-backups{bucket}"),
            ("bucket: ordering-access-logs", "bucket: ordering-access-logs{bucket}"),
            ("/etc/backstay/credentials", "{folder}/credentials"),
            ("/etc/backstay/pruner-credentials", "{folder}/pruner-credentials"),
            ("ordering-backup-automation", "ordering-backup-automation{bucket}"),
            ("ordering-backup-pruner", "ordering-backup-pruner{bucket}"),
        ],
        tables: "CREATE TABLE orders AS SELECT n AS id FROM generate_series(1, 100) n",
    },
    System {
        name: "ftry",
        edits: &[
            ("/var/backups/ftry", "{folder}/local"),
            // The public key in the policy is an example; its private half is nobody's.
            ("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", AGE_RECIPIENT),
            ("bucket: ftry-backups", "bucket: ftry-backups{bucket}"),
            ("/etc/backstay/age.key", "{folder}/age.key"),
            ("name: ftry-backup\n", "name: ftry-backup{bucket}\n"),
        ],
        tables: "CREATE TABLE \"User\" (id int); CREATE TABLE \"Tenant\" (id int)",
    },
    System {
        name: "shiftmanager",
        edits: &[
            ("/srv/backups/production", "{folder}/server"),
            ("my-company-backups", "my-company-backups{bucket}"),
            ("/etc/backstay/passphrase", "{folder}/passphrase"),
        ],
        tables: "CREATE TABLE employee AS SELECT n AS id FROM generate_series(1, 100) n",
    },
    System {
        name: "internet-id",
        edits: &[
            ("/var/lib/backstay/internet-id", "{folder}/server"),
            ("internet-id-backups-us-east-1", "internet-id-backups-us-east-1{bucket}"),
            ("internet-id-backups-us-west-2", "internet-id-backups-us-west-2{bucket}"),
            ("/etc/backstay/recipient", "{folder}/recipient"),
            ("/etc/backstay/age.key", "{folder}/age.key"),
            (
                "      host: localhost\n      port: 5432\n      user: internetid",
                "      host: 127.0.0.1\n      port: {port}\n      user: postgres",
            ),
            ("      database: internetid", "      database: {database}"),
            ("/etc/backstay/credentials", "{folder}/credentials"),
            ("/etc/backstay/pruner-credentials", "{folder}/pruner-credentials"),
            ("name: internet-id-backup\n", "name: internet-id-backup{bucket}\n"),
            ("name: internet-id-pruner\n", "name: internet-id-pruner{bucket}\n"),
        ],
        tables: "CREATE TABLE \"Content\" (id int); CREATE TABLE \"User\" (id int)",
    },
];

/// What `docker exec -i NAME program …` does where only the container with the old name runs, and starts and stops.
const DOCKER: &str = r#"#!/bin/sh
case "$1 $2" in "start dorami-backend-prod" | "stop dorami-backend-prod") exit 0 ;; "exec -i") ;; *) exit 64 ;; esac
[ "$3" = live-commerce-postgres ] || { echo "Error response from daemon: No such container: $3" >&2; exit 1; }
shift 3
exec "$@"
"#;

/// A system set up in a folder.
struct Setup {
    folder: tempfile::TempDir,
    database: Database,
    moto: &'static Moto,
    text: String,
}

impl Setup {
    fn new(system: &System) -> Setup {
        let folder = tempfile::Builder::new().prefix("backstay-system-").tempdir().unwrap();
        let database = Database::create(Server::any(), &system.name.replace('-', "_"));
        database.psql(system.tables);
        let moto = Moto::shared_with_tls();
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policies").join(format!("{}.yaml", system.name));
        let mut text = fs::read_to_string(path).unwrap();
        let bucket = Moto::unique("");
        for (from, to) in system.edits {
            assert!(text.contains(from), "{} has no {from:?}", system.name);
            let to = to
                .replace("{folder}", folder.path().to_str().unwrap())
                .replace("{bucket}", &bucket)
                .replace("{port}", &database.server.port.to_string())
                .replace("{database}", &database.name);
            text = text.replace(from, &to);
        }
        let setup = Setup { folder, database, moto, text };
        setup.file("passphrase", "correct horse battery staple", 0o600);
        setup.file("age.key", AGE_IDENTITY, 0o600);
        setup.file("recipient", AGE_RECIPIENT, 0o600);
        setup.file("docker", DOCKER, 0o755);
        setup.write(&setup.text);
        setup
    }

    fn file(&self, name: &str, text: &str, mode: u32) {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn write(&self, text: &str) {
        self.file("backstay.yaml", text, 0o644);
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let path = format!("{}:{}:/usr/bin:/bin", self.folder.path().display(), self.database.server.bin.display());
        let call = Backstay::new(arguments)
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("DATABASE_URL", self.database.url())
            .env("POSTGRES_PASSWORD", crate::support::CANARY)
            .env("BACKUP_RECIPIENT", AGE_RECIPIENT)
            .env("BACKSTAY_PG_BIN", &self.database.server.bin);
        self.moto.seen_by(call, &Login::root()).run()
    }

    /// Every irreversible step of the plan, as options that allow it.
    fn allowed(&self, plan: &Run) -> Vec<String> {
        let saved = plan.json();
        let actions = saved["plans"][0]["actions"].as_array().unwrap().clone();
        let irreversible = actions.iter().filter(|action| action["irreversible"].is_string());
        irreversible
            .flat_map(|action| ["--allow-irreversible".to_owned(), action["address"].as_str().unwrap().to_owned()])
            .collect()
    }

    /// Plans a part, applies it, and asserts that a second plan of it is empty.
    fn settle(&self, only: &[&str]) {
        let with =
            |words: &[&str]| -> Vec<String> { words.iter().chain(only).map(|word| (*word).to_owned()).collect() };
        let call = |words: Vec<String>| self.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let plan = call(with(&["plan", "--json"])).expect(0);
        assert!(!plan.json()["plans"][0]["actions"].as_array().unwrap().is_empty(), "nothing is planned: {plan:#?}");
        let mut apply = with(&["apply", "--yes"]);
        apply.extend(self.allowed(&plan));
        let applied = call(apply).expect(0);
        let again = call(with(&["plan", "--detailed-exitcode"]));
        assert_eq!(again.code, Some(0), "after {applied:#?} there is still something to do: {again:#?}");
    }
}

// A key pair made for this test.
const AGE_RECIPIENT: &str = "age1rz9ul2r288zyghxx3t3vlpna5leqg98q8vj3a4r2zu3psjyk3a3sz9sm30";
const AGE_IDENTITY: &str = "AGE-SECRET-KEY-1EVYEZWPYL4ZH5WRAESGH8VVGSQN7SAW34VDH43K2ME9GVEAV0AGQM3QTU6";

/// Buckets that a system takes for granted exist, as they do where it runs.
fn prepare(system: &System, setup: &Setup) {
    let bucket = |name: &str| {
        let start = setup.text.find(name).unwrap_or_else(|| panic!("{name} is not in {}", system.name));
        let rest = &setup.text[start..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap();
        let name = &rest[..end];
        setup.moto.aws(&["s3api", "create-bucket", "--bucket", name]);
        name.to_owned()
    };
    match system.name {
        "ordering-system" => {
            let log = bucket("ordering-access-logs");
            let statement = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"logging.s3.amazonaws.com"}},"Action":"s3:PutObject","Resource":"arn:aws:s3:::{log}/*"}}]}}"#
            );
            setup.moto.aws(&["s3api", "put-bucket-policy", "--bucket", &log, "--policy", &statement]);
        }
        "shiftmanager" => drop(bucket("my-company-backups")),
        _ => {}
    }
}

/// Buckets, identities, keys, folders, backups: made once, and then there is nothing left to do. How full this machine's
/// disk is does not matter here.
#[test]
fn each_system_is_made_backed_up_and_restored() {
    for system in &SYSTEMS {
        let setup = Setup::new(system);
        prepare(system, &setup);
        setup.write(&setup.text.replace(", min_free: 15%", "").replace("\n    min_free: 15%", "\n"));
        setup.run(&["validate"]).expect(0);
        setup.settle(&[]);
        let listed = setup.run(&["list", "--json"]).expect(0).json();
        let listed = &listed["databases"][0];
        assert!(!listed["backups"].as_array().unwrap().is_empty(), "{}: {listed}", system.name);
        setup.run(&["verify", "--deep"]).expect(0);
        let entry = listed["name"].as_str().unwrap();
        let copy = Database::name_only(Server::any(), &format!("{entry}_again"));
        setup.run(&["restore", entry, "--into", &copy.name, "--yes"]).expect(0);
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(copy.psql(tables), setup.database.psql(tables), "{}", system.name);
    }
}

/// Each file is read as it is, without a secret, and says nothing to improve.
#[test]
fn each_policy_is_valid_as_it_stands() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for system in &SYSTEMS {
        let path = format!("policies/{}.yaml", system.name);
        let run = Backstay::new(["validate", "--policy", &path]).current_dir(root).run().expect(0);
        assert!(run.stderr.contains("no problems") || run.stdout.contains("no problems"), "{run:#?}");
    }
}
