//! Restores that meet trouble: killed runs, failing programs, roles without rights, commands in between.

use crate::support::{CANARY, Database, Likeness, Project, Server, Version, assert_same, identifier, torture};
use std::fs;
use std::process::Child;

fn databases(source: &Database) -> Vec<String> {
    let sql = format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{}') ORDER BY 1", source.name);
    source.server.psql("postgres", &sql).lines().map(str::to_owned).collect()
}

/// A backup whose restore waits for ever while it builds an index.
fn slow(hint: &str) -> (Database, Project) {
    let source = Database::create(Server::any(), hint);
    source.psql(
        "CREATE TABLE t AS SELECT 1 AS n; CREATE FUNCTION wait(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'; \
         CREATE INDEX slow_index ON t (wait(n)); \
         CREATE OR REPLACE FUNCTION wait(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN \
         IF current_database() ~ 'restoring' THEN PERFORM pg_sleep(1000); END IF; RETURN 1; END $$",
    );
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    (source, project)
}

fn start_slow_restore(source: &Database, project: &Project) -> Child {
    let building = format!(
        "SELECT coalesce(min(pid), 0) FROM pg_stat_activity WHERE starts_with(datname, '{}_restoring') \
         AND query ~ '^CREATE INDEX slow'",
        source.name
    );
    // One that was killed may be building still.
    let before = source.server.psql("postgres", &building);
    let arguments = ["restore", "app", "--in-place", "--yes", "--skip-safety-backup"];
    let child = project.backstay(&arguments).into_command().spawn().unwrap();
    while ["0", before.as_str()].contains(&source.server.psql("postgres", &building).as_str()) {
        std::thread::yield_now();
    }
    child
}

#[test]
fn a_killed_restore_leaves_the_old_one_and_the_next_one_clears_up() {
    let (source, project) = slow("killed");
    let mut child = start_slow_restore(&source, &project);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(source.psql("SELECT count(*) FROM t"), "1");
    assert_eq!(databases(&source).len(), 2);
    // A second one finds the leftover, drops it, and gets as far as the first.
    let child = start_slow_restore(&source, &project);
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("leftover"));
    assert_eq!(databases(&source), std::slice::from_ref(&source.name));
}

#[test]
fn a_killed_restore_with_several_processes_leaves_no_file_behind() {
    let (source, project) = slow("killed_jobs");
    let place = project.path("place");
    fs::create_dir(&place).unwrap();
    let building = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE starts_with(datname, '{}_restoring') AND query ~ '^CREATE INDEX slow'",
        source.name
    );
    let arguments = ["restore", "app", "--in-place", "--yes", "--skip-safety-backup", "--jobs", "2"];
    let mut child = project.backstay(&arguments).env("TMPDIR", &place).into_command().spawn().unwrap();
    crate::support::until(|| source.server.psql("postgres", &building) != "0");
    // It has a file there, which has no name any more.
    let open = fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap().flatten();
    let files = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    assert!(files.filter(|file| file.starts_with(&place)).count() > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
    source.server.psql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ~ '^killed_jobs.*restoring'",
    );
    for name in databases(&source).iter().filter(|name| **name != source.name) {
        source.server.psql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", identifier(name)));
    }
}

#[test]
fn the_secret_is_in_no_list_of_processes() {
    let (source, project) = slow("secret");
    let mut child = start_slow_restore(&source, &project);
    let mut seen = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(!line.contains(CANARY), "{line}");
        seen += usize::from(line.contains("pg_restore") && line.contains(&source.name));
    }
    assert!(seen > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    source.server.psql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ~ '^secret.*restoring'",
    );
    for name in databases(&source).iter().filter(|name| **name != source.name) {
        source.server.psql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", identifier(name)));
    }
}

