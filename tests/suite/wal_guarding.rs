//! The guard over deletions of WAL: what goes day by day passes, what vanishes at once is held back.

use crate::support::{backup, cluster, desired, segment, world};
use backstay::base::{Lsn, SegmentSize, SystemId};
use backstay::catalog::wal::ClusterWal;
use backstay::catalog::{Backup, Method};
use backstay::plan::{Approval, Guard, GuardKind, Live, Plan, Scope, plan, refused};
use jiff::{SignedDuration, Timestamp};

const POLICY: &str = "\
version: 1
name: shop
storage:
  local: { type: filesystem, path: /backups/local }
  vault: { type: filesystem, path: /mnt/vault }
tiers:
  base: { method: physical, schedule: '0 2 * * *', copies: [{ to: vault, keep: { last: KEEP } }] }
databases:
  app:
    connection: postgresql://h/postgres
    tiers: [base]
    wal: { mode: archive, to: [local, vault] }
";

const SIZE: SegmentSize = SegmentSize::DEFAULT;
const SYSTEM: SystemId = SystemId(7);

/// Ten segments a day, the first day begins at this moment.
fn first_day() -> Timestamp {
    "2026-01-01T02:00:00Z".parse().unwrap()
}

/// A base backup at the beginning of a day.
fn base(day: u64) -> Backup {
    let mut made = backup("app", "base", first_day() + SignedDuration::from_hours(24 * day as i64));
    made.method = Method::Physical;
    made.cluster = Some(cluster(SYSTEM, Lsn((10 * day + 1) * SIZE.bytes() + 40)));
    made
}

/// The WAL of these days.
fn wal(days: std::ops::Range<u64>) -> Vec<ClusterWal> {
    ClusterWal::of((days.start * 10 + 1..days.end * 10 + 1).map(|number| {
        let at = first_day() + SignedDuration::from_mins(144 * (number as i64 - 1));
        segment(SYSTEM, number, at)
    }))
}

/// What is planned at noon of the last day, with these base backups and so much WAL in both storages.
fn planned(keep: usize, bases: impl IntoIterator<Item = u64>, days: std::ops::Range<u64>) -> Plan {
    let now = first_day() + SignedDuration::from_hours(24 * (days.end as i64 - 1) + 10);
    let mut live: Live = world(Vec::new(), bases.into_iter().map(base).collect());
    for storage in ["local", "vault"] {
        live.wal.insert((storage.to_owned(), "app".to_owned()), Ok(wal(days.clone())));
    }
    let policy = desired(&POLICY.replace("KEEP", &keep.to_string()));
    plan(&policy, &live, now, &Scope::default())
}

fn of_wal(plan: &Plan) -> Vec<&Guard> {
    plan.guards.iter().filter(|guard| guard.kind == GuardKind::TooMuchWal).collect()
}

fn n_wal_steps(plan: &Plan) -> usize {
    plan.actions.iter().filter(|action| action.address.starts_with("wal/")).count()
}

#[test]
fn what_goes_day_by_day_needs_no_word() {
    // However few are kept: one base backup goes, and half of the WAL or a thirtieth with it.
    for keep in [1, 2, 3, 7, 30] {
        let plan = planned(keep, 0..=keep as u64, 0..keep as u64 + 1);
        assert_eq!((n_wal_steps(&plan), of_wal(&plan).len()), (2, 0), "{keep}: {:?}", plan.guards);
    }
    // A machine that was off for a weekend has two of five to delete.
    assert!(of_wal(&planned(3, 0..5, 0..5)).is_empty());
    // The archive began some hours before the first base backup.
    let plan = planned(7, [1], 0..2);
    assert_eq!((n_wal_steps(&plan), of_wal(&plan).len()), (2, 0), "{:?}", plan.guards);
}

#[test]
fn wal_of_base_backups_that_vanished_is_held_back_until_its_exact_number_is_named() {
    // Of thirty days the newest seven base backups are left, and none is to be deleted.
    let plan = planned(30, 23..30, 0..30);
    let guards = of_wal(&plan);
    assert_eq!((n_wal_steps(&plan), guards.len()), (2, 2));
    assert!(guards[0].message.contains("needed by no base backup before"), "{}", guards[0].message);
    assert!(
        guards[0].message.contains("230 files") && guards[0].message.contains("of 300.0 MiB"),
        "{}",
        guards[0].message
    );
    assert!(guards[0].hint.contains("--allow-prune-wal app=460"), "{}", guards[0].hint);
    let allow = |n| Approval { allow_prune_wal: [("app".to_owned(), n)].into(), ..Approval::default() };
    assert_eq!(refused(&plan, &Approval::default()).len(), 2);
    assert_eq!(refused(&plan, &allow(459)).len(), 2);
    assert_eq!(refused(&plan, &allow(460)).len(), 0);
    assert_eq!(allow(460).idle(&[&plan]), Vec::<String>::new());
    assert!(allow(459).idle(&[&plan])[0].contains("it is 460 files"), "{:?}", allow(459).idle(&[&plan]));
    let quiet = planned(30, 0..30, 0..30);
    assert!(allow(1).idle(&[&quiet])[0].contains("no guard"), "{:?}", allow(1).idle(&[&quiet]));
    // A few days are within the share.
    assert!(of_wal(&planned(30, 8..30, 0..30)).is_empty());
}

#[test]
fn a_keep_that_was_shortened_by_mistake_is_held_back_for_wal_too() {
    // Thirty were kept, and now three.
    let plan = planned(3, 0..30, 0..30);
    let guards = of_wal(&plan);
    assert_eq!(guards.len(), 2);
    assert!(!guards[0].message.contains("needed by no base backup"), "{}", guards[0].message);
    assert!(plan.guards.iter().any(|guard| guard.kind == GuardKind::TooMany));
    // The word for backups is none for WAL.
    let approval = Approval { allow_prune: [("app".to_owned(), 27)].into(), ..Approval::default() };
    let stopped = refused(&plan, &approval);
    assert!(stopped.len() == 2 && stopped.keys().all(|address| address.starts_with("wal/")), "{stopped:?}");
    // Three of thirty are a tenth.
    assert!(of_wal(&planned(27, 0..30, 0..30)).is_empty());
}
