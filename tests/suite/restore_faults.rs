//! Restores that are killed or whose storage fails: the database under its name is always whole, old or new.

use crate::support::{
    Database, Dice, Environment, Project, Server, assert_leftover_free, desired, identifier, rounds, signal,
};
use backstay::catalog::{Method, Wish, choose, restore_points};
use backstay::event::Silent;
use backstay::repository::Repository;
use backstay::restore::{
    Destination, From, Hands, Old, Owners, Request, RestoreError, SafetyRule, Tablespaces, carry_out, prepare,
};
use backstay::storage::{Faults, FaultyStore};
use indexmap::IndexMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A database of which a restore takes a while, in a project that has a backup of it. `state` is 0 in the backup.
fn backed_up(hint: &str, rows: u32) -> (Restored, Project) {
    let source = Database::create(Server::any(), hint);
    source.psql(&format!(
        "CREATE TABLE state (n int); INSERT INTO state VALUES (0);
         CREATE TABLE t AS SELECT n, md5(n::text) AS text FROM generate_series(1, {rows}) n;
         ALTER TABLE t ADD PRIMARY KEY (n); CREATE INDEX ON t (text)"
    ));
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    (Restored(source), project)
}

/// A database with others beside it whose names begin like its own: all are dropped.
struct Restored(Database);

impl Restored {
    fn all(&self) -> Vec<String> {
        let sql = format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{}') ORDER BY 1", self.0.name);
        self.0.server.psql("postgres", &sql).lines().map(str::to_owned).collect()
    }

    /// What the database under its name holds: its state and the number of rows.
    fn seen(&self) -> String {
        self.0.psql("SELECT n, (SELECT count(*) FROM t) FROM state")
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        for name in self.all().iter().filter(|name| **name != self.0.name) {
            let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name));
            let _ = self.0.server.client("psql", "postgres").args(["-Xqc", &sql]).output();
        }
    }
}

#[test]
fn wherever_a_restore_is_killed_the_database_is_whole() {
    let (source, project) = backed_up("kill_restore", 30000);
    let restore = ["restore", "app", "--in-place", "--yes", "--skip-safety-backup", "--drop-old"];
    let begun = Instant::now();
    project.backstay(&restore).run().expect(0);
    let whole = begun.elapsed();
    let mut dice = Dice::thrown();
    let kills = rounds("BACKSTAY_KILLS", 8);
    let mut n_new = 0;
    for round in 1..=kills {
        source.0.psql(&format!("UPDATE state SET n = {round}"));
        let moment = Duration::from_micros(dice.below(whole.as_micros() as usize * 5 / 4) as u64);
        let mut child = project.backstay(&restore).into_command().spawn().unwrap();
        // Not a wait for something: the moment of death is what is tried.
        std::thread::sleep(moment);
        signal(&child, "-KILL");
        child.wait().unwrap();
        let seen = source.seen();
        let is_new = seen == "0|30000";
        assert!(is_new || seen == format!("{round}|30000"), "killed after {moment:?} of {whole:?}: {seen}");
        n_new += u32::from(is_new);
    }
    println!("{n_new} of {kills} had put the new database in place, within {whole:?}");
    source.0.psql("UPDATE state SET n = 99");
    project.backstay(&restore).run().expect(0);
    assert_eq!(source.seen(), "0|30000");
    assert!(source.all().iter().all(|name| !name.contains("_restoring_")), "{:?}", source.all());
    // A process that dies while it takes a lock leaves half a file, as any other would.
    project.backstay(&["prune", "--yes"]).run().expect(0);
    assert_leftover_free(&project);
}

/// One restore in place from `near`, whose store fails at one call. Returns how many calls it had.
async fn attempt(project: &Project, lookup: &Environment, fault: Faults) -> (u64, Result<(), RestoreError>) {
    let policy = fs::read_to_string(project.path("backstay.yaml")).unwrap();
    let desired = desired(&policy);
    let sound = project.repository("near");
    let contents = sound.read().await.unwrap();
    let faulty = FaultyStore::new(sound.store.clone(), fault);
    let repositories: IndexMap<String, Repository> =
        [("near".to_owned(), Repository::new("near", Arc::new(faulty.clone())))].into();
    let points = restore_points([("near", &contents)]);
    let wish = Wish { database: "app", id: None, method: Method::Logical, tier: None, storage: None, except: &[] };
    let choice = choose(&points, &wish, &["near".to_owned()]).unwrap_or_else(|error| panic!("{error}"));
    let request = Request {
        desired: &desired,
        name: "app",
        database: desired.database("app").unwrap(),
        from: From::Backup(choice),
        to: Destination::InPlace,
        tables: Vec::new(),
        jobs: 1,
        owners: Owners::AsBackedUp,
        tablespaces: Tablespaces::AsBackedUp,
        old: Old::Dropped,
        safety: SafetyRule::Skipped,
    };
    let hands = Hands {
        repositories: &repositories,
        lookup,
        observer: Arc::new(Silent),
        cancel: CancellationToken::new(),
        run: "20261120T020000Z-k3f9".to_owned(),
    };
    let done = match prepare(request, &points, &hands).await {
        Ok(prepared) => carry_out(prepared, &hands).await.map(drop),
        Err(error) => Err(error),
    };
    (faulty.n_calls(), done)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_fails_at_any_call_changes_nothing() {
    let (source, project) = tokio::task::spawn_blocking(|| backed_up("fail_restore", 100)).await.unwrap();
    source.0.psql("UPDATE state SET n = 7");
    let bin = source.0.server.bin.to_str().unwrap();
    let lookup = Environment::plain().with("DATABASE_URL", &source.0.url()).with("BACKSTAY_PG_BIN", bin);
    let mut failed = 0;
    for at in 1.. {
        let (n_calls, done) = attempt(&project, &lookup, Faults::At(at)).await;
        match done {
            Err(error) => {
                failed += 1;
                assert_eq!(source.seen(), "7|100", "call {at}: {error}");
                assert_eq!(source.all(), std::slice::from_ref(&source.0.name), "call {at}: {error}");
            }
            // A call whose answer is not needed, such as giving back a lock.
            Ok(()) if n_calls >= at => {
                assert_eq!(source.seen(), "0|100", "call {at}");
                source.0.psql("UPDATE state SET n = 7");
            }
            Ok(()) => break,
        }
        let locks = project.files("near").into_iter().filter(|file| file.starts_with("lock/"));
        locks.for_each(|lock| fs::remove_file(project.path("near").join(lock)).unwrap());
    }
    println!("{failed} calls of the store matter to a restore");
    assert!(failed > 0);
    assert_eq!(source.seen(), "0|100");
    tokio::task::spawn_blocking(|| drop((source, project))).await.unwrap();
}