#[test]
fn a_failing_statement_leaves_the_old_one_and_is_named() {
    let source = torture(Server::any(), "statement");
    // The check passes here and fails wherever it is restored.
    source.psql(
        "CREATE FUNCTION only_here() RETURNS bool IMMUTABLE LANGUAGE sql AS \
         'SELECT current_database() !~ ''restoring|copy'''; \
         CREATE TABLE fails (n int CHECK (only_here())); INSERT INTO fails VALUES (1)",
    );
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let likeness = Likeness::of(source.server, &source.name);
    for jobs in ["1", "2"] {
        let run = project
            .backstay(&["restore", "app", "--in-place", "--yes", "--skip-safety-backup", "--jobs", jobs])
            .run()
            .expect(1);
        assert!(run.stderr.contains("fails_n_check") || run.stderr.contains("\"fails\""), "{run:#?}");
        let copy = format!("{}_copy", source.name);
        project.backstay(&["restore", "app", "--into", &copy, "--jobs", jobs]).run().expect(1);
    }
    assert_same(&likeness, &Likeness::of(source.server, &source.name));
    assert_eq!(databases(&source), std::slice::from_ref(&source.name));
    let lock = project.files("near").into_iter().find(|file| file.starts_with("lock/"));
    assert_eq!(lock, None);
}

#[test]
fn rows_that_differ_are_found_before_the_exchange() {
    let source = Database::create(Server::any(), "differs");
    // A trigger that fires always removes rows while they are loaded: the table has fewer than were dumped.
    source.psql("CREATE TABLE t AS SELECT generate_series(1, 10) AS n");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let target = project.path("target.sql");
    fs::write(&target, "").unwrap();
    // The dump is right, its manifest is not: as if rows had been lost on the way.
    for storage in ["near", "far"] {
        let mut manifest = project.manifest(storage);
        manifest.tables[0].rows = 11;
        let key = format!("manifest/now/app/{}.json", manifest.id);
        fs::write(project.path(storage).join(key), backstay::catalog::seal(&manifest)).unwrap();
    }
    let run = project.backstay(&["restore", "app", "--in-place", "--yes", "--skip-safety-backup"]).run().expect(1);
    assert!(run.stderr.contains("BS546") && run.stderr.contains("public.t has 10 rows instead of 11"), "{run:#?}");
    let run = project
        .backstay(&["restore", "app", "--in-place", "--yes", "--table", "t", "--skip-safety-backup"])
        .run()
        .expect(1);
    assert!(run.stderr.contains("has 10 rows instead of 11"), "{run:#?}");
    assert_eq!(databases(&source), std::slice::from_ref(&source.name));
    assert_eq!(source.psql("SELECT count(*) FROM pg_namespace WHERE nspname ~ 'before'"), "0");
}

#[test]
fn what_a_restore_replaced_is_not_the_newest_backup() {
    let source = Database::create(Server::any(), "again");
    source.psql("CREATE TABLE t AS SELECT 1 AS n");
    let project = Project::new(&source, "");
    let good = project.backstay(&["backup", "app", "--json"]).run().expect(0).json()["manifest"]["id"].clone();
    source.psql("DROP TABLE t");
    for _ in 0..2 {
        let run = project.backstay(&["restore", "app", "--in-place", "--yes", "--drop-old", "--json"]).run().expect(0);
        assert_eq!(run.json()["origin"], good);
        assert_eq!(source.psql("SELECT count(*) FROM t"), "1");
        source.psql("DELETE FROM t");
    }
    let run = project.backstay(&["restore", "app", "--in-place", "--dry-run"]).run().expect(0);
    assert!(run.stdout.contains("was taken by a restore"), "{run:#?}");
    // The same table twice: the schema of the first is still there.
    for ending in ["", "_2"] {
        let run =
            project.backstay(&["restore", "app", "--in-place", "--yes", "--table", "t", "--json"]).run().expect(0);
        let schema = run.json()["old_schema"].as_str().unwrap().to_owned();
        assert!(schema.ends_with(&format!("{}{ending}", good.as_str().unwrap())), "{schema}");
    }
}

