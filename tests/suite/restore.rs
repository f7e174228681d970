//! `backstay restore` on real servers: what was backed up comes back, and what fails leaves everything as it was.

use crate::support::{Database, Likeness, Project, Server, Version, assert_same, identifier, shell, torture};
use std::fs;

/// An encryption with age whose key lies in the project's folder.
const AGE: &str = "    encryption: team\nencryption:\n  team: { type: age, recipients: [KEY], \
    identity: \"${file:{folder}/key}\" }\n";
const GPG: &str =
    "    encryption: words\nencryption:\n  words: { type: gpg, passphrase: \"${file:{folder}/words}\" }\n";

fn age_project(source: &Database, more: &str) -> Project {
    let project = Project::new(source, &format!("{more}{AGE}"));
    let printed = shell(source.server, &project.path("."), "age-keygen -o key 2>&1");
    project.edit_policy("KEY", String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap());
    project
}

/// Every database of the server whose name begins so.
fn databases(server: &Server, begin: &str) -> Vec<String> {
    let sql = format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{begin}') ORDER BY 1");
    server.psql("postgres", &sql).lines().map(str::to_owned).collect()
}

/// A name on the source's server that is dropped at the end.
fn name_on(source: &Database, hint: &str) -> Database {
    Database::name_only(source.server, hint)
}

#[test]
fn the_torture_schema_comes_back_in_place() {
    for version in [Version::Distribution, Version::Newer] {
        comes_back_in_place(version);
    }
}

/// The torture schema on a server of this version.
pub fn comes_back_in_place(version: Version) {
    let source = torture(Server::shared(version), "in_place \"quoted\" 😀");
    let name = identifier(&source.name);
    source.psql(&format!(
        "ALTER DATABASE {name} SET search_path TO public, \"Schema with \"\"quotes\"\" and 😀\", \"$user\"; \
         ALTER ROLE torture_owner IN DATABASE {name} SET work_mem = '8MB'; \
         COMMENT ON DATABASE {name} IS 'the one'; GRANT CREATE ON DATABASE {name} TO \"torture reader\"; \
         ALTER DATABASE {name} CONNECTION LIMIT 50; ALTER DATABASE {name} OWNER TO torture_owner"
    ));
    let settings = "SELECT datconnlimit, datacl, pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'), \
        (SELECT array_agg(setconfig::text || setrole ORDER BY setrole) FROM pg_db_role_setting \
         WHERE setdatabase = oid) FROM pg_database WHERE datname = current_database()";
    let project = age_project(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let before = (Likeness::of(source.server, &source.name), source.psql(settings));
    let manifest = project.manifest("near");

    source.psql("DROP TABLE columns CASCADE; DELETE FROM events; CREATE TABLE newer ()");
    let run = project.backstay(&["restore", "app", "--in-place", "--yes", "--json"]).run().expect(0);
    assert_same(&before.0, &Likeness::of(source.server, &source.name));
    assert_eq!(before.1, source.psql(settings));
    let view = run.json();
    assert_eq!(view["origin"], manifest.id.as_str(), "{view}");
    let old = view["old_database"].as_str().unwrap();
    assert!(old.len() <= 63 && old.ends_with(&format!("_before_{}", manifest.id)), "{old}");
    assert_eq!(source.server.psql(old, "SELECT count(*) FROM newer"), "0");
    assert!(run.stderr.contains("written to since"), "{run:#?}");
    // The safety backup holds what was replaced.
    let safety = view["safety_backup"].as_str().unwrap();
    let copy = name_on(&source, "safety");
    project.backstay(&["restore", "app", "--from", safety, "--into", &copy.name]).run().expect(0);
    assert_eq!(copy.psql("SELECT count(*) FROM newer"), "0");
    source.server.psql("postgres", &format!("DROP DATABASE {}", identifier(old)));
    assert!(databases(source.server, "in_place").iter().all(|name| !name.contains("_restoring_")));
    assert!(project.files("near").iter().all(|file| !file.starts_with("lock/")));
}

#[test]
fn another_name_and_several_processes_give_the_same() {
    for (version, more) in [(Version::Distribution, GPG), (Version::Newer, GPG)] {
        let source = torture(Server::shared(version), "into");
        let project = Project::new(&source, more);
        fs::write(project.path("words"), "correct horse\n").unwrap();
        let home = project.path(".");
        project.backstay(&["backup", "app"]).env("GNUPGHOME", &home).run().expect(0);
        let likeness = Likeness::of(source.server, &source.name);
        for jobs in ["1", "2"] {
            let copy = name_on(&source, "into copy");
            let arguments = ["restore", "app", "--into", &copy.name, "--jobs", jobs];
            let spool = tempfile::tempdir().unwrap();
            let run = project.backstay(&arguments).env("GNUPGHOME", &home).env("TMPDIR", spool.path()).run().expect(0);
            assert!(run.stdout.contains("as many as the manifest says"), "{run:#?}");
            assert_same(&likeness, &Likeness::of(source.server, &copy.name));
            assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 0);
            let comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database \
                WHERE datname = current_database()";
            assert_eq!(copy.psql(comment), "");
            // The name is taken now.
            let run = project.backstay(&arguments).env("GNUPGHOME", &home).run().expect(4);
            assert!(run.stderr.contains("BS543") && run.stderr.contains("exists already"), "{run:#?}");
        }
    }
}

