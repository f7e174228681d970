//! Incremental backups of a server that summarizes its WAL, read on its own host: files that did not change are not opened,
//! and what comes back is the cluster as it was.

use crate::incremental::{back_up, on, project, state};
use crate::support::{Database, Project, Server, Version, until};
use backstay::catalog::{BadPage, Manifest};
use std::fs::{self, File, FileTimes};
use std::net::TcpListener;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

/// Does this with every version that summarizes WAL and is here.
fn on_each(story: impl Fn(Version)) {
    for version in [Version::Seventeen, Version::Eighteen] {
        if Version::all().contains(&version) {
            story(version);
        } else {
            eprintln!("skipped: {version:?} is not here; `scripts/setup` says why");
        }
    }
}

fn on_one(story: impl Fn(Version)) {
    on_each(|version| {
        if version == Version::Seventeen {
            story(version)
        }
    });
}

fn start(version: Version) -> &'static Server {
    let server: &Server = Box::leak(Box::new(Server::start_with(version, &["max_wal_size=2GB"])));
    summarize(server, "on");
    server
}

fn summarize(server: &Server, to: &str) {
    server.psql("postgres", &format!("ALTER SYSTEM SET summarize_wal = {to}"));
    server.psql("postgres", "SELECT pg_reload_conf()");
    until(|| server.psql("postgres", "SHOW summarize_wal") == to);
}

/// A tablespace beside the data directory.
fn tablespace(server: &Server, name: &str) {
    let place = server.socket_dir().join(name);
    fs::create_dir(&place).unwrap();
    server.own(&place);
    server.psql("postgres", &format!("CREATE TABLESPACE {name} LOCATION '{}'", place.display()));
}

/// A tier that reads files.
fn local(source: &Database) -> Project {
    let project = project(source, "");
    project.edit_policy("    method: physical\n", "    method: physical\n    read: local\n");
    project
}

/// A database with a table that stays as it is.
fn still(server: &'static Server) -> (Database, Project) {
    let source = Database::create(server, "shop");
    source.psql("CREATE TABLE still AS SELECT n, md5(n::text) AS w FROM generate_series(1, 20000) n");
    settle(server, &[&source.name]);
    let project = local(&source);
    (source, project)
}

/// Takes a backup; the next one is in a later second.
fn taken(project: &Project) -> (Manifest, String) {
    let (made, said) = back_up(project);
    let begun = made.id.started().as_second();
    until(|| jiff::Timestamp::now().as_second() > begun);
    (made, said)
}

fn unread(made: &Manifest) -> u64 {
    let incremental = made.cluster.as_ref().and_then(|cluster| cluster.incremental.as_ref());
    incremental.and_then(|incremental| incremental.unread).map_or(0, |unread| unread.files)
}

fn bad_pages(made: &Manifest) -> Vec<BadPage> {
    made.cluster.as_ref().unwrap().bad_pages.clone()
}

/// Files whose content is wrong for a while, although nothing else tells it. Who reads one has the wrong bytes.
struct Spoiled(Vec<(PathBuf, [u8; 8])>);

impl Spoiled {
    fn of(source: &Database, relations: &[&str]) -> Spoiled {
        let place =
            |name: &&str| source.server.data().join(source.psql(&format!("SELECT pg_relation_filepath('{name}')")));
        let spoil = |path: PathBuf| {
            let mut right = [0; 8];
            File::open(&path).unwrap().read_exact_at(&mut right, 8192 + 5000).unwrap();
            overwrite(&path, b"spoiled!");
            (path, right)
        };
        Spoiled(relations.iter().map(place).map(spoil).collect())
    }
}

impl Drop for Spoiled {
    fn drop(&mut self) {
        self.0.iter().for_each(|(path, right)| overwrite(path, right));
    }
}

