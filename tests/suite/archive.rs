//! The scanner of dumps, fed with what the real `pg_dump` writes.

use crate::support::{Server, Version, torture};
use backstay::codec::archive::{Broken, Scan, Summary};
use std::collections::BTreeMap;

fn scanned(bytes: &[u8], step: usize) -> Result<Summary, Broken> {
    let mut scan = Scan::default();
    bytes.chunks(step).for_each(|chunk| scan.feed(chunk));
    scan.finish()
}

fn dump(server: &Server, database: &str) -> Vec<u8> {
    let output = server.client("pg_dump", database).args(["-Fc", "-Z0"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn rows_are_counted_as_the_server_counts_them() {
    for version in [Version::Distribution, Version::Newer] {
        let server = Server::shared(version);
        let database = torture(server, "scan");
        let bytes = dump(server, &database.name);
        let summary = scanned(&bytes, 4 << 20).unwrap();
        assert_eq!(summary.database, database.name);
        assert!(summary.entries.len() > 50);
        assert!(summary.large_objects > 0, "the torture schema has large objects");
        for ((schema, table), rows) in &summary.rows {
            let name = format!("\"{}\".\"{}\"", schema.replace('"', "\"\""), table.replace('"', "\"\""));
            let counted = database.psql(&format!("SELECT count(*) FROM ONLY {name}"));
            assert_eq!(counted.trim(), rows.to_string(), "{name}");
        }
        let by_small_steps: BTreeMap<_, _> = scanned(&bytes, 7).unwrap().rows;
        assert_eq!(by_small_steps, summary.rows);
    }
}

#[test]
fn no_cut_dump_looks_complete_and_no_change_panics() {
    let server = Server::any();
    let database = torture(server, "scan");
    let bytes = dump(server, &database.name);
    let step = (bytes.len() / 400).max(1);
    for cut in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
        assert!(
            matches!(scanned(&bytes[..cut], 1 << 20), Err(Broken::Incomplete(_))),
            "cut at {cut} of {}",
            bytes.len()
        );
    }
    for at in (0..bytes.len()).step_by(step).chain(0..64) {
        let mut changed = bytes.clone();
        changed[at] ^= 0xA5;
        let _ = scanned(&changed, 1 << 16);
    }
}
