//! Databases with very many tables, and with more bytes than memory should ever hold.

use crate::support::{Backstay, Database, Project, Server, shell};
use std::process::Command;

#[test]
fn ten_thousand_tables_come_back() {
    let source = Database::create(Server::any(), "tables");
    // A hundred at a time: one transaction has room for so many locks only.
    source.psql(
        "CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN
           FOR n IN 1..10000 LOOP
             EXECUTE format('CREATE TABLE t%s (n int); INSERT INTO t%s VALUES (%s)', n, n, n);
             IF n % 100 = 0 THEN COMMIT; END IF;
           END LOOP;
         END $$",
    );
    source.psql("CALL fill()");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let manifest = project.manifest("near");
    assert_eq!((manifest.source.table_count, manifest.tables.len()), (10_000, 10_000));
    assert!(manifest.tables.iter().all(|table| table.rows == 1));
    project.backstay(&["verify", "--deep"]).run().expect(0);
    let copy = Database::name_only(source.server, "tables_copy");
    let run = project.backstay(&["restore", "app", "--into", &copy.name]).run().expect(0);
    assert!(run.stdout.contains("10000 tables with 10000 rows"), "{run:#?}");
    assert_eq!(copy.psql("SELECT count(*) FROM pg_tables WHERE tablename ~ '^t[0-9]+$'"), "10000");
    assert_eq!(copy.psql("SELECT n FROM t9999"), "9999");
}

/// Runs it and says how many MiB its largest process held at once, those that it started included.
fn peak(call: Backstay) -> u64 {
    let call = call.into_command();
    let mut command = Command::new("/usr/bin/time");
    command.args(["--quiet", "-f", "peak %M"]).arg(call.get_program()).args(call.get_args()).env_clear();
    command.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.current_dir(call.get_current_dir().unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let kilobytes: u64 = said.lines().last().unwrap().strip_prefix("peak ").unwrap().parse().unwrap();
    kilobytes / 1024
}

#[test]
fn memory_does_not_grow_with_the_database() {
    let source = Database::create(Server::any(), "memory");
    // A few long values among many rows: none of them is held as a whole either.
    source.psql(
        "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 250000) n;
         INSERT INTO t SELECT n, repeat(md5(n::text), 1000000) FROM generate_series(1, 3) n",
    );
    let encryption = "    encryption: team\nencryption:\n  team:\n    type: age\n    recipients: [KEY]\n    \
                      identity: ${file:{folder}/key}\n";
    let project = Project::new(&source, encryption);
    let printed = shell(source.server, &project.path("."), "age-keygen -o key 2>&1");
    project.edit_policy("KEY", String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap());
    let copy = Database::name_only(source.server, "memory_copy");
    let backup = peak(project.backstay(&["backup", "app"]));
    let plain = project.manifest("near").objects[0].plain_bytes;
    assert!(plain > 300 << 20, "{plain}");
    let verify = peak(project.backstay(&["verify", "--deep"]));
    // Behind the program stands `psql`, which holds the longest row.
    let restore = peak(project.backstay(&["restore", "app", "--into", &copy.name]));
    println!("peak memory in MiB: backup {backup}, verify {verify}, restore {restore}");
    assert!(backup < 128 && verify < 128 && restore < 128, "backup {backup}, verify {verify}, restore {restore} MiB");
}