fn overwrite(path: &Path, bytes: &[u8]) {
    let file = File::options().write(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.write_all_at(bytes, 8192 + 5000).unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
}

/// When each file below a folder was changed.
struct Times(Vec<(PathBuf, SystemTime)>);

impl Times {
    fn below(root: &Path) -> Times {
        let (mut all, mut folders) = (Vec::new(), vec![root.to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let meta = entry.metadata().unwrap();
                match meta.is_dir() {
                    true => folders.push(entry.path()),
                    false => all.push((entry.path(), meta.modified().unwrap())),
                }
            }
        }
        Times(all)
    }

    /// Lets files that are still there look as if nobody had changed them.
    fn put_back(&self) {
        for (path, modified) in &self.0 {
            if let Ok(file) = File::options().write(true).open(path) {
                file.set_times(FileTimes::new().set_modified(*modified)).unwrap();
            }
        }
    }
}

/// Restores a backup, has all that PostgreSQL knows of checks look at it, and asks the server on it.
fn asked<T>(
    project: &Project,
    source: &Database,
    made: &Manifest,
    ask: impl FnOnce(&dyn Fn(&str, &str) -> String) -> T,
) -> T {
    let server = source.server;
    let folder = server.socket_dir().join(format!("restored-{}", made.id));
    let mut words = vec!["restore".to_owned(), "app".to_owned(), "--from".to_owned(), made.id.to_string()];
    words.extend(["--target-dir".to_owned(), folder.display().to_string()]);
    for tablespace in &made.cluster.as_ref().unwrap().tablespaces {
        let elsewhere = server.socket_dir().join(format!("elsewhere-{}-{}", tablespace.oid, made.id));
        words.extend(["--tablespace-map".to_owned(), format!("{}={}", tablespace.oid, elsewhere.display())]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    project.backstay(&words).run().expect(0);
    // Every file has its checksum there, whoever read it when.
    let listed: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("backup_manifest")).unwrap()).unwrap();
    assert!(listed["Files"].as_array().unwrap().iter().all(|file| file["Checksum"].is_string()), "{listed:#}");
    server.run_on(&folder, "pg_verifybackup", &["--no-parse-wal", "--ignore=tablespace_map"]).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let started = ["--delta", "--yes", "--start", "--port", &port, "--json"];
    let words: Vec<&str> = words.into_iter().chain(started).collect();
    let done = project.backstay(&words).run().expect(0).json();
    let client = |program: &str, database: &str| {
        let mut command = server.client(program, database);
        command.env("PGHOST", done["recovered"]["socket"].as_str().unwrap()).env("PGPORT", &port);
        command
    };
    let check =
        client("pg_amcheck", &source.name).args(["--install-missing", "--all", "--heapallindexed"]).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    let found = ask(&|database, sql| {
        let output = client("psql", database).args(["-XqAt", "-c", sql]).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    });
    server.run_on(&folder, "pg_ctl", &["stop", "-m", "fast", "-w", "-D"]).unwrap();
    if made.cluster.as_ref().unwrap().checksums {
        server.run_on(&folder, "pg_checksums", &["--check", "-D"]).unwrap();
    }
    found
}

/// States of databases.
fn states(databases: &[&str], ask: &dyn Fn(&str, &str) -> String) -> Vec<String> {
    databases.iter().map(|database| state(|sql| ask(database, sql))).collect()
}

/// What no transaction sees for the first time any more, so that nobody writes to it by reading.
fn settle(server: &Server, databases: &[&str]) {
    for database in databases {
        server.psql(database, "VACUUM FREEZE");
    }
    server.psql("postgres", "CHECKPOINT");
}

fn fill(source: &Database) {
    for name in ["still", "updated", "shortened", "emptied", "gone", "moved", "vacuumed"] {
        source.psql(&format!(
            "CREATE TABLE {name} AS SELECT n, md5(n::text) || '{name}' AS w FROM generate_series(1, 20000) n;
             CREATE INDEX {name}_n ON {name} (n)"
        ));
    }
    source.psql("CREATE TABLE away TABLESPACE far AS SELECT n, md5(n::text) AS w FROM generate_series(1, 20000) n");
    source
        .psql("CREATE SCHEMA aside; CREATE UNLOGGED TABLE aside.forgotten AS SELECT n FROM generate_series(1, 1000) n");
}

#[test]
fn what_did_not_change_is_not_read_and_comes_back() {
    on_each(|version| not_read_and_comes_back(start(version)));
}

fn not_read_and_comes_back(server: &'static Server) {
    tablespace(server, "far");
    let (source, copied, logged, moved, travelled) = (
        Database::create(server, "shop"),
        Database::name_only(server, "copied"),
        Database::name_only(server, "logged"),
        Database::create(server, "moved"),
        Database::create(server, "travelled"),
    );
    fill(&source);
    for database in [&moved, &travelled] {
        database.psql("CREATE TABLE t AS SELECT n, md5(n::text) AS w FROM generate_series(1, 20000) n");
    }
    settle(server, &[&source.name, &moved.name, &travelled.name, "postgres", "template1"]);
    let project = local(&source);
    let (full, said) = taken(&project);
    assert_eq!((on(&full), unread(&full)), (None, 0));
    assert!(!said.contains("summar"), "{said}");
    let mut expected = Vec::new();

    let still = ["still", "still_n", "away"];
    {
        let spoiled = Spoiled::of(&source, &still);
        let (second, said) = taken(&project);
        drop(spoiled);
        assert_eq!(on(&second), Some(full.id.to_string()));
        // What an empty cluster has many of: files of no length, maps of free space, and what is no relation.
        assert!(unread(&second) > 400, "{said} {:#?}", second.cluster);
        assert_eq!(bad_pages(&second), []);
        assert!(said.contains("was not read") && said.contains(full.id.as_str()), "{said}");
        let shown = project.backstay(&["show", second.id.as_str()]).run().expect(0);
        assert!(shown.stdout.contains("not read again"), "{shown:#?}");
        let state = states(&[&source.name, &moved.name], &|database, sql| server.psql(database, sql));
        expected.push((second, vec![source.name.clone(), moved.name.clone()], state));
    }

    let times = Times::below(&server.socket_dir());
    for change in [
        "UPDATE updated SET w = md5(w) WHERE n % 1000 = 1",
        "DELETE FROM shortened WHERE n > 1000",
        "VACUUM shortened",
        "TRUNCATE emptied",
        "INSERT INTO emptied VALUES (1, 'again')",
        "DROP TABLE gone",
        "CREATE TABLE gone AS SELECT n, 'anew' AS w FROM generate_series(1, 20000) n",
        "ALTER TABLE moved SET TABLESPACE far",
        "DELETE FROM vacuumed WHERE n % 2 = 0",
        "VACUUM vacuumed",
        "UPDATE aside.forgotten SET n = n + 1",
    ] {
        source.psql(change);
    }
    server.psql("postgres", &format!("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", copied.name, moved.name));
    server.psql("postgres", &format!("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log", logged.name, moved.name));
    server.psql("postgres", &format!("ALTER DATABASE {} SET TABLESPACE far", moved.name));
    copied.psql("DELETE FROM t WHERE n = 7");
    // What changed elsewhere comes back to files of the same name and length.
    server.psql("postgres", &format!("ALTER DATABASE {} SET TABLESPACE far", travelled.name));
    travelled.psql("DELETE FROM t WHERE n = 9");
    server.psql("postgres", &format!("ALTER DATABASE {} SET TABLESPACE pg_default", travelled.name));
    // Recovery of the server is no hole.
    server.restart("immediate");
    let all = [source.name.as_str(), &copied.name, &logged.name, &moved.name, &travelled.name];
    let look = |expected: &mut Vec<_>, made: Manifest| {
        let state = states(&all, &|database, sql| server.psql(database, sql));
        expected.push((made, all.map(str::to_owned).to_vec(), state));
    };
    // Times of files tell nothing of all this: summaries do.
    server.psql("postgres", "CHECKPOINT");
    times.put_back();
    let spoiled = Spoiled::of(&source, &still);
    let (third, said) = taken(&project);
    drop(spoiled);
    assert_eq!((on(&third), bad_pages(&third)), (Some(expected[0].0.id.to_string()), vec![]), "{said}");
    assert!(unread(&third) > 300 && unread(&third) < unread(&expected[0].0), "{said} {:#?}", third.cluster);
    look(&mut expected, third);
    let times = Times::below(&server.socket_dir());
    // Once more, on one that did not read them either; a database goes and comes at another place.
    server.psql("postgres", &format!("DROP DATABASE {}", copied.name));
    server.psql(
        "postgres",
        &format!("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy TABLESPACE far", copied.name, logged.name),
    );
    server.psql("postgres", &format!("ALTER DATABASE {} SET TABLESPACE pg_default", moved.name));
    source.psql("UPDATE updated SET w = 'x' WHERE n = 3");
    server.psql("postgres", "CHECKPOINT");
    times.put_back();
    let spoiled = Spoiled::of(&source, &still);
    let (fourth, said) = taken(&project);
    drop(spoiled);
    assert!(unread(&fourth) > 300 && bad_pages(&fourth).is_empty(), "{said} {:#?}", fourth.cluster);
    look(&mut expected, fourth);
    project.backstay(&["verify", "app", "--deep"]).run().expect(0);
    for (made, databases, state) in &expected {
        let databases: Vec<&str> = databases.iter().map(String::as_str).collect();
        let (found, invisible) = asked(&project, &source, made, |ask| {
            ask(&source.name, "CREATE EXTENSION pg_visibility");
            let invisible = "SELECT count(*) FROM unnest(ARRAY['updated', 'shortened', 'vacuumed', 'still']) name, \
                             LATERAL (SELECT * FROM pg_check_visible(name::regclass) \
                             UNION ALL SELECT * FROM pg_check_frozen(name::regclass)) t";
            (states(&databases, ask), ask(&source.name, invisible))
        });
        assert_eq!(&found, state, "{}", made.id);
        assert_eq!(invisible, "0", "{}", made.id);
    }
}

#[test]
fn who_does_not_summarize_is_read_whole_and_damage_is_looked_at_again() {
    on_one(|version| {
        let server = start(version);
        let (source, project) = still(server);
        taken(&project);
        summarize(server, "off");
        let spoiled = Spoiled::of(&source, &["still"]);
        let (second, said) = taken(&project);
        assert_eq!((unread(&second), bad_pages(&second).len()), (0, 1), "{said}");
        assert!(!said.contains("summar"), "{said}");
        // What a backup has damaged is not taken from it unseen.
        summarize(server, "on");
        let (third, said) = taken(&project);
        assert_eq!(bad_pages(&third), bad_pages(&second), "{said}");
        assert!(unread(&third) > 300, "{said}");
        drop(spoiled);
        let (fourth, said) = taken(&project);
        assert!(unread(&fourth) > 300 && bad_pages(&fourth).is_empty(), "{said}");
        let expected = state(|sql| source.psql(sql));
        assert_eq!(asked(&project, &source, &fourth, |ask| state(|sql| ask(&source.name, sql))), expected);
    });
}

#[test]
fn a_hole_in_the_summaries_is_told_and_everything_is_read() {
    on_one(|version| {
        let server = start(version);
        let (source, project) = still(server);
        let (full, _) = taken(&project);
        for _ in 0..3 {
            source.psql("CREATE TABLE t AS SELECT 1 AS n; DROP TABLE t; CHECKPOINT");
        }
        let after = format!(
            "FROM pg_available_wal_summaries() WHERE start_lsn > '{}' ORDER BY start_lsn",
            full.cluster.unwrap().start_lsn
        );
        until(|| source.psql(&format!("SELECT count(*) > 1 FROM (SELECT 1 {after}) s")) == "t");
        let start = source.psql(&format!("SELECT start_lsn {after} LIMIT 1"));
        let name = "lpad(to_hex(tli), 8, '0')
            || (SELECT string_agg(lpad(half, 8, '0'), '') FROM unnest(string_to_array(start_lsn || '/' || end_lsn, '/')) half)";
        let name = source.psql(&format!("SELECT upper({name}) || '.summary' {after} LIMIT 1"));
        fs::remove_file(server.data().join("pg_wal/summaries").join(name)).unwrap();
        let spoiled = Spoiled::of(&source, &["still"]);
        let (second, said) = taken(&project);
        assert_eq!((on(&second), unread(&second)), (Some(full.id.to_string()), 0), "{said}");
        assert_eq!(bad_pages(&second).len(), 1, "{said}");
        assert_eq!(said.matches("every file is read").count(), 1, "{said}");
        assert!(said.contains(&format!("no summary of what was written from {start} on")), "{said}");
        drop(spoiled);
        // From this one on there are summaries again.
        let (third, said) = taken(&project);
        assert!(unread(&third) > 300 && bad_pages(&third).is_empty(), "{said}");
    });
}

#[test]
fn what_another_timeline_or_a_standby_says_is_not_gone_by() {
    on_one(|version| {
        let settings = ["max_wal_size=2GB", "full_page_writes=on", "summarize_wal=on"];
        let server: &Server = Box::leak(Box::new(Server::start_with(version, &settings)));
        let (source, project) = still(server);
        let follow = || {
            let signal = server.data().join("standby.signal");
            fs::write(&signal, "").unwrap();
            server.own(&signal);
            server.restart("fast");
            assert_eq!(server.psql("postgres", "SELECT pg_is_in_recovery()"), "t");
        };
        let lead = || {
            assert_eq!(server.psql("postgres", "SELECT pg_promote()"), "t");
            server.psql("postgres", "CHECKPOINT");
        };
        let is_read = |why: &str| {
            let (made, said) = taken(&project);
            assert!(on(&made).is_some() && unread(&made) == 0, "{said}");
            assert!(said.contains("every file is read") && said.contains(why), "{said}");
            made
        };
        taken(&project);
        follow();
        lead();
        is_read("is of timeline 00000001, and this is 00000002");
        let (made, said) = taken(&project);
        assert!(unread(&made) > 300, "{said}");
        follow();
        is_read("it is a standby");
        lead();
        let made = is_read("was read from a standby");
        let expected = state(|sql| source.psql(sql));
        assert_eq!(asked(&project, &source, &made, |ask| state(|sql| ask(&source.name, sql))), expected);
    });
}

#[test]
fn whoever_may_take_the_backup_may_ask_for_summaries() {
    on_each(|version| {
        let server = start(version);
        let source = Database::create(server, "shop");
        settle(server, &[&source.name]);
        source.psql(
            "CREATE ROLE watcher LOGIN PASSWORD 'secret' IN ROLE pg_monitor;
             GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean) TO watcher",
        );
        let project = local(&source);
        taken(&project);
        let url = format!("postgresql://watcher:secret@127.0.0.1:{}/{}", server.port, source.name);
        let run = project.backstay(&["backup", "app", "--json"]).env("DATABASE_URL", &url).run().expect(0);
        let made: Manifest = serde_json::from_value(run.json()["manifest"].clone()).unwrap();
        assert!(unread(&made) > 300, "{run:#?}");
    });
}

