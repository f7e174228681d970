//! Dumps with fewer entries: cut by us, read by the real `pg_restore`.

use crate::support::{Database, Server, Version, torture};
use backstay::codec::archive::{Cut, Opening, Outline, Patch};
use backstay::restore::{Reach, TableName, select};
use std::io::Write;
use std::process::Stdio;

fn dump(server: &Server, database: &str) -> Vec<u8> {
    let output = server.client("pg_dump", database).args(["-Fc", "-Z0"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn outline(bytes: &[u8]) -> (Outline, usize) {
    match Outline::read(bytes).unwrap() {
        Opening::Complete(outline, at) => (*outline, at),
        Opening::TooShort => panic!("a whole dump is long enough"),
    }
}

/// The dump that holds only these tables, and what to write where in it.
fn cut(bytes: &[u8], tables: &[&str], reach: Reach, step: usize) -> (Vec<u8>, Vec<Patch>) {
    let (outline, at) = outline(bytes);
    let names: Vec<TableName> = tables.iter().map(|name| name.parse().unwrap()).collect();
    let selection = select(&outline, &names, reach).unwrap();
    let (mut out, mut cut) = Cut::begin(&outline, |entry| selection.keep.contains(&entry.dump_id));
    for piece in bytes[at..].chunks(step) {
        cut.feed(piece, &mut out).unwrap();
    }
    let patches = cut.finish().unwrap();
    (out, patches)
}

fn restore(server: &'static Server, bytes: &[u8]) -> Database {
    let target = Database::create(server, "selected");
    let mut child = server
        .client("pg_restore", &target.name)
        .args(["--exit-on-error", "-d", &target.name])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target
}

const RELATIONS: &str = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class c JOIN pg_namespace n \
    ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND nspname !~ '^(pg_|information_)'";

#[test]
fn every_table_can_be_restored_alone_with_what_it_needs() {
    for version in [Version::Distribution, Version::Newer] {
        let server = Server::shared(version);
        let source = torture(server, "selection");
        let bytes = dump(server, &source.name);
        for (table, relations) in [
            ("columns", "columns columns_id_seq columns_other_seq"),
            ("Events", "events events_2020 events_2020_0 events_2020_1 events_rest"),
            ("events_2020_1", "events_2020_1"),
            ("child_table", "child_table parent_table"),
            ("chicken", "chicken"),
            ("no_rows", "no_rows no_rows_id_seq"),
            ("secrets", "secrets"),
            ("\"Schema with \"\"quotes\"\" and 😀\".\"table 'name' 🐘\"", "table 'name' 🐘"),
        ] {
            let (bytes, _) = cut(&bytes, &[table], Reach::WithNeeds, 1013);
            let target = restore(server, &bytes);
            assert_eq!(target.psql(RELATIONS), relations, "{table}");
            let name = if table == "Events" { "events" } else { table };
            let count = format!("SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {name} t");
            if table != "child_table" {
                assert_eq!(target.psql(&count), source.psql(&count), "{table}");
            }
        }
        let (bytes, _) = cut(&bytes, &["chicken", "egg"], Reach::WithNeeds, 1 << 20);
        let target = restore(server, &bytes);
        assert_eq!(target.psql("SELECT count(*) FROM pg_constraint WHERE contype = 'f'"), "3");
    }
}

#[test]
fn a_foreign_key_to_a_table_left_behind_is_left_out_and_named() {
    let server = Server::any();
    let source = torture(server, "selection_keys");
    let bytes = dump(server, &source.name);
    let (outline, _) = outline(&bytes);
    let one = |name: &str, reach| select(&outline, &[name.parse().unwrap()], reach).unwrap();
    assert_eq!(one("chicken", Reach::WithNeeds).left_out, ["public.chicken.chicken_egg_fkey"]);
    assert!(one("chicken", Reach::TablesAlone).left_out.is_empty());
    let error = select(&outline, &["chickn".parse().unwrap()], Reach::TablesAlone).unwrap_err();
    assert_eq!(error.to_string(), "the backup has no table `chickn`; did you mean `chicken`?");
    let whole = one("columns", Reach::TablesAlone);
    let descs: Vec<&str> = outline
        .entries
        .iter()
        .filter(|entry| whole.keep.contains(&entry.toc.dump_id))
        .map(|entry| entry.toc.desc.as_str())
        .collect();
    for desc in ["TABLE", "TABLE DATA", "SEQUENCE", "SEQUENCE SET", "TRIGGER", "INDEX", "STATISTICS", "ACL", "COMMENT"]
    {
        assert!(descs.contains(&desc), "{desc} in {descs:?}");
    }
    assert!(!descs.contains(&"FUNCTION") && !descs.contains(&"PUBLICATION TABLE"), "{descs:?}");
}

/// With its positions written down, `pg_restore` needs no order and reads in parallel.
#[test]
fn positions_are_right() {
    for version in [Version::Distribution, Version::Newer] {
        let server = Server::shared(version);
        let source = torture(server, "positions");
        let bytes = dump(server, &source.name);
        let (outline, at) = outline(&bytes);
        let (mut out, mut cut) = Cut::begin(&outline, |_| true);
        assert_eq!(out, bytes[..at]);
        for piece in bytes[at..].chunks(7) {
            cut.feed(piece, &mut out).unwrap();
        }
        assert_eq!(out, bytes);
        let patches = cut.finish().unwrap();
        assert!(patches.len() > 10);
        for patch in patches {
            let at = usize::try_from(patch.at).unwrap();
            out[at..at + patch.bytes.len()].copy_from_slice(&patch.bytes);
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dump");
        std::fs::write(&file, &out).unwrap();
        let target = Database::create(server, "positions copy");
        let file = file.to_str().unwrap();
        server.output("pg_restore", &["-j2", "--exit-on-error", "-d", &target.name, file], &target.name);
        crate::support::assert_same(
            &crate::support::Likeness::of(server, &source.name),
            &crate::support::Likeness::of(server, &target.name),
        );
    }
}

#[test]
fn no_dump_however_broken_panics() {
    let server = Server::any();
    let source = torture(server, "broken outline");
    let bytes = dump(server, &source.name);
    let (_, at) = outline(&bytes);
    for length in (0..at).step_by(97) {
        assert!(matches!(Outline::read(&bytes[..length]), Ok(Opening::TooShort) | Err(_)), "{length}");
    }
    for place in (0..at).step_by(13) {
        let mut changed = bytes[..at + 5000].to_vec();
        changed[place] ^= 0xA5;
        let Ok(Opening::Complete(outline, at)) = Outline::read(&changed) else { continue };
        let _ = select(&outline, &["columns".parse().unwrap()], Reach::WithNeeds);
        let (mut out, mut cut) = Cut::begin(&outline, |_| true);
        let _ = cut.feed(&changed[at..], &mut out).and_then(|()| cut.finish().map(drop));
    }
}
