//! `backstay backup` on real servers: what is stored is whole, readable with public programs, and consistent.

use crate::support::{Database, Likeness, Project, Server, Version, assert_same, shell, torture};
use std::fs;

/// A key pair of age, its private part in `folder/key`.
fn age_key(project: &Project) -> String {
    let printed = shell(Server::any(), &project.path("."), "age-keygen -o key 2>&1");
    String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap().to_owned()
}

/// Restores the dump in `folder` with public programs alone; `pipe` undoes the layers.
fn restore_by_hand(project: &Project, source: &Database, pipe: &str) -> Database {
    let copy = Database::create(source.server, "by_hand");
    let script = format!("{pipe} | pg_restore --exit-on-error -d {}", copy.name);
    shell(source.server, &project.data("near"), &script);
    copy
}

#[test]
fn the_torture_schema_comes_back_with_public_programs() {
    for version in [Version::Distribution, Version::Newer] {
        let source = torture(Server::shared(version), "Torture of \"this\" 😀");
        let project =
            Project::new(&source, "    encryption: team\nencryption:\n  team: { type: age, recipients: [KEY] }\n");
        project.edit_policy("KEY", &age_key(&project));
        let run = project.backstay(&["backup", "app"]).run().expect(0);
        assert!(run.stdout.contains("stored in near") && run.stdout.contains("stored in far"), "{run:#?}");

        let near = project.manifest("near");
        assert_eq!(near, project.manifest("far"));
        assert_eq!(near.source.database, source.name);
        assert_eq!(near.source.host, "127.0.0.1");
        assert_eq!(near.objects.len(), 2);
        for storage in ["near", "far"] {
            let names: Vec<_> = fs::read_dir(project.data(storage)).unwrap().flatten().collect();
            assert_eq!(names.len(), 4, "{names:?}");
            shell(source.server, &project.data(storage), "sha256sum --strict -c *.sha256");
            assert!(!project.files(storage).iter().any(|file| file.starts_with("lock/")));
        }
        for table in &near.tables {
            let name = format!("\"{}\".\"{}\"", table.schema.replace('"', "\"\""), table.name.replace('"', "\"\""));
            let counted = source.psql(&format!("SELECT count(*) FROM ONLY {name}"));
            assert_eq!(counted, table.rows.to_string(), "{name}");
        }
        assert!(near.tables.len() > 12 && near.constraints_not_valid.len() == 2, "{near:#?}");

        let copy = restore_by_hand(&project, &source, "age -d -i ../../../../../key dump.zst.age | zstd -d");
        let (server, source) = (source.server, Likeness::of(source.server, &source.name));
        assert_same(&source, &Likeness::of(server, &copy.name));
        let globals =
            shell(server, &project.data("near"), "age -d -i ../../../../../key globals.sql.zst.age | zstd -d");
        assert!(String::from_utf8(globals).unwrap().contains("CREATE ROLE \"torture reader\""));
    }
}

#[test]
fn every_layer_is_a_public_format() {
    let source = Database::create(Server::any(), "layers");
    source.psql("CREATE TABLE t AS SELECT n, md5(n::text) FROM generate_series(1, 20000) n");
    for (compression, encryption, pipe) in [
        ("none", "none", "cat dump"),
        ("{ type: gzip, level: 6 }", "none", "gzip -dc dump.gz"),
        (
            "zstd",
            "gpg",
            "gpg --batch --passphrase-file ../../../../../words --pinentry-mode loopback -d dump.zst.gpg | zstd -d",
        ),
    ] {
        let project = Project::new(
            &source,
            "    encryption: none\nencryption:\n  gpg: { type: gpg, passphrase: \"${file:{folder}/words}\" }\n",
        );
        fs::write(project.path("words"), "correct horse\n").unwrap();
        project.edit_policy("encryption: none", &format!("encryption: {encryption}"));
        project.edit_policy("schedule: manual", &format!("schedule: manual\n    compression: {compression}"));
        let run = project.backstay(&["backup", "app", "--json"]).env("GNUPGHOME", project.path(".")).run().expect(0);
        assert_eq!(run.json()["manifest"]["tables"][0]["rows"], 20000);
        let copy = restore_by_hand(&project, &source, &format!("GNUPGHOME=../../../../.. {pipe}"));
        assert_eq!(copy.psql("SELECT count(*) FROM t"), "20000");
    }
}

#[test]
fn empty_databases_and_other_encodings_are_backed_up() {
    let server = Server::any();
    let empty = Database::create(server, "empty");
    let latin = Database::create_with(server, "latin_backup", "ENCODING 'LATIN1' LOCALE 'C'");
    latin.psql("CREATE TABLE \"é\" AS SELECT 'ß'::text AS \"ü\"");
    let ascii = Database::create_with(server, "ascii_backup", "ENCODING 'SQL_ASCII' LOCALE 'C'");
    ascii.psql("CREATE TABLE t AS SELECT E'\\xff\\xfe'::text AS not_utf8");
    for (source, encoding) in [(empty, "UTF8"), (latin, "LATIN1"), (ascii, "SQL_ASCII")] {
        let project = Project::new(&source, "");
        project.backstay(&["backup", "app"]).run().expect(0);
        assert_eq!(project.manifest("far").source.encoding, encoding);
        let words = format!("ENCODING '{encoding}' LOCALE 'C'");
        let copy = Database::create_with(server, "encoded_copy", &words);
        let script = format!("zstd -dc dump.zst | pg_restore --exit-on-error -d {}", copy.name);
        shell(server, &project.data("near"), &script);
        assert_same(&Likeness::of(server, &source.name), &Likeness::of(server, &copy.name));
    }
}