#[test]
fn a_cluster_without_checksums_under_load_comes_back_exactly() {
    on_each(|version| {
        let first: &Server = Box::leak(Box::new(Server::start(version)));
        first.run_on(&first.data(), "pg_ctl", &["stop", "-m", "fast", "-w", "-D"]).unwrap();
        first.run_on(&first.data(), "pg_checksums", &["--disable", "-D"]).unwrap();
        let server: &Server =
            Box::leak(Box::new(Server::start_on(version, &first.socket_dir(), &["max_wal_size=2GB"])));
        summarize(server, "on");
        under_load(server);
    });
}

#[test]
fn a_cluster_under_load_comes_back_exactly() {
    on_each(|version| under_load(start(version)));
}

fn under_load(server: &'static Server) {
    let source = Database::create(server, "bank");
    let made = server.client("pgbench", &source.name).args(["-i", "-q", "-s", "3"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    source.psql("CREATE TABLE still AS SELECT n, md5(n::text) AS w FROM generate_series(1, 50000) n");
    settle(server, &[&source.name]);
    let project = local(&source);
    let load = server
        .client("pgbench", &source.name)
        .args(["-c", "3", "-T", "300", "-n", "--rate=400"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut load = load.unwrap();
    let mut last = taken(&project).0;
    for round in 1..4 {
        until(|| source.psql(&format!("SELECT count(*) > {} FROM pgbench_history", round * 200)) == "t");
        let (made, said) = taken(&project);
        assert_eq!(on(&made), Some(last.id.to_string()), "{said}");
        assert!(unread(&made) > 300, "{said}");
        last = made;
    }
    load.kill().unwrap();
    load.wait().unwrap();
    let sums = "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)
                   AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)
                   AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)
                   AND (SELECT count(*) > 600 FROM pgbench_history)";
    let still = "SELECT md5(string_agg(still::text, ',' ORDER BY n)) FROM still";
    let found = asked(&project, &source, &last, |ask| (ask(&source.name, sums), ask(&source.name, still)));
    assert_eq!(found, ("t".to_owned(), source.psql(still)));
}