#[test]
fn other_encodings_come_back() {
    for (encoding, words) in
        [("LATIN1", "ENCODING 'LATIN1' LOCALE 'C'"), ("SQL_ASCII", "ENCODING 'SQL_ASCII' LOCALE 'C'")]
    {
        let source = Database::create_with(Server::any(), "encoding", words);
        source.psql("CREATE TABLE \"é\" (\"ü\" text CHECK (\"ü\" <> 'ö')); INSERT INTO \"é\" VALUES ('ß'), ('x')");
        source.psql("ALTER TABLE \"é\" ADD CONSTRAINT \"ö\" CHECK (true) NOT VALID; CREATE TABLE plain AS SELECT 1");
        let project = Project::new(&source, "");
        project.backstay(&["backup", "app"]).run().expect(0);
        let copy = name_on(&source, "encoding copy");
        let run = project.backstay(&["restore", "app", "--into", &copy.name]).run().expect(0);
        assert!(run.stdout.contains("2 tables with 3 rows"), "{encoding}: {run:#?}");
        assert_same(&Likeness::of(source.server, &source.name), &Likeness::of(source.server, &copy.name));
    }
}

#[test]
fn a_database_that_is_gone_comes_back_under_its_name() {
    let source = torture(Server::any(), "gone");
    let name = identifier(&source.name);
    source.psql(&format!("ALTER DATABASE {name} SET work_mem = '7MB'; COMMENT ON DATABASE {name} IS 'mine'"));
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let likeness = Likeness::of(source.server, &source.name);
    source.server.psql("postgres", &format!("DROP DATABASE {name}"));
    let run = project.backstay(&["restore", "app", "--in-place", "--yes"]).run().expect(0);
    assert!(run.stderr.contains("does not exist yet"), "{run:#?}");
    assert_same(&likeness, &Likeness::of(source.server, &source.name));
    assert_eq!(source.psql("SHOW work_mem"), "7MB");
}

