//! Recovery to a point in time: of a cluster that is written to all the while, every transaction that was committed before
//! the moment is there and none after.

use crate::support::{Archiving, Login, S3Server, Server, Version, s3_store, until};
use backstay::repository::Repository;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// Money is moved between accounts, and each move is written down.
const TRANSFER: &str = "\
\\set a random(1, 100)
\\set b random(1, 100)
\\set amount random(1, 50)
BEGIN;
UPDATE account SET balance = balance - :amount WHERE id = :a;
UPDATE account SET balance = balance + :amount WHERE id = :b;
INSERT INTO ledger (amount) VALUES (:amount);
COMMIT;
";

/// A cluster with accounts whose WAL is archived.
pub fn bank(version: Version, prepare: impl FnOnce(&Archiving)) -> Archiving {
    let bank = Archiving::start_with(version, &["track_commit_timestamp=on"]);
    prepare(&bank);
    bank.archive();
    bank.server.psql(
        "postgres",
        "CREATE TABLE account AS SELECT n AS id, 0::bigint AS balance FROM generate_series(1, 100) n",
    );
    bank.server.psql("postgres", "CREATE TABLE ledger (id bigserial PRIMARY KEY, amount int)");
    fs::write(bank.path("transfer.sql"), TRANSFER).unwrap();
    bank.give_away();
    bank
}

/// Writers that go on until they are dropped, or the server is killed.
pub struct Load(Child);

