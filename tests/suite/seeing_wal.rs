//! Archived WAL as people and programs are told of it, from a made-up world: a gap that a base backup closed, one that is
//! open, and a server that says what waits.

use crate::support::{at, backup, cluster, desired, segment, world};
use backstay::base::{Lsn, Period, SegmentSize, SystemId};
use backstay::catalog::wal::ClusterWal;
use backstay::catalog::{Backup, Method};
use backstay::metrics::exposition;
use backstay::plan::{Archiver, Live, Phase, Scope, plan};
use backstay::report::{self, Style};
use backstay::standing::{ConcernKind, Standing, concerns, standing};
use jiff::SignedDuration;
use std::collections::BTreeSet;

const POLICY: &str = r#"
version: 1
name: shop
storage:
  local: { type: filesystem, path: /backups/local }
  vault: { type: filesystem, path: /mnt/vault }
tiers:
  weekly: { schedule: "0 2 * * SUN", method: physical, copies: [{ to: local, keep: 7d }] }
  monthly: { schedule: "0 2 1 * *", method: physical, copies: [{ to: local, keep: 7d }] }
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [monthly, weekly]
    wal: { mode: archive, to: [local, vault], archive_timeout: 5m }
    objectives: { rpo: 10m }
"#;

const NOON: &str = "2026-11-20T12:00:00Z";
const SIZE: SegmentSize = SegmentSize::DEFAULT;
const SYSTEM: SystemId = SystemId(7_300_000_000_000_000_001);

/// A base backup within the segment of this number, so many hours before noon.
fn base(hours: i64, number: u64) -> Backup {
    let started = at(NOON) - SignedDuration::from_hours(hours);
    let cluster = cluster(SYSTEM, Lsn(number * SIZE.bytes() + 40));
    let finished_at = started + SignedDuration::from_mins(10);
    Backup { method: Method::Physical, cluster: Some(cluster), finished_at, ..backup("app", "weekly", started) }
}

/// Segments by number, each stored so many hours before noon.
fn archive(held: &[(u64, i64)]) -> ClusterWal {
    let object = |(number, hours): &(u64, i64)| segment(SYSTEM, *number, at(NOON) - SignedDuration::from_hours(*hours));
    ClusterWal::of(held.iter().map(object)).remove(0)
}

fn archived(backups: Vec<Backup>, held: &[(u64, i64)]) -> Live {
    let mut live = world(backups, Vec::new());
    for storage in ["local", "vault"] {
        live.wal.insert((storage.to_owned(), "app".to_owned()), Ok(vec![archive(held)]));
    }
    live
}

fn said(written: u64) -> Archiver {
    Archiver {
        system: Some(SystemId(7_300_000_000_000_000_001)),
        written: Lsn(written * SIZE.bytes()),
        received: None,
        last_archived: None,
        failing: None,
        ready: Some(None),
        archive_timeout: Some(Period(300)),
    }
}

/// Two base backups, WAL missing between them, nothing waits.
fn closed() -> Live {
    let mut live =
        archived(vec![base(130, 10), base(60, 20)], &[(11, 129), (12, 120), (15, 100), (20, 59), (21, 30), (22, 2)]);
    live.archivers.insert("app".to_owned(), Ok(said(23)));
    live
}

/// A gap after the last base backup, and PostgreSQL cannot archive what is ready.
fn open() -> Live {
    let mut live = archived(vec![base(130, 10), base(60, 20)], &[(11, 129), (21, 30), (23, 3)]);
    let waits = Archiver {
        ready: Some(Some(at("2026-11-20T10:30:00Z"))),
        failing: Some(("000000010000000000000018".to_owned(), at("2026-11-20T11:59:20Z"))),
        ..said(26)
    };
    live.archivers.insert("app".to_owned(), Ok(waits));
    live
}

fn seen(live: &Live) -> Standing {
    standing(&desired(POLICY), live, at(NOON))
}

/// One in which every number of WAL has a value.
pub fn standing_of_archives() -> Standing {
    seen(&open())
}

fn kinds(standing: &Standing) -> BTreeSet<ConcernKind> {
    let of_wal = [ConcernKind::WalGap, ConcernKind::WalLag, ConcernKind::RpoMissed];
    concerns(standing).into_iter().map(|concern| concern.kind).filter(|kind| of_wal.contains(kind)).collect()
}

fn planned(live: &Live, only: Phase) -> backstay::plan::Plan {
    plan(&desired(POLICY), live, at(NOON), &Scope { only: vec![only], ..Scope::default() })
}

#[test]
fn a_gap_that_is_closed_is_shown_and_no_concern() {
    let standing = seen(&closed());
    assert_eq!(kinds(&standing), BTreeSet::new());
    insta::assert_snapshot!("status_wal_closed", report::status(&standing, Style::PLAIN));
    insta::assert_snapshot!("nagios_wal_closed", report::nagios(&[standing]).0);
    assert!(planned(&closed(), Phase::Backups).actions.iter().all(|action| action.address != "backup/app/weekly"));
}