#[test]
fn nothing_is_replaced_without_a_word_and_a_dry_run_changes_nothing() {
    let source = torture(Server::any(), "dry");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let (likeness, files) = (Likeness::of(source.server, &source.name), project.files("near"));
    let run = project.backstay(&["restore", "app", "--in-place"]).run().expect(4);
    assert!(run.stderr.contains("--yes") && run.stderr.contains("nothing was changed"), "{run:#?}");
    for arguments in [
        &["--in-place", "--drop-old"][..],
        &["--into", "dry_other"],
        &["--in-place", "--table", "chicken"],
        &["--into", "dry_other", "--table", "public.Columns", "--jobs", "3"],
    ] {
        let all = [&["restore", "app", "--dry-run"], arguments].concat();
        let run = project.backstay(&all).run().expect(0);
        assert!(run.stdout.contains("Steps\n  1. ") && run.stdout.contains("the newest backup"), "{run:#?}");
        let view = project.backstay(&[&all[..], &["--json"]].concat()).run().expect(0).json();
        assert_eq!(view["format_version"], 1);
        assert!(!view["steps"].as_array().unwrap().is_empty());
    }
    assert_eq!((likeness, files), (Likeness::of(source.server, &source.name), project.files("near")));
    assert_eq!(databases(source.server, &source.name), std::slice::from_ref(&source.name));
    assert_eq!(databases(source.server, "dry_other"), Vec::<String>::new());
}

#[test]
fn tables_come_back_in_place_and_hold_together() {
    for version in [Version::Distribution, Version::Newer] {
        let source = torture(Server::shared(version), "tables");
        source.psql(
            "CREATE TABLE customer (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE); \
             CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customer ON DELETE CASCADE); \
             COMMENT ON CONSTRAINT orders_customer_fkey ON orders IS 'tied'; \
             CREATE STATISTICS customer_statistics ON id, name FROM customer; \
             CREATE PUBLICATION customers FOR TABLE customer; GRANT SELECT ON customer TO \"torture reader\"; \
             INSERT INTO customer (name) SELECT 'n' || n FROM generate_series(1, 100) n; \
             INSERT INTO orders (customer) SELECT n FROM generate_series(1, 100) n",
        );
        let project = age_project(&source, "");
        project.backstay(&["backup", "app"]).run().expect(0);
        let likeness = Likeness::of(source.server, &source.name);
        source.psql("UPDATE customer SET name = 'wrong' || id; SELECT nextval('customer_id_seq')");
        let restore = |more: &[&str]| {
            project.backstay(&[&["restore", "app", "--in-place", "--yes", "--table", "customer"], more].concat()).run()
        };
        let run = restore(&["--json"]).expect(0);
        let schema = run.json()["old_schema"].as_str().unwrap().to_owned();
        assert_eq!(
            source.psql(&format!("SELECT count(*) FROM {}.customer WHERE name ~ 'wrong'", identifier(&schema))),
            "100"
        );
        assert_eq!(source.psql("INSERT INTO customer (name) VALUES ('new') RETURNING id"), "101");
        source.psql(&format!("DROP SCHEMA {} CASCADE; DELETE FROM customer WHERE id > 100", identifier(&schema)));
        source.psql("SELECT setval('customer_id_seq', 100)");
        assert_same(&likeness, &Likeness::of(source.server, &source.name));
        // Again, and the old ones are dropped; a backup is taken first, as nothing else would be left of them.
        let run = restore(&["--drop-old", "--json"]).expect(0);
        assert!(run.json()["old_schema"].is_null() && run.json()["safety_backup"].is_string(), "{run:#?}");
        assert_same(&likeness, &Likeness::of(source.server, &source.name));
        // Partitioned tables come with their partitions; a materialized view holds on to this one.
        let run = project.backstay(&["restore", "app", "--in-place", "--yes", "--table", "events"]).run().expect(4);
        assert!(run.stderr.contains("materialized view public.per_kind") && run.stderr.contains("--into"), "{run:#?}");
        source.psql("DROP MATERIALIZED VIEW per_kind CASCADE; DELETE FROM events; SELECT lo_unlink(910002)");
        project.backstay(&["restore", "app", "--in-place", "--yes", "--table", "events"]).run().expect(0);
        assert_eq!(source.psql("SELECT count(*) FROM events"), "1000");
        let run =
            project.backstay(&["restore", "app", "--in-place", "--yes", "--table", "events_rest"]).run().expect(4);
        assert!(run.stderr.contains("partitioned table public.events"), "{run:#?}");
        let run = project.backstay(&["restore", "app", "--in-place", "--yes", "--table", "custome"]).run().expect(1);
        assert!(run.stderr.contains("did you mean `customer`?"), "{run:#?}");
    }
}

