//! When verifications and drills are due, and what deletion waits for: made-up worlds, no clock.

use crate::support::{at, backup, checked, desired, nights, pruned, world};
use backstay::base::BackupId;
use backstay::catalog::{Backup, DrillRecord, VerifyLevel};
use backstay::plan::{Deed, GuardKind, Live, LiveStorage, Scope, due_proofs, plan, refused};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const POLICY: &str = r#"
version: 1
name: shop
storage:
  local: { type: filesystem, path: /backups/local }
  vault: { type: filesystem, path: /mnt/vault }
tiers:
  daily:
    schedule: "0 2 * * *"
    prune_after: drill
    copies:
      - { to: local, keep: { for: 7d, at_least: 1 } }
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [daily]
    verify: { schedule: "0 4 * * *", level: deep }
    safety: { max_prune: 100% }
    drill: { schedule: "0 5 * * SUN", tier: daily, checks: [{ sql: SELECT 1, expect: "> 0" }] }
"#;

/// A Sunday.
const SUNDAY: &str = "2026-11-22T12:00:00Z";

fn drilled(id: &BackupId, when: Timestamp, problems: &[&str]) -> DrillRecord {
    DrillRecord {
        id: id.clone(),
        database: "app".to_owned(),
        tier: "daily".to_owned(),
        storage: "local".to_owned(),
        at: when,
        run: BackupId::new(when, 1).to_string(),
        host: "db1".to_owned(),
        user: "backup".to_owned(),
        tool: "backstay".to_owned(),
        server_version: "15.18".to_owned(),
        compared: None,
        checks: Vec::new(),
        restore_ms: Some(10),
        checks_ms: Some(1),
        total_ms: 20,
        rto_seconds: None,
        problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
    }
}

fn with_drills(backups: Vec<Backup>, drills: Vec<DrillRecord>) -> Live {
    let mut live = world(backups, Vec::new());
    if let Some(LiveStorage::Read(read)) = live.storages.get_mut("local") {
        read.contents.drills = drills;
    }
    live
}

#[test]
fn a_verification_is_due_of_what_was_there_and_was_not_looked_at_so_closely_since() {
    let desired = desired(POLICY);
    let now = at("2026-11-20T12:00:00Z");
    let copies = vec![
        checked(backup("app", "daily", at("2026-11-17T02:00:00Z")), at("2026-11-20T04:00:01Z"), VerifyLevel::Deep, &[]),
        checked(
            backup("app", "daily", at("2026-11-18T02:00:00Z")),
            at("2026-11-20T04:00:01Z"),
            VerifyLevel::Checksum,
            &[],
        ),
        checked(backup("app", "daily", at("2026-11-19T02:00:00Z")), at("2026-11-19T04:00:01Z"), VerifyLevel::Deep, &[]),
        backup("app", "daily", at("2026-11-20T02:00:00Z")),
        // After the schedule fired: the next time.
        backup("app", "daily", at("2026-11-20T04:30:00Z")),
    ];
    let wanted: Vec<BackupId> = copies[1..4].iter().map(|backup| backup.id.clone()).collect();
    let due = due_proofs(&desired, &world(copies, Vec::new()), now);
    let verification = due[0].verify.as_ref().unwrap();
    assert_eq!((verification.since, verification.level), (at("2026-11-20T04:00:00Z"), VerifyLevel::Deep));
    let found: Vec<BackupId> = verification.copies.iter().map(|(_, _, id)| id.clone()).collect();
    assert_eq!(found, wanted);
}

#[test]
fn a_drill_is_due_once_a_week_and_first_after_the_first_sunday() {
    let desired = desired(POLICY);
    let due = |live: &Live, now: &str| {
        let due = due_proofs(&desired, live, at(now));
        due.first().and_then(|proofs| proofs.drill)
    };
    let sunday = Some(at("2026-11-22T05:00:00Z"));
    let first = nights("daily", at("2026-11-20T02:00:00Z"), 1);
    assert_eq!(due(&with_drills(first.clone(), vec![]), "2026-11-20T12:00:00Z"), None);
    assert_eq!(due(&with_drills(first.clone(), vec![]), SUNDAY), sunday);
    // One that failed was held.
    let held = drilled(&first[0].id, at("2026-11-22T05:00:02Z"), &["a row is missing"]);
    assert_eq!(due(&with_drills(first, vec![held]), SUNDAY), None);
    // Three Sundays missed are one drill, also when no backup of that time is left.
    let old = drilled(&BackupId::new(at("2026-11-01T02:00:00Z"), 7), at("2026-11-01T05:00:00Z"), &[]);
    let young = nights("daily", at("2026-11-25T02:00:00Z"), 1);
    assert_eq!(due(&with_drills(young.clone(), vec![old]), "2026-11-25T12:00:00Z"), sunday);
    assert_eq!(due(&with_drills(young, vec![]), "2026-11-25T12:00:00Z"), None);
}