#[test]
fn an_entry_with_match_backs_up_the_database_named() {
    let server = Server::any();
    let tenant = Database::create(server, "matched tenant");
    tenant.psql("CREATE TABLE of_tenant ()");
    let maintenance = Database::create(server, "maintenance");
    let project = Project::new(&maintenance, "    match: { include: [\"matched *\"] }\n");
    project.backstay(&["backup", &format!("app.{}", tenant.name)]).run().expect(0);
    let manifest = project.manifest("near");
    assert_eq!((manifest.database, manifest.source.database), (format!("app.{}", tenant.name), tenant.name.clone()));
    let other = project.backstay(&["backup", "app.other"]).run().expect(1);
    assert!(other.stderr.contains("BS530"), "{other:#?}");
}

#[test]
fn a_storage_that_fails_is_dropped_and_named() {
    let source = Database::create(Server::any(), "partly");
    let project = Project::new(&source, "");
    fs::remove_file(project.path("far/backstay.json")).unwrap();
    let run = project.backstay(&["backup", "app"]).run().expect(7);
    assert!(run.stdout.contains("stored in near") && run.stdout.contains("missing in far"), "{run:#?}");
    assert!(run.stderr.contains("BS537") && run.stderr.contains("backstay apply --only infra"), "{run:#?}");
    assert!(project.backup_files("far").is_empty());
    project.manifest("near");

    fs::remove_file(project.path("near/backstay.json")).unwrap();
    let run = project.backstay(&["backup", "app"]).run().expect(1);
    assert!(run.stdout.is_empty() && run.stderr.contains("BS537"), "{run:#?}");
}

#[test]
fn what_would_not_fit_is_not_begun() {
    let source = Database::create(Server::any(), "large");
    let project = Project::new(&source, "");
    project.edit_policy("/far }", "/far, min_free: 100% }");
    let run = project.backstay(&["backup", "app"]).run().expect(7);
    assert!(run.stderr.contains("BS535") && run.stderr.contains("100% of"), "{run:#?}");
    assert!(project.backup_files("far").is_empty());
}

#[test]
fn hooks_run_around_and_the_first_can_stop_it() {
    let source = Database::create(Server::any(), "hooks");
    let hooks = "    hooks:\n      before_backup: [[sh, -c, \"echo before >> log; exit $CODE\"]]\n      \
                 after_backup: [[sh, -c, \"echo after $BACKSTAY_STATUS >> log\"]]\n      \
                 on_failure: [[sh, -c, \"echo failure $BACKSTAY_DATABASE $BACKSTAY_TIER >> log\"]]\n";
    let project = Project::new(&source, hooks);
    project.backstay(&["backup", "app"]).env("CODE", "0").run().expect(0);
    let log = || fs::read_to_string(project.path("log")).unwrap();
    assert_eq!(log(), "before\nafter done\n");
    fs::remove_file(project.path("log")).unwrap();
    let run = project.backstay(&["backup", "app"]).env("CODE", "4").run().expect(1);
    assert!(run.stderr.contains("BS533"), "{run:#?}");
    assert_eq!(log(), "before\nafter failed\nfailure app now\n");
    project.manifest("near");
}

#[test]
fn what_the_server_refuses_leaves_nothing() {
    let source = Database::create(Server::any(), "refused");
    let project = Project::new(&source, "");
    for (url, code) in [
        (source.url().replace("postgres:", "postgres:x"), "BS521"),
        (source.server.url("not there"), "BS522"),
        ("postgresql://127.0.0.1:1/app".to_owned(), "BS520"),
    ] {
        let run = project.backstay(&["backup", "app"]).env("DATABASE_URL", url).run().expect(1);
        assert!(run.stderr.contains(code) && run.stdout.is_empty(), "{code}: {run:#?}");
        assert!(project.backup_files("near").is_empty() && project.backup_files("far").is_empty());
    }
    let run = project.backstay(&["backup", "nothing"]).run().expect(1);
    assert!(run.stderr.contains("BS530"), "{run:#?}");
    let run = project.backstay(&["backup", "app", "--tier", "daily"]).run().expect(1);
    assert!(run.stderr.contains("BS530") && run.stderr.contains("`now`"), "{run:#?}");
}

#[test]
fn ten_thousand_tables_are_one_backup() {
    let source = Database::create(Server::any(), "many");
    source.psql(
        "DO $$ BEGIN FOR n IN 1..10000 LOOP \
         EXECUTE format('CREATE TABLE t%s AS SELECT generate_series(1, %s) AS n', n, n % 3); END LOOP; END $$",
    );
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let manifest = project.manifest("near");
    assert_eq!((manifest.tables.len(), manifest.source.table_count), (10_000, 10_000));
    assert_eq!(manifest.tables.iter().map(|table| table.rows).sum::<u64>(), 10_000);
}