#[test]
fn tables_that_cannot_hold_leave_everything_as_it_was() {
    let source = Database::create(Server::any(), "tables fail");
    source.psql("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); CREATE TABLE b (a int REFERENCES a)");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    source.psql("INSERT INTO a VALUES (2); INSERT INTO b VALUES (2)");
    let likeness = Likeness::of(source.server, &source.name);
    let run = project.backstay(&["restore", "app", "--in-place", "--yes", "--table", "a"]).run().expect(1);
    assert!(run.stderr.contains("b_a_fkey"), "{run:#?}");
    assert_same(&likeness, &Likeness::of(source.server, &source.name));
}

#[test]
fn one_table_goes_into_a_new_database_with_what_it_needs() {
    let source = torture(Server::any(), "one table");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    for jobs in ["1", "2"] {
        let copy = name_on(&source, "one table copy");
        let run = project
            .backstay(&[
                "restore", "app", "--into", &copy.name, "--table", "columns", "--table", "chicken", "--jobs", jobs,
            ])
            .run()
            .expect(0);
        assert!(run.stderr.contains("chicken_egg_fkey is left out"), "{run:#?}");
        let rows = "SELECT count(*), sum(hashtextextended(c::text, 0)) FROM columns c";
        assert_eq!(copy.psql(rows), source.psql(rows));
        let next = "SELECT last_value, is_called FROM columns_id_seq";
        assert_eq!(copy.psql(next), source.psql(next));
        assert_eq!(copy.psql("SELECT count(*) FROM pg_class WHERE relname = 'events'"), "0");
    }
}

#[test]
fn another_server_is_restored_to() {
    let source = torture(Server::any(), "elsewhere");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let server = Server::shared(Version::Newer);
    let target = Database::name_only(server, "elsewhere new");
    let restore = |target: &Database, more: &[&str]| {
        let arguments = [&["restore", "app", "--to-connection", "${env:TARGET}"], more].concat();
        project.backstay(&arguments).env("TARGET", target.url()).env("BACKSTAY_PG_BIN", &server.bin).run()
    };
    // The roles of the source are not there.
    if server.psql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'torture_owner'") == "0" {
        let run = restore(&target, &[]).expect(4);
        assert!(run.stderr.contains("torture_owner") && run.stderr.contains("--no-owner"), "{run:#?}");
        assert_eq!(databases(server, &target.name), Vec::<String>::new());
    }
    source.psql("DROP EXTENSION IF EXISTS btree_gist, citext, hstore, pg_trgm CASCADE");
    source.psql("DROP POLICY own ON secrets");
    project.backstay(&["backup", "app"]).run().expect(0);
    restore(&target, &["--no-owner"]).expect(0);
    assert_eq!(target.psql("SELECT count(*) FROM columns"), "500");
    // Not empty any more.
    let run = restore(&target, &["--no-owner"]).expect(4);
    assert!(run.stderr.contains("is not empty"), "{run:#?}");
    let empty = Database::create(server, "elsewhere empty");
    restore(&empty, &["--no-owner", "--jobs", "2"]).expect(0);
    assert_eq!(empty.psql("SELECT count(*) FROM columns"), "500");
}

#[test]
fn an_empty_database_stays_empty_when_it_fails() {
    let source = torture(Server::any(), "empty target");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let dump = project.path("broken.sql");
    let target = Database::create(source.server, "empty target");
    fs::write(&dump, "CREATE TABLE t ();\nSELECT nonsense;\n").unwrap();
    for from in [dump.to_str().unwrap(), "latest"] {
        if from == "latest" {
            // An event trigger cannot be made by everybody.
            source.server.psql(&target.name, "CREATE TYPE public.mood AS ENUM ()");
        }
        let run = project
            .backstay(&["restore", "app", "--from", from, "--to-connection", "${env:TARGET}"])
            .env("TARGET", target.url())
            .run()
            .expect(1);
        assert!(run.stderr.contains("nonsense") || run.stderr.contains("mood"), "{run:#?}");
        let left = "SELECT count(*) FROM pg_class WHERE relname IN ('t', 'chicken') AND relkind = 'r'";
        assert_eq!(target.psql(left), "0", "{from}: {run:#?}");
    }
}

