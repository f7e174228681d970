//! `kill -9` of whatever takes part in physical backups, at random moments: no moment that was promised is lost.
//!
//! `BACKSTAY_KILLS=200` kills so often; `BACKSTAY_SEED` repeats the choices of a run.

use super::point_in_time::{Load, archive_all, bank, call, restored};
use crate::support::{Archiving, Dice, Version, rounds, signal, until};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Starts a call and kills it within its first two seconds. True when it was killed before its end.
fn kill(bank: &Archiving, words: &[&str], dice: &mut Dice) -> bool {
    let mut command = call(bank, words).into_command();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Not a wait for something: the moment of death is what is tried.
    std::thread::sleep(Duration::from_millis(dice.below(2000) as u64));
    signal(&child, "-KILL");
    child.wait().unwrap().code().is_none()
}

fn kill_pushes(bank: &Archiving, dice: &mut Dice) -> bool {
    let pattern = format!("{}.*wal push", bank.path("policy.yaml").display());
    // The next segment's call, wherever it is just then.
    let waiting = bank.finish_segment();
    std::thread::sleep(Duration::from_millis(dice.below(120) as u64));
    let killed = Command::new("pkill").args(["-KILL", "-f", &pattern]).status().unwrap();
    let archived = "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver";
    until(|| bank.server.psql("postgres", archived) >= waiting);
    killed.success()
}

#[test]
fn whatever_is_killed_no_promised_moment_is_lost() {
    let bank = bank(Version::Distribution, |bank| {
        bank.edit_policy("method: physical", "method: physical, read: local");
        bank.edit_policy("copies: [{ to: near, keep: 7d }]", "copies: [{ to: near, keep: 7d }, { to: far, keep: 7d }]");
    });
    let mut load = Load::on(&bank);
    until(|| bank.server.psql("postgres", "SELECT count(*) > 20 FROM ledger") == "t");
    call(&bank, &["backup", "main"]).run().expect(0);
    let mut dice = Dice::thrown();
    let wanted = rounds("BACKSTAY_KILLS", 10);
    let (mut kills, mut moment) = (0, String::new());
    let killed = bank.path("killed");
    let restore = ["restore", "main", "--target-dir", killed.to_str().unwrap(), "--delta", "--yes"];
    for round in 0..wanted {
        let is_killed = match (round + dice.below(2) as u32) % 5 {
            0 | 1 => kill(&bank, &["backup", "main"], &mut dice),
            2 => {
                bank.server.restart("immediate");
                drop(load);
                load = Load::on(&bank);
                true
            }
            3 => kill(&bank, &restore, &mut dice),
            _ => kill_pushes(&bank, &mut dice),
        };
        kills += u32::from(is_killed);
        if round == wanted / 2 {
            moment = bank.server.psql(
                "postgres",
                "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
            );
            std::thread::sleep(Duration::from_millis(1200));
        }
        if round % 20 == 19 {
            call(&bank, &["apply", "--yes"]).run().expect(0);
            call(&bank, &["backup", "main"]).run().expect(0);
        }
    }
    drop(load);
    archive_all(&bank);
    println!("{kills} of {wanted} were killed before their end");
    assert!(kills > 0);
    call(&bank, &["verify", "main", "--deep"]).run().expect(0);
    bank.backstay(&["wal", "verify", "main"]).run().expect(0);
    let ledger = "SELECT count(*), coalesce(sum(id), 0) FROM ledger";
    let before = format!("{ledger} WHERE pg_xact_commit_timestamp(xmin) < '{moment}'");
    restored(&bank, "at", &["--to-time", &moment], |psql, done| {
        assert_eq!(psql("SELECT sum(balance) FROM account"), "0");
        assert_eq!(psql(ledger), bank.server.psql("postgres", &before), "at {moment}: {done:#}");
    });
    // Into what a killed restore left.
    restored(&bank, "killed", &["--delta", "--yes"], |psql, done| {
        assert_eq!(psql("SELECT sum(balance) FROM account"), "0");
        assert_eq!(psql(ledger), bank.server.psql("postgres", ledger), "{done:#}");
    });
    call(&bank, &["apply", "--yes"]).run().expect(0);
    let plan = call(&bank, &["plan", "--detailed-exitcode"]).run().expect(0).stdout;
    assert!(!plan.contains("leftover"), "{plan}");
}
