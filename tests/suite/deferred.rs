//! Deletions that object lock puts off: never before the date, never a failure, and no floor gives way.

use crate::planning::POLICY;
use crate::support::{at, backup, desired, pruned, world};
use backstay::catalog::Backup;
use backstay::plan::{Deed, Live, LiveStorage, Plan, Scope, compare, plan, questions};
use backstay::report::{self, Style};
use backstay::resource::{Availability, LockMode, LockedUntil, Protection, StorageClass};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOON: &str = "2026-11-20T12:00:00Z";

fn night(days_ago: i64) -> Backup {
    backup("app", "daily", at("2026-11-20T02:00:01Z") - SignedDuration::from_hours(24 * days_ago))
}

fn locked_at_upload(mut backup: Backup, until: Timestamp) -> Backup {
    backup.objects[0].lock = Some(LockedUntil { mode: LockMode::Governance, until });
    backup
}

fn planned(live: &Live) -> Plan {
    plan(&desired(POLICY), live, at(NOON), &Scope::default())
}

#[test]
fn what_is_locked_waits_for_its_date_and_is_shown() {
    let until = at("2026-12-24T00:00:00Z");
    let mut local: Vec<Backup> = (0..12).rev().map(night).collect();
    // Locked at upload and unlocked since; locked by the bucket's default; held; and free.
    local[0] = Backup { protection: Some(Protection::Free), ..locked_at_upload(night(11), until) };
    local[1] = Backup { protection: Some(Protection::Until(until)), ..night(10) };
    local[2] = locked_at_upload(night(9), until + SignedDuration::from_hours(24));
    local[3] = Backup { protection: Some(Protection::Held), ..night(8) };
    let vault = (0..12).rev().map(night).collect();
    let live = world(local, vault);
    let first = planned(&live);
    assert_eq!(pruned(&first), [night(11).id.to_string(), night(7).id.to_string()]);
    assert_eq!(first.deferred.len(), 3);
    insta::assert_snapshot!(report::plan(&first, Style::PLAIN));
    let only_backups = Scope::only(&[backstay::plan::Phase::Backups]);
    assert!(plan(&desired(POLICY), &live, at(NOON), &only_backups).deferred.is_empty());

    // A saved plan that meanwhile meets a lock is not stale; whoever applies it is told.
    let saved = planned(&world(vec![night(11), night(0), night(1), night(2)], (0..12).map(night).collect()));
    let live =
        world(vec![locked_at_upload(night(11), until), night(0), night(1), night(2)], (0..12).map(night).collect());
    let standing = compare(&saved, &planned(&live));
    assert!(standing.holds() && standing.already_done.is_empty(), "{standing:?}");
}

#[test]
fn a_damaged_copy_that_is_locked_is_not_replaced_yet() {
    let broken = |lock: Option<Protection>| Backup {
        missing: vec!["`dump.zst` has 1 bytes instead of 2".to_owned()],
        protection: lock,
        ..night(0)
    };
    let others = |first: Backup| vec![night(2), night(1), first];
    let free = planned(&world(others(broken(None)), others(night(0))));
    assert!(matches!(free.actions[0].deed, Deed::CopyBackup { replace: true, .. }));
    let locked = Some(Protection::Until(at("2026-12-24T00:00:00Z")));
    let held = planned(&world(others(broken(locked)), others(night(0))));
    assert!(held.actions.is_empty(), "{:?}", held.actions);
    assert_eq!(held.deferred[0].id, night(0).id.to_string());
}

#[test]
fn a_cold_copy_gives_nothing_unless_it_is_thawed() {
    let (glacier, thawed) = (
        Availability::Archived(StorageClass::Glacier),
        Availability::Thawed { class: StorageClass::Glacier, until: None },
    );
    let cold = |availability: Availability, days_ago: i64| {
        let mut backup = Backup { availability, ..night(days_ago) };
        backup.objects[0].class = StorageClass::Glacier;
        backup
    };
    let frozen = world(vec![night(0)], vec![cold(glacier, 2), cold(glacier, 1), night(0)]);
    let plan = planned(&frozen);
    assert!(plan.actions.is_empty() && plan.notes.len() == 1, "{plan:#?}");
    insta::assert_snapshot!(plan.notes[0].message);
    let asked = questions(&desired(POLICY), &frozen, at(NOON));
    let ids: Vec<_> = asked.thawed.iter().map(|at| (at.storage.as_str(), at.id.clone())).collect();
    assert_eq!(ids, [("vault", night(2).id.to_string()), ("vault", night(1).id.to_string())]);
    let plan = planned(&world(vec![night(0)], vec![cold(glacier, 2), cold(thawed, 1), night(0)]));
    assert!(matches!(&plan.actions[..], [one] if one.address.contains(night(1).id.as_str())), "{plan:#?}");
}