#[test]
fn deletion_waits_for_a_drill_of_something_newer() {
    let desired = desired(POLICY);
    let backups = nights("daily", at("2026-11-22T02:00:01Z"), 12);
    let expired: Vec<String> = backups[..5].iter().map(|backup| backup.id.to_string()).collect();
    let planned = |drills| plan(&desired, &with_drills(backups.clone(), drills), at(SUNDAY), &Scope::default());
    // Passed today: all that is expired may go.
    let passed = planned(vec![drilled(&backups[11].id, at("2026-11-22T05:00:10Z"), &[])]);
    assert_eq!((pruned(&passed), passed.guards.len()), (expired.clone(), 0));
    // Passed some time ago, and today's is not late yet: what is older than the proven one goes, the rest waits.
    let before = at("2026-11-22T05:30:00Z");
    let old = drilled(&backups[3].id, at("2026-11-15T05:00:10Z"), &[]);
    let waiting = plan(&desired, &with_drills(backups.clone(), vec![old.clone()]), before, &Scope::default());
    assert_eq!((pruned(&waiting), waiting.guards.len()), (expired[..3].to_vec(), 0));
    assert!(waiting.notes.iter().any(|note| note.message.contains("wait")), "{:?}", waiting.notes);
    // Late, or failed: somebody has to look.
    for drills in [vec![old.clone()], vec![old, drilled(&backups[11].id, at("2026-11-22T05:00:10Z"), &["damaged"])]] {
        let late = planned(drills);
        assert_eq!(pruned(&late), expired);
        assert_eq!(late.guards[0].kind, GuardKind::Unproven);
        assert_eq!(refused(&late, &Default::default()).len(), 2, "{:?}", late.guards);
    }
    // A proof of what is gone proves nothing.
    let gone = BackupId::new(at("2026-11-22T03:00:00Z"), 9);
    let unproven = planned(vec![drilled(&gone, at("2026-11-22T05:00:10Z"), &[])]);
    assert_eq!(pruned(&unproven), Vec::<String>::new());
}

proptest! {
    /// Whatever was drilled, and however it went: what is carried out leaves a proven backup that is newer.
    #[test]
    fn nothing_is_deleted_that_no_newer_proven_backup_replaces(
        count in 1_i64..20, drills in prop::collection::vec((0_usize..20, any::<bool>(), 0_i64..400), 0..6), hour in 0_i64..48,
    ) {
        let desired = desired(POLICY);
        let now = at(SUNDAY) + SignedDuration::from_hours(hour);
        let backups = nights("daily", at("2026-11-22T02:00:01Z"), count);
        let mut records: Vec<DrillRecord> = drills
            .into_iter()
            .map(|(which, has_passed, hours)| {
                let problems: &[&str] = if has_passed { &[] } else { &["damaged"] };
                drilled(&backups[which % backups.len()].id, now - SignedDuration::from_hours(hours), problems)
            })
            .collect();
        records.sort_by_key(|record| record.at);
        let live = with_drills(backups.clone(), records.clone());
        let plan = plan(&desired, &live, now, &Scope::default());
        let stopped = refused(&plan, &Default::default());
        let newest = records.iter().filter(|record| record.has_passed()).map(|record| record.id.to_string()).max();
        for action in plan.actions.iter().filter(|action| !stopped.contains_key(action.address.as_str())) {
            if let Deed::PruneBackup { id, .. } = &action.deed {
                prop_assert!(newest.as_ref().is_some_and(|newest| newest > id), "{id} goes, proven is {newest:?}");
            }
        }
    }
}