#[test]
fn an_owner_who_is_no_superuser_can_restore() {
    let server = Server::shared(Version::Distribution);
    server.psql(
        "postgres",
        "DO $$ BEGIN CREATE ROLE plain_owner LOGIN CREATEDB PASSWORD 'plain'; \
         EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    );
    let source = Database::create_with(server, "plain", "OWNER plain_owner");
    let url = format!("postgresql://plain_owner:plain@127.0.0.1:{}/{}", server.port, source.name);
    source.psql("SET ROLE plain_owner; CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS n");
    let project = Project::new(&source, "");
    let call = |arguments: &[&str]| project.backstay(arguments).env("DATABASE_URL", &url).run();
    call(&["backup", "app"]).expect(0);
    source.psql("DROP TABLE s.t");
    let run = call(&["restore", "app", "--in-place", "--yes", "--drop-old"]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert_eq!(source.psql("SELECT count(*) FROM s.t"), "1");
    let run = call(&["restore", "app", "--in-place", "--yes", "--table", "s.t"]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    drop(source);
}

#[test]
fn programs_behind_a_command_restore_too() {
    let source = torture(Server::any(), "exec");
    let project = Project::new(&source, "    exec: [env, -i, \"PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin\"]\n");
    project.backstay(&["backup", "app"]).run().expect(0);
    let likeness = Likeness::of(source.server, &source.name);
    source.psql("DROP TABLE columns CASCADE");
    let run = project.backstay(&["restore", "app", "--in-place", "--yes", "--jobs", "3", "--drop-old"]).run();
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert!(run.stderr.contains("one process works instead of 3"), "{run:#?}");
    assert_same(&likeness, &Likeness::of(source.server, &source.name));
    project.backstay(&["restore", "app", "--in-place", "--yes", "--drop-old", "--table", "egg"]).run().expect(0);
    source.psql("DELETE FROM no_rows; DROP TABLE no_columns");
    let tables = ["--table", "no_columns", "--table", "no_rows"];
    let run = project.backstay(&[&["restore", "app", "--in-place", "--yes", "--drop-old"], &tables[..]].concat()).run();
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert_same(&likeness, &Likeness::of(source.server, &source.name));
}

#[test]
fn another_run_on_the_database_is_not_disturbed() {
    let (source, project) = slow("busy run");
    let child = start_slow_restore(&source, &project);
    let run = project.backstay(&["restore", "app", "--in-place", "--yes"]).run().expect(6);
    assert!(run.stderr.contains("locked") && run.stderr.contains("restore"), "{run:#?}");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(databases(&source), std::slice::from_ref(&source.name));
}

/// Tables that are large, small ones between them, and a large object: each comes back whole.
#[test]
fn large_tables_are_loaded_side_by_side() {
    let source = Database::create(Server::any(), "large");
    source.psql(
        "DO $$ BEGIN FOR i IN 1..4 LOOP \
           EXECUTE format('CREATE TABLE large_%s AS SELECT g AS id, repeat(md5(g::text), 20) AS text \
             FROM generate_series(1, 30000) g', i); \
           EXECUTE format('CREATE TABLE middle_%s AS SELECT g AS id FROM generate_series(1, 100) g', i); \
         END LOOP; END $$; \
         ALTER TABLE large_1 ADD PRIMARY KEY (id); ALTER TABLE large_2 ADD FOREIGN KEY (id) REFERENCES large_1; \
         SELECT lo_from_bytea(0, convert_to(repeat('x', 20000000), 'UTF8'))",
    );
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let likeness = Likeness::of(source.server, &source.name);
    for jobs in ["2", "5"] {
        let copy = Database::name_only(source.server, "large copy");
        let run = project.backstay(&["restore", "app", "--into", &copy.name, "--jobs", jobs]).run().expect(0);
        assert!(run.stdout.contains("8 tables with 120400 rows"), "{run:#?}");
        assert_same(&likeness, &Likeness::of(source.server, &copy.name));
    }
}

#[test]
fn a_backup_of_another_policy_in_a_shared_store_is_named() {
    let source = Database::create(Server::any(), "shared");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let look = || project.backstay(&["restore", "app", "--in-place", "--dry-run"]).run().expect(0);
    assert!(!look().stdout.contains("made by policy"), "{:#?}", look());
    project.edit_policy("name: test", "name: other");
    assert!(look().stdout.contains("made by policy `test`"), "{:#?}", look());
}
