//! Dumps with fewer entries: cut by us, read by the real `pg_restore`.

use crate::support::{Database, Server, Version, torture};
use backstay::codec::archive::{Cut, Opening, Outline};
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

/// The dump that holds only these tables.
fn cut(bytes: &[u8], tables: &[&str], reach: Reach, step: usize) -> Vec<u8> {
    let (outline, at) = outline(bytes);
    let names: Vec<TableName> = tables.iter().map(|name| name.parse().unwrap()).collect();
    let selection = select(&outline, &names, reach).unwrap();
    let (mut out, mut cut) = Cut::begin(&outline, |entry| selection.keep.contains(&entry.dump_id));
    for piece in bytes[at..].chunks(step) {
        feed(&mut cut, piece, &mut out);
    }
    cut.finish().unwrap();
    out
}

fn feed(cut: &mut Cut, piece: &[u8], out: &mut Vec<u8>) {
    let mut kept = Vec::new();
    cut.feed(&bytes::Bytes::copy_from_slice(piece), &mut kept).unwrap();
    kept.iter().for_each(|piece| out.extend_from_slice(piece));
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
            let bytes = cut(&bytes, &[table], Reach::WithNeeds, 1013);
            let target = restore(server, &bytes);
            assert_eq!(target.psql(RELATIONS), relations, "{table}");
            let name = if table == "Events" { "events" } else { table };
            let count = format!("SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {name} t");
            if table != "child_table" {
                assert_eq!(target.psql(&count), source.psql(&count), "{table}");
            }
        }
        let bytes = cut(&bytes, &["chicken", "egg"], Reach::WithNeeds, 1 << 20);
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

/// Blocks are found where they are, however the bytes come.
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
            feed(&mut cut, piece, &mut out);
        }
        assert_eq!(out, bytes);
        let (blocks, end) = cut.blocks();
        assert_eq!(end, bytes.len() as u64);
        assert_eq!(blocks.len(), outline.entries.iter().filter(|entry| entry.toc.has_data).count());
        for (id, position) in blocks {
            let at = usize::try_from(*position).unwrap();
            let header = &bytes[at..at + 6];
            assert!(header[0] == 1 || header[0] == 3, "{header:?}");
            assert_eq!(i64::from(u32::from_le_bytes(header[2..].try_into().unwrap())), *id);
        }
        cut.finish().unwrap();
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
        let mut cut = Cut::begin(&outline, |_| true).1;
        let rest = bytes::Bytes::copy_from_slice(&changed[at..]);
        let _ = cut.feed(&rest, &mut Vec::new()).and_then(|()| cut.finish());
    }
}