#[test]
fn dumps_of_other_tools_come_back() {
    let source = torture(Server::any(), "foreign");
    let project = age_project(&source, "");
    fs::write(project.path("words"), "correct horse\n").unwrap();
    project
        .edit_policy("encryption:\n  team", "encryption:\n  w: { type: gpg, passphrase: \"${file:words}\" }\n  team");
    let key = fs::read_to_string(project.path("key")).unwrap();
    let recipient = key.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    let script = format!(
        "export GNUPGHOME=$PWD; chmod 700 .; d='{}'; pg_dump -d \"$d\" > a.sql; pg_dump -Fc -d \"$d\" > b.dump; \
         pg_dump -Fc -Z0 -d \"$d\" > c.dump; gzip -k a.sql b.dump; zstd -q a.sql; xz -k a.sql; bzip2 -k a.sql; \
         age -r {recipient} -o d.sql.gz.age a.sql.gz; \
         gpg --batch --pinentry-mode loopback --passphrase-file words -c -o e.dump.gpg c.dump; \
         pg_dump -Ft -d \"$d\" > f.tar; sha256sum a.sql.gz > a.sql.gz.sha256",
        source.name
    );
    shell(source.server, &project.path("."), &script);
    let likeness = Likeness::of(source.server, &source.name);
    for file in [
        "a.sql",
        "a.sql.gz",
        "a.sql.zst",
        "a.sql.xz",
        "a.sql.bz2",
        "b.dump",
        "b.dump.gz",
        "c.dump",
        "d.sql.gz.age",
        "e.dump.gpg",
        "f.tar",
    ] {
        let copy = name_on(&source, "foreign copy");
        let file = format!("./{file}");
        let run = project
            .backstay(&["restore", "app", "--from", &file, "--into", &copy.name])
            .env("GNUPGHOME", project.path("."))
            .run();
        assert_eq!(run.code, Some(0), "{file}: {run:#?}");
        assert_same(&likeness, &Likeness::of(source.server, &copy.name));
    }
    // A digest that does not agree, a dump cut short, and one that leads elsewhere.
    fs::write(project.path("a.sql.gz.sha256"), format!("{}  a.sql.gz\n", "0".repeat(64))).unwrap();
    let copy = name_on(&source, "foreign bad");
    let restore = |file: &str| project.backstay(&["restore", "app", "--from", file, "--into", &copy.name]).run();
    restore("./a.sql.gz").expect(8);
    let bytes = fs::read(project.path("a.sql.zst")).unwrap();
    fs::write(project.path("cut.sql.zst"), &bytes[..bytes.len() - 100]).unwrap();
    restore("./cut.sql.zst").expect(8);
    fs::write(project.path("other.sql"), format!("CREATE TABLE t ();\n\\connect {}\nDROP TABLE egg;\n", source.name))
        .unwrap();
    let run = restore("./other.sql").expect(1);
    assert!(run.stderr.contains("goes to another database by itself"), "{run:#?}");
    restore("./nowhere.sql").expect(1);
    // Text that ends early is damage that only its content tells; `psql` would take what there is.
    let text = fs::read(project.path("a.sql")).unwrap();
    let in_data = text.windows(6).rposition(|bytes| bytes == b"stdin;").unwrap() + 8;
    for (name, bytes) in [("rows.sql", &text[..in_data]), ("end.sql", &text[..text.len() - 200]), ("empty.sql", b"")] {
        fs::write(project.path(name), bytes).unwrap();
        let run = restore(&format!("./{name}")).expect(1);
        assert!(run.stderr.contains("BS542"), "{name}: {run:#?}");
    }
    // Names that PostgreSQL would cut, and databases that others are made of.
    for name in ["", &"x".repeat(64)] {
        project.backstay(&["restore", "app", "--into", name]).run().expect(64);
    }
    let template = source.server.url("template1");
    let run = project.backstay(&["restore", "app", "--from", "./a.sql", "--to-connection", &template]).run().expect(4);
    assert!(run.stderr.contains("is a template"), "{run:#?}");
    // Nothing but the new database is touched.
    fs::write(project.path("drop.sql"), format!("SELECT 1;\nDROP DATABASE \"{}\";\n", source.name)).unwrap();
    let run = restore("./drop.sql").expect(1);
    assert!(run.stderr.contains("the whole server"), "{run:#?}");
    assert_eq!(databases(source.server, "foreign bad"), Vec::<String>::new());
    assert_same(&likeness, &Likeness::of(source.server, &source.name));
    // Single tables of a foreign archive, and in place.
    let copy = name_on(&source, "foreign table");
    let run = project.backstay(&["restore", "app", "--from", "./c.dump", "--into", &copy.name, "--table", "egg"]).run();
    assert_eq!(run.code, Some(0), "{run:#?}");
    source.psql("DELETE FROM legacy; DELETE FROM chicken");
    let run = project.backstay(&["restore", "app", "--from", "./b.dump", "--in-place", "--yes", "--drop-old"]).run();
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert_same(&likeness, &Likeness::of(source.server, &source.name));
}

