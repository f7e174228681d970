//! Base backups of a standby: what it has replayed comes back, and WAL that its primary archives goes on from there.

use crate::point_in_time::{archive_all, restored};
use crate::support::{Archiving, Version, until};
use crate::wal_receive::standby;

const STATE: &str = "SELECT count(*), md5(string_agg(word, ',' ORDER BY n)) FROM shown";

fn comes_back_from_a_standby(version: Version, read: &str) {
    // A standby needs whole pages of its primary.
    let archiving = Archiving::start_with(version, &["full_page_writes=on"]);
    let primary = &archiving.server;
    archiving.archive();
    primary.psql("postgres", "CREATE TABLE shown AS SELECT n, md5(n::text) AS word FROM generate_series(1, 50000) n");
    let standby = standby(primary);
    archiving.edit_policy("method: physical", &format!("method: physical, read: {read}"));
    primary.psql("postgres", "UPDATE shown SET word = md5(word) WHERE n % 10 = 0");
    let state = primary.psql("postgres", STATE);
    until(|| standby.psql("postgres", STATE) == state);
    let call = |words: &[&str]| archiving.backstay(words).env("DATABASE_URL", standby.url("postgres"));
    let made = call(&["backup", "main", "--json"]).run().expect(0).json();
    assert_eq!(made["manifest"]["source"]["in_recovery"], true, "{made:#}");
    call(&["verify", "main", "--deep"]).run().expect(0);

    restored(&archiving, "as-it-was", &["--immediate"], |psql, _| assert_eq!(psql(STATE), state));

    // What the primary archives goes on from there.
    primary.psql("postgres", "UPDATE shown SET word = 'later' WHERE n % 7 = 0");
    archive_all(&archiving);
    restored(&archiving, "latest", &[], |psql, _| assert_eq!(psql(STATE), primary.psql("postgres", STATE)));
}

#[test]
fn what_a_standby_has_replayed_comes_back_by_replication() {
    comes_back_from_a_standby(Version::Distribution, "replication");
}

#[test]
fn what_a_standby_has_replayed_comes_back_by_its_files() {
    comes_back_from_a_standby(Version::Newer, "local");
}
