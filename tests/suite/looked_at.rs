//! A restored cluster that is only looked at changes nothing for the one that lives on; and a moment after which nothing was
//! committed is recovered to.

use crate::point_in_time::{archive_all, bank, call, restored};
use crate::support::{Archiving, Version, until};
use std::thread::sleep;
use std::time::Duration;

const ROWS: &str = "SELECT string_agg(n::text, ',' ORDER BY n) FROM seen";

/// Whether a segment of the second timeline is archived: a history alone leads nowhere.
const OTHER_STORED: &str =
    "SELECT coalesce(last_archived_wal LIKE '00000002________________', false) FROM pg_stat_archiver";

/// A cluster whose settings, as in most places, say that it archives.
fn archiving() -> Archiving {
    let bank = bank(Version::Distribution, |_| {});
    bank.server.psql("postgres", "ALTER SYSTEM SET archive_mode = on");
    bank.server.psql("postgres", "CREATE TABLE seen (n int)");
    call(&bank, &["backup", "main"]).run().expect(0);
    bank
}

/// A moment that no commit is near to.
fn moment(bank: &Archiving) -> String {
    sleep(Duration::from_millis(1100));
    let now = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
    let moment = bank.server.psql("postgres", now);
    // A folder tells whole seconds of when a segment was stored.
    sleep(Duration::from_millis(1200));
    moment
}

/// One row more, and the moment at which it is the last one.
fn step(bank: &Archiving, n: u32) -> String {
    bank.server.psql("postgres", &format!("INSERT INTO seen VALUES ({n})"));
    let moment = moment(bank);
    archive_all(bank);
    moment
}

#[test]
fn a_copy_that_was_looked_at_does_not_change_what_is_restored() {
    let bank = archiving();
    let moments: Vec<String> = (1..=3).map(|n| step(&bank, n)).collect();
    restored(&bank, "look", &["--to-time", &moments[0]], |psql, done| {
        assert_eq!((psql(ROWS).as_str(), psql("SHOW archive_mode").as_str()), ("1", "off"));
        assert_eq!(done["archive_mode"], "off");
        psql("INSERT INTO seen VALUES (50)");
    });
    assert!(bank.files("near").iter().all(|name| !name.starts_with("00000002")), "it archived nothing");

    // One that archives, as another tool's would.
    let preserved = ["--to-time", &moments[0], "--archive-mode", "preserve"];
    restored(&bank, "other", &preserved, |psql, _| {
        assert_eq!(psql("SHOW archive_mode"), "on");
        psql("INSERT INTO seen VALUES (100)");
        psql("SELECT pg_switch_wal()");
        until(|| psql(OTHER_STORED) == "t");
    });
    // The moment is of the timeline that was written then, also before the live one has archived anything more.
    restored(&bank, "third", &["--to-time", &moments[2]], |psql, _| assert_eq!(psql(ROWS), "1,2,3"));
    step(&bank, 4);
    restored(&bank, "latest", &[], |psql, _| assert_eq!(psql(ROWS), "1,2,3,4"));
    restored(&bank, "second", &["--to-time", &moments[1]], |psql, _| assert_eq!(psql(ROWS), "1,2"));
    restored(&bank, "followed", &["--timeline", "2"], |psql, _| assert_eq!(psql(ROWS), "1,100"));
    let words =
        ["restore", "main", "--table", "seen", "--to-time", &moments[2], "--into", "postgres", "--as", "seen_then"];
    let rescued = call(&bank, &words).run().expect(0);
    assert!(rescued.stderr.contains("`--timeline 2` follows it"), "{rescued:#?}");
    assert_eq!(bank.server.psql("postgres", "SELECT count(*) FROM seen_then"), "3");

    // A backup that the other timeline knows nothing of.
    call(&bank, &["backup", "main"]).run().expect(0);
    restored(&bank, "backup", &["--immediate"], |psql, _| assert_eq!(psql(ROWS), "1,2,3,4"));
    step(&bank, 5);
    restored(&bank, "newest", &[], |psql, _| assert_eq!(psql(ROWS), "1,2,3,4,5"));
    let drilled = call(&bank, &["drill", "main"]).run().expect(0);
    assert!(!format!("{drilled:?}").contains("not looked through"), "{drilled:#?}");
}

#[test]
fn after_going_back_the_backup_before_is_the_one_to_begin_with() {
    let bank = archiving();
    let first = step(&bank, 1);
    step(&bank, 2);
    // Of what is given up below.
    call(&bank, &["backup", "main"]).run().expect(0);
    step(&bank, 3);
    restored(&bank, "back", &["--to-time", &first, "--archive-mode", "preserve"], |psql, _| {
        psql("INSERT INTO seen VALUES (20)");
        psql("SELECT pg_switch_wal()");
        until(|| psql(OTHER_STORED) == "t");
    });
    restored(&bank, "goes-on", &[], |psql, _| assert_eq!(psql(ROWS), "1,20"));
}

#[test]
fn a_moment_after_which_nothing_was_committed_is_recovered_to() {
    let bank = archiving();
    bank.server.psql("postgres", "INSERT INTO seen VALUES (1)");
    let quiet = moment(&bank);
    // Neither of them commits anything.
    bank.server.psql("postgres", "SELECT pg_logical_emit_message(false, 'test', 'quiet')");
    let last = bank.server.psql("postgres", "SELECT pg_walfile_name(pg_switch_wal())");
    until(|| bank.server.psql("postgres", "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver") >= last);
    restored(&bank, "quiet", &["--to-time", &quiet], |psql, _| assert_eq!(psql(ROWS), "1"));
    let words = ["restore", "main", "--table", "seen", "--to-time", &quiet, "--into", "postgres", "--as", "seen_quiet"];
    call(&bank, &words).run().expect(0);
    assert_eq!(bank.server.psql("postgres", "SELECT count(*) FROM seen_quiet"), "1");
}