#[test]
fn damage_is_found_before_anything_is_replaced() {
    let source = torture(Server::any(), "damage");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let likeness = Likeness::of(source.server, &source.name);
    for storage in ["near", "far"] {
        let dump = project.data(storage).join("dump.zst");
        let mut bytes = fs::read(&dump).unwrap();
        let at = bytes.len() - 40;
        bytes[at] ^= 1;
        fs::write(&dump, bytes).unwrap();
        let run = project
            .backstay(&["restore", "app", "--in-place", "--yes", "--skip-safety-backup", "--storage", storage])
            .run()
            .expect(8);
        assert!(run.stderr.contains("BS516"), "{run:#?}");
        assert_same(&likeness, &Likeness::of(source.server, &source.name));
    }
    assert_eq!(databases(source.server, &source.name), std::slice::from_ref(&source.name));
    // A copy of another size is seen at once, and another one is taken instead, but not without a word.
    fs::write(project.data("near").join("dump.zst"), "short").unwrap();
    let run = project.backstay(&["restore", "app", "--into", "damage_x", "--dry-run"]).run();
    assert!(run.stdout.contains("at `near` is damaged") || run.stderr.contains("damaged"), "{run:#?}");
    let run = project.backstay(&["restore", "app", "--into", "damage_x", "--storage", "near"]).run().expect(8);
    assert!(run.stderr.contains("every copy is damaged"), "{run:#?}");
}