#[test]
fn only_what_a_plan_would_touch_is_asked_for() {
    let all = || (0..12).map(night).collect::<Vec<_>>();
    let asked = questions(&desired(POLICY), &world(all(), all()), at(NOON));
    let ids: BTreeSet<_> = asked.locked.iter().map(|at| at.id.clone()).collect();
    assert_eq!(ids, (7..12).map(|days| night(days).id.to_string()).collect());
    assert!(asked.locked.iter().all(|at| at.storage == "local") && asked.thawed.is_empty());
    // Also what was locked at upload: somebody may have lifted that.
    let until = at("2026-12-24T00:00:00Z");
    let locked = all().into_iter().map(|backup| locked_at_upload(backup, until)).collect();
    assert_eq!(questions(&desired(POLICY), &world(locked, all()), at(NOON)), asked);
}

/// Age in days, whether it is good, and the lock: none, by how many hours from now at upload, the same as found, held.
fn any_copy() -> impl Strategy<Value = (i64, bool, u8, i64)> {
    (0_i64..60, prop::bool::weighted(0.8), 0_u8..4, -200_i64..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_locked_is_pruned_and_locks_change_nothing_else(copies in prop::collection::vec(any_copy(), 1..20)) {
        let make = |with_locks: bool| -> Vec<Backup> {
            let mut seen = BTreeSet::new();
            let one = |(age, is_good, kind, hours): &(i64, bool, u8, i64)| {
                let until = at(NOON) + SignedDuration::from_hours(*hours);
                let missing = if *is_good { Vec::new() } else { vec!["`dump.zst` is missing".to_owned()] };
                let backup = Backup { missing, ..night(*age) };
                match (with_locks, kind) {
                    (false, _) | (_, 0) => backup,
                    (_, 1) => locked_at_upload(backup, until),
                    (_, 2) => Backup { protection: Some(Protection::Until(until)), ..backup },
                    _ => Backup { protection: Some(Protection::Held), ..backup },
                }
            };
            copies.iter().filter(|(age, ..)| seen.insert(*age)).map(one).collect()
        };
        let (locked, free) = (planned(&world(make(true), vec![])), planned(&world(make(false), vec![])));
        let now = at(NOON);
        let protected = |id: &str| make(true).iter().any(|b| b.id.as_str() == id && b.protection().holds(now));
        let gone: BTreeSet<String> = pruned(&locked).into_iter().collect();
        prop_assert!(gone.iter().all(|id| !protected(id)));
        // Pruned and deferred together are what would be pruned without locks: each floor that held, holds.
        let put_off: BTreeSet<String> = locked.deferred.iter().map(|d| d.id.clone()).collect();
        prop_assert!(put_off.iter().all(|id| protected(id)));
        let both: BTreeSet<String> = gone.union(&put_off).cloned().collect();
        prop_assert_eq!(both, pruned(&free).into_iter().collect::<BTreeSet<_>>());
        prop_assert!(locked.deferred.iter().all(|d| d.until.is_none_or(|until| until > now)));
    }
}

#[test]
fn a_world_without_locks_is_as_before() {
    let live = world((0..12).map(night).collect(), (0..12).map(night).collect());
    let LiveStorage::Read(read) = &live.storages["local"] else { panic!("it is readable") };
    assert!(read.contents.backups.iter().all(|backup| backup.protection() == Protection::Free));
    let text = serde_json::to_string(&planned(&live)).unwrap();
    assert!(!text.contains("deferred") && !text.contains("manifest_etag"), "{text}");
}