#[test]
fn what_would_be_lost_is_what_no_storage_and_no_receiver_has() {
    let loss = |said: Archiver| {
        let mut live = closed();
        live.archivers.insert("app".to_owned(), Ok(said));
        seen(&live).databases[0].loss(at(NOON)).map(|loss| loss.0)
    };
    let busy = || Archiver { written: Lsn(23 * SIZE.bytes() + 9000), ..said(23) };
    assert_eq!(loss(said(23)), Some(0));
    // PostgreSQL finishes a segment after `archive_timeout`; without it, all since the newest one may wait.
    assert_eq!(loss(busy()), Some(300));
    assert_eq!(loss(Archiver { archive_timeout: None, ..busy() }), Some(7200));
    // In a segment that waits are changes from before it was finished.
    assert_eq!(loss(Archiver { ready: Some(Some(at("2026-11-20T11:59:00Z"))), ..busy() }), Some(7200));
    assert_eq!(loss(Archiver { received: Some((busy().written, Period(2))), ready: None, ..busy() }), Some(2));
    // Behind a gap it does not matter what the server says.
    let mut live = open();
    live.archivers.insert("app".to_owned(), Ok(said(24)));
    assert_eq!(seen(&live).databases[0].loss(at(NOON)).map(|loss| loss.0), Some(30 * 3600));
}

#[test]
fn an_open_gap_and_late_wal_are_told_with_what_to_run() {
    let standing = seen(&open());
    assert_eq!(kinds(&standing), [ConcernKind::WalGap, ConcernKind::WalLag, ConcernKind::RpoMissed].into());
    insta::assert_snapshot!("status_wal_open", report::status(&standing, Style::PLAIN));
    let lines = exposition(&[standing]);
    let lines: Vec<&str> = lines.lines().filter(|line| line.starts_with("backstay_wal_")).collect();
    insta::assert_snapshot!("metrics_wal_open", lines.join("\n"));
}

#[test]
fn a_base_backup_is_due_in_the_most_frequent_tier_until_there_is_one() {
    let due = planned(&open(), Phase::Backups);
    // The other tier has none, and is due for that.
    let reasons: Vec<(&str, &str)> =
        due.actions.iter().map(|action| (action.address.as_str(), action.reason.as_str())).collect();
    assert_eq!(reasons[0], ("backup/app/monthly", "never backed up"));
    let (address, reason) = reasons[1];
    assert_eq!(address, "backup/app/weekly");
    assert_eq!(
        reason,
        "WAL is missing from 0/16000000 to 0/17000000 of timeline 1: moments after it are restorable only from a new base \
         backup"
    );
    insta::assert_snapshot!(
        "plan_wal_open",
        report::plan(&due, Style::PLAIN).split("\nBefore").next().unwrap_or_default()
    );
    let mut live = open();
    if let Some(backstay::plan::LiveStorage::Read(read)) = live.storages.get_mut("local") {
        read.contents.backups.push(base(1, 23));
    }
    assert!(planned(&live, Phase::Backups).actions.iter().all(|action| action.address != "backup/app/weekly"));
    assert!(!kinds(&seen(&live)).contains(&ConcernKind::WalGap));
    // What a storage that cannot be read holds is not known to be missing.
    let mut dark = open();
    dark.wal.insert(("vault".to_owned(), "app".to_owned()), Err("no route".to_owned()));
    assert!(!kinds(&seen(&dark)).contains(&ConcernKind::WalGap));
    let told = concerns(&seen(&dark));
    let unread = told.iter().find(|concern| concern.kind == ConcernKind::StorageUnreadable).unwrap();
    assert_eq!((unread.database.as_str(), unread.storage.as_str()), ("app", "vault"));
    assert!(planned(&dark, Phase::Backups).actions.iter().all(|action| action.address != "backup/app/weekly"));
}

#[test]
fn deletions_show_what_is_left() {
    // Both storages hold WAL from before the second base backup, and the first one is too old.
    let plan = planned(
        &archived(vec![base(200, 10), base(60, 20), base(50, 21), base(40, 21)], &[(11, 199), (20, 59), (21, 30)]),
        Phase::Prune,
    );
    let deeds: Vec<&str> = plan.actions.iter().map(|action| action.address.split('/').next().unwrap()).collect();
    assert_eq!(deeds, ["prune", "wal", "wal"]);
    let [reach] = plan.restorable.as_slice() else { panic!("{:#?}", plan.restorable) };
    let after = reach.windows_after.as_ref().unwrap();
    assert_eq!((reach.windows.len(), after.len()), (2, 1));
    assert_eq!((reach.windows[1].from, reach.windows[1].until), (after[0].from, after[0].until));
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<backstay::plan::Plan>(&json).unwrap(), plan);
}