#[test]
fn a_wrong_key_changes_nothing() {
    let source = Database::create(Server::any(), "wrong key");
    source.psql("CREATE TABLE t AS SELECT 1 AS n");
    let project = age_project(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    shell(source.server, &project.path("."), "mv key right; age-keygen -o key 2>&1");
    let restore = || project.backstay(&["restore", "app", "--in-place", "--yes"]).run();
    let run = restore().expect(1);
    assert!(run.stderr.contains("BS517"), "{run:#?}");
    fs::remove_file(project.path("key")).unwrap();
    let run = restore().expect(1);
    assert!(run.stderr.contains("BS517") && run.stderr.contains("/key"), "{run:#?}");
    assert_eq!(databases(source.server, &source.name), std::slice::from_ref(&source.name));
}

#[test]
fn hooks_run_around_and_the_first_can_stop_it() {
    let source = Database::create(Server::any(), "hooks");
    source.psql("CREATE TABLE t AS SELECT 1 AS n");
    let hook = |name: &str, exit: u8| {
        format!("[[sh, -c, \"echo {name} $BACKSTAY_STATUS $BACKSTAY_TARGET >> {{folder}}/told; exit {exit}\"]]")
    };
    let more = |exit| {
        format!(
            "    hooks: {{ before_restore: {}, after_restore: {}, on_failure: {} }}\n",
            hook("before", exit),
            hook("after", 0),
            hook("failure", 0)
        )
    };
    let copy = name_on(&source, "hooks_copy");
    for (exit, code, told) in [
        (3, 1, format!("before {0}\nafter failed {0}\nfailure failed {0}\n", copy.name)),
        (0, 0, format!("before {0}\nafter done {0}\n", copy.name)),
    ] {
        let project = Project::new(&source, &more(exit));
        project.backstay(&["backup", "app"]).run().expect(0);
        let _ = fs::remove_file(project.path("told"));
        project.backstay(&["restore", "app", "--into", &copy.name]).run().expect(code);
        assert_eq!(fs::read_to_string(project.path("told")).unwrap(), told);
    }
}

#[test]
fn sessions_are_ended_and_a_rename_that_fails_leaves_the_old_one() {
    let source = Database::create(Server::any(), "busy");
    source.psql("CREATE TABLE t AS SELECT 1 AS n");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let mut sleeper = source.server.client("psql", &source.name);
    let mut sleeper =
        sleeper.args(["-Xc", "SELECT pg_sleep(1000)"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    // A session of somebody who works with it does not keep it from coming back.
    project.backstay(&["restore", "app", "--in-place", "--yes"]).run().expect(0);
    assert!(!sleeper.wait().unwrap().success());
    assert_eq!(databases(source.server, &source.name).len(), 2);
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    let source = torture(Server::any(), "interrupted");
    source.psql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$");
    source.psql("CREATE TABLE t (n int); CREATE FUNCTION wait(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'");
    source.psql("INSERT INTO t VALUES (1); CREATE INDEX slow_index ON t (wait(n))");
    // The function is slow only where it is restored.
    source.psql(
        "CREATE OR REPLACE FUNCTION wait(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN \
         IF current_database() ~ 'restoring' THEN PERFORM pg_sleep(1000); END IF; RETURN 1; END $$",
    );
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let likeness = Likeness::of(source.server, &source.name);
    let mut command =
        project.backstay(&["restore", "app", "--in-place", "--yes", "--skip-safety-backup"]).into_command();
    let child = command.spawn().unwrap();
    let is_building = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE starts_with(datname, '{}') AND query ~ '^CREATE INDEX slow'",
        source.name
    );
    while source.server.psql("postgres", &is_building) == "0" {
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(databases(source.server, &source.name), std::slice::from_ref(&source.name));
    assert_same(&likeness, &Likeness::of(source.server, &source.name));
    assert!(project.files("near").iter().all(|file| !file.starts_with("lock/")));
}

#[test]
fn a_backup_of_this_very_moment_makes_another_one_needless() {
    // A server of its own: nobody else may write to it.
    let server: &'static Server = Box::leak(Box::new(Server::start(Version::Distribution)));
    let source = Database::create(server, "quiet");
    source.psql("CREATE TABLE t AS SELECT 1 AS n");
    // With checksums of pages, whoever reads rows first writes WAL, too: notes of what is known to be committed.
    source.psql("VACUUM FREEZE");
    server.psql("postgres", "VACUUM FREEZE");
    server.psql("postgres", "CHECKPOINT");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let run = project.backstay(&["restore", "app", "--in-place", "--dry-run", "--json"]).run().expect(0);
    let steps = run.json()["steps"].to_string();
    assert!(!steps.contains("safety_backup"), "{steps}");
    source.psql("INSERT INTO t VALUES (2)");
    let run = project.backstay(&["restore", "app", "--in-place", "--dry-run", "--json"]).run().expect(0);
    assert!(run.json()["steps"].to_string().contains("safety_backup"), "{run:#?}");
}