impl Load {
    pub fn on(bank: &Archiving) -> Load {
        let mut command: Command = bank.server.client("psql", "postgres");
        command = {
            // Debian has it beside the server of its own version; it speaks to any.
            let found: Vec<PathBuf> =
                fs::read_dir("/usr/lib/postgresql").unwrap().flatten().map(|e| e.path().join("bin/pgbench")).collect();
            let program = found.into_iter().find(|path| path.is_file()).expect("pgbench is here; run `scripts/setup`");
            let mut pgbench = Command::new(program);
            pgbench
                .env_clear()
                .envs(command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))));
            pgbench
        };
        command.args(["-n", "-c", "2", "-T", "600", "-R", "200", "-f"]).arg(bank.path("transfer.sql"));
        Load(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ends the segment that is written to, and waits until it is archived.
pub fn archive_all(bank: &Archiving) {
    let last = bank.finish_segment();
    until(|| bank.server.psql("postgres", "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver") >= last);
}

pub fn call(bank: &Archiving, words: &[&str]) -> crate::support::Backstay {
    bank.backstay(words).env("DATABASE_URL", bank.server.url("postgres")).env("HOME", bank.path("home"))
}

/// Restores with these words, starts the server and gives it to `look`.
pub fn restored(
    bank: &Archiving,
    name: &str,
    words: &[&str],
    look: impl FnOnce(&dyn Fn(&str) -> String, &serde_json::Value),
) {
    let folder = bank.path(name);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let target = folder.to_str().unwrap().to_owned();
    let all = [&["restore", "main", "--target-dir", &target, "--start", "--port", &port, "--json"], words].concat();
    let done = call(bank, &all).run().expect(0).json();
    let socket = done["recovered"]["socket"].as_str().unwrap().to_owned();
    let psql = |sql: &str| {
        let mut command = bank.server.client("psql", "postgres");
        command.env("PGHOST", &socket).env("PGPORT", &port).args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    look(&psql, &done);
    stop(bank, &folder);
}

fn stop(bank: &Archiving, folder: &std::path::Path) {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(bank.server.bin.join("pg_ctl"));
    command.args(["stop", "-m", "immediate", "-D"]).arg(folder).current_dir("/").stdout(Stdio::null());
    if let Some((uid, gid)) = Server::user() {
        command.uid(uid).gid(gid);
    }
    assert!(command.status().unwrap().success());
}

pub fn recovers_exactly(bank: &Archiving) {
    let load = Load::on(bank);
    until(|| bank.server.psql("postgres", "SELECT count(*) > 20 FROM ledger") == "t");
    call(bank, &["backup", "main"]).run().expect(0);
    let mut moments = Vec::new();
    for _ in 0..2 {
        std::thread::sleep(std::time::Duration::from_millis(1500));
        moments.push(bank.server.psql(
            "postgres",
            "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
        ));
        // A folder tells whole seconds of when a segment was stored: the next one is surely after the moment.
        std::thread::sleep(std::time::Duration::from_millis(1200));
        bank.server.psql("postgres", "SELECT pg_switch_wal()");
    }
    let lsn = bank.server.psql("postgres", "SELECT pg_current_wal_lsn()");
    std::thread::sleep(std::time::Duration::from_millis(500));
    drop(load);
    archive_all(bank);

    let before = |moment: &str| {
        let sql = format!(
            "SELECT count(*), coalesce(sum(id), 0) FROM ledger WHERE pg_xact_commit_timestamp(xmin) < '{moment}'"
        );
        bank.server.psql("postgres", &sql)
    };
    let balance = |psql: &dyn Fn(&str) -> String| {
        assert_eq!(psql("SELECT sum(balance) FROM account"), "0");
    };
    for (number, moment) in moments.iter().enumerate() {
        restored(bank, &format!("at-{number}"), &["--to-time", moment], |psql, done| {
            balance(psql);
            let there = psql("SELECT count(*), coalesce(sum(id), 0) FROM ledger");
            assert_eq!(there, before(moment), "at {moment}: {done:#}");
            assert!(done["recovered"]["last_transaction"].is_string(), "{done:#}");
        });
    }
    restored(bank, "at-lsn", &["--to-lsn", &lsn], |psql, _| {
        balance(psql);
        let rows: u64 = psql("SELECT count(*) FROM ledger").parse().unwrap();
        let all: u64 = bank.server.psql("postgres", "SELECT count(*) FROM ledger").parse().unwrap();
        assert!(rows > 0 && rows < all, "{rows} of {all}");
    });
    restored(bank, "latest", &[], |psql, _| {
        balance(psql);
        let all = "SELECT count(*), sum(id) FROM ledger";
        assert_eq!(psql(all), bank.server.psql("postgres", all));
    });

    // A table that was dropped comes back beside the others.
    let rows = bank.server.psql("postgres", "SELECT count(*), sum(balance) FROM account");
    bank.server
        .psql("postgres", "CREATE TABLE other AS SELECT 1 AS n; DROP TABLE ledger; UPDATE account SET balance = 7");
    let words =
        ["restore", "main", "--table", "ledger", "--table", "account", "--to-time", &moments[1], "--into", "postgres"];
    let rescued = call(bank, &words).run().expect(0);
    assert!(rescued.stdout.contains("`public.ledger` as `public.ledger_rescued`"), "{rescued:#?}");
    assert_eq!(bank.server.psql("postgres", "SELECT count(*), sum(balance) FROM account_rescued"), rows);
    assert_eq!(bank.server.psql("postgres", "SELECT max(balance) FROM account"), "7");
    let again = call(bank, &words).run().expect(4);
    assert!(again.stderr.contains("`ledger_rescued` already") && again.stderr.contains("--as"), "{again:#?}");
    let unknown = ["restore", "main", "--table", "nothing", "--latest", "--into", "postgres", "--as", "x"];
    let unknown = call(bank, &unknown).run().expect(1);
    assert!(unknown.stderr.contains("no table `nothing`"), "{unknown:#?}");

    // The same for practice.
    bank.edit_policy("    encryption: team\n", "    encryption: team\n    drill: { schedule: manual, checks: [{ sql: 'SELECT sum(balance) FROM account', expect: '= 700' }] }\n");
    archive_all(bank);
    let drilled = call(bank, &["drill", "main", "--json"]).run().expect(0).json();
    assert_eq!(drilled["drills"][0]["problems"].as_array().unwrap().len(), 0, "{drilled:#}");

    // Beyond what there is, and behind a gap.
    let refused = |words: &[&str], why: &str| {
        let target = bank.path("refused");
        let all = [&["restore", "main", "--target-dir", target.to_str().unwrap()], words].concat();
        let run = call(bank, &all).run().expect(1);
        assert!(run.stderr.contains("BS920") && run.stderr.contains(why), "{run:#?}");
        assert!(!target.exists());
    };
    refused(&["--to-time", "2020-01-01"], "the oldest backup");
    refused(&["--to-time", "2099-01-01"], "out of reach");
    let segments: Vec<String> =
        bank.keys("near").into_iter().filter(|key| !key.contains("history") && !key.contains("backup")).collect();
    let gone = &segments[segments.len() - 2];
    for storage in ["near", "far"] {
        let all = bank.keys(storage);
        let name = gone.rsplit('/').next().unwrap().split('-').next().unwrap();
        for key in all.iter().filter(|key| key.contains(name)) {
            fs::remove_file(bank.path(storage).join(key)).unwrap();
        }
    }
    refused(&["--to-lsn", "FF/0"], "goes without a gap to");
}

#[test]
fn every_transaction_before_the_moment_is_there_and_none_after() {
    recovers_exactly(&bank(Version::Distribution, |_| ()));
}

#[test]
fn the_same_holds_for_a_newer_server() {
    recovers_exactly(&bank(Version::Newer, |bank| {
        bank.edit_policy("method: physical", "method: physical, read: local")
    }));
}

#[test]
fn the_same_holds_when_all_of_it_is_in_a_bucket() {
    let s3 = S3Server::start();
    let bucket = s3.bucket("wal");
    let prepare = |bank: &Archiving| {
        let login = Login::root();
        fs::write(bank.path("id"), login.id).unwrap();
        fs::write(bank.path("secret"), login.secret).unwrap();
        // What lies in the bucket is looked at as in a folder.
        for name in ["near", "far"] {
            fs::remove_dir_all(bank.path(name)).unwrap();
            std::os::unix::fs::symlink(&bucket, bank.path(name)).unwrap();
        }
        let place = format!(
            "{{ type: s3, bucket: wal, region: us-east-1, path_style: true, endpoint: \"http://127.0.0.1:{}\", credentials: \
             {{ access_key_id: \"${{file:{{folder}}/id}}\", secret_access_key: \"${{file:{{folder}}/secret}}\" }} }}",
            s3.port
        );
        let near = format!("{{ type: filesystem, path: {} }}", bank.path("near").display());
        bank.edit_policy(&format!("  near: {near}\n"), "");
        let far = format!("{{ type: filesystem, path: {} }}", bank.path("far").display());
        bank.edit_policy(&far, &place);
        bank.edit_policy("to: near", "to: far");
        bank.edit_policy("to: [near, far]", "to: [far]");
        let made = Repository::new("far", Arc::new(s3_store(s3.port, "wal", "")));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(made.create_marker(1, jiff::Timestamp::UNIX_EPOCH)).unwrap();
    };
    recovers_exactly(&bank(Version::Distribution, prepare));
}
