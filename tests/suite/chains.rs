//! Chains of incremental backups through a hundred days of plans: whatever step a run stops after, no backup that is left
//! lacks what it refers to.

use crate::support::{at, backup, cluster, desired, world};
use backstay::base::{Lsn, SystemId};
use backstay::catalog::{Backup, Cluster, Incremental, Method, Reference};
use backstay::plan::{Action, Approval, Deed, Live, LiveStorage, ReadStorage, Scope, plan, refused};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

const POLICY: &str = r#"
version: 1
name: shop
storage:
  local: { type: filesystem, path: /backups/local }
  vault: { type: filesystem, path: /mnt/vault }
tiers:
  base:
    schedule: "0 2 * * *"
    method: physical
    incremental: { full_every: 7d }
    copies: [{ to: local, keep: 9d }, { to: vault, keep: { last: 20 } }]
databases:
  main: { connection: "${env:DATABASE_URL}", tiers: [base], safety: { max_prune: 100% } }
"#;

fn read_mut<'a>(live: &'a mut Live, name: &str) -> &'a mut ReadStorage {
    match live.storages.get_mut(name) {
        Some(LiveStorage::Read(read)) => read,
        other => panic!("{other:?}"),
    }
}

/// A physical backup, full or on another one of the world.
fn physical(live: &Live, earlier: Option<&str>, now: Timestamp) -> Backup {
    let mut backup = Backup { method: Method::Physical, ..backup("main", "base", now) };
    let pack = || vec!["pack-000001.tar.zst".to_owned()];
    for name in ["pack-000001.tar.zst", "files.jsonl.zst", "blocks.b3.zst"] {
        let mut object = backup.objects[0].clone();
        object.name = name.to_owned();
        backup.objects.push(object);
    }
    backup.objects.remove(0);
    let incremental = earlier.map(|earlier| {
        let on = live.read("vault").unwrap().contents.backups.iter().find(|b| b.id.as_str() == earlier).unwrap();
        let mut references = on.references().to_vec();
        references.push(Reference { backup: on.id.clone(), packs: pack() });
        Incremental { on: on.id.clone(), references, unread: None }
    });
    backup.cluster = Some(Cluster { incremental, ..cluster(SystemId(7), Lsn(1)) });
    backup
}

fn carry_out(action: &Action, live: &mut Live, now: Timestamp) {
    match &action.deed {
        Deed::TakeBackup { storages, earlier, .. } => {
            let made = physical(live, earlier.as_deref(), now);
            for storage in storages {
                read_mut(live, storage).contents.backups.push(made.clone());
            }
        }
        Deed::PruneBackup { id, storage, .. } => {
            read_mut(live, storage).contents.backups.retain(|backup| backup.id.as_str() != id);
        }
        Deed::CopyBackup { id, from, to, .. } => {
            let backups = &live.read(from).unwrap().contents.backups;
            let copied = backups.iter().find(|backup| backup.id.as_str() == id).unwrap().clone();
            read_mut(live, to).contents.backups.push(copied);
        }
        other => panic!("{other:?}"),
    }
}

/// Nothing that is there refers to what is not.
fn check(live: &Live, what: &str) {
    for storage in ["local", "vault"] {
        let backups = &live.read(storage).unwrap().contents.backups;
        let ids: BTreeSet<&str> = backups.iter().map(|backup| backup.id.as_str()).collect();
        for backup in backups {
            let lost = backup.references().iter().find(|reference| !ids.contains(reference.backup.as_str()));
            assert!(lost.is_none(), "{what}: {} at {storage} lacks {lost:?}", backup.id);
        }
    }
}

#[test]
fn no_step_of_a_hundred_days_takes_what_is_referred_to() {
    let policy = desired(POLICY);
    let mut live = world(Vec::new(), Vec::new());
    let start = at("2026-01-01T02:00:05Z");
    let (mut n_full, mut n_incremental) = (0, 0);
    for day in 0..100_i64 {
        let now = start + SignedDuration::from_hours(24 * day);
        if day == 40 {
            // A disk was lost and comes back empty.
            read_mut(&mut live, "local").contents.backups.clear();
        }
        let made = plan(&policy, &live, now, &Scope::default());
        assert!(refused(&made, &Approval::default()).is_empty(), "day {day}: {:?}", made.guards);
        for action in &made.actions {
            if let Deed::TakeBackup { earlier, .. } = &action.deed {
                *if earlier.is_some() { &mut n_incremental } else { &mut n_full } += 1;
            }
            carry_out(action, &mut live, now);
            check(&live, &format!("day {day} after {}", action.address));
        }
        assert!(plan(&policy, &live, now, &Scope::default()).is_empty(), "day {day}: a second plan is not empty");
        let count = |storage: &str| live.read(storage).unwrap().contents.backups.len() as i64;
        // What is promised, and no more than the chain that the oldest of it needs.
        assert!(count("local") >= (day + 1).min(9) && count("local") <= 9 + 7, "day {day}: {}", count("local"));
        assert!(count("vault") >= (day + 1).min(20) && count("vault") <= 20 + 7, "day {day}: {}", count("vault"));
    }
    assert_eq!(n_full + n_incremental, 100);
    assert!((15..=17).contains(&n_full), "{n_full} full ones");
}

#[test]
fn policies_that_let_nothing_refer_take_full_ones() {
    let policy = desired(
        &POLICY
            .replace(
                "path: /mnt/vault }",
                "path: /mnt/vault }\n  far: { type: s3, bucket: shop-backups, region: eu-central-1 }",
            )
            .replace(
                "{ to: local, keep: 9d }",
                "{ to: local, keep: 9d }, { to: far, keep: 400d, transitions: [{ after: 30d, to: GLACIER }] }",
            ),
    );
    let mut live = world(Vec::new(), Vec::new());
    let now = at("2026-01-01T02:00:05Z");
    let full = physical(&live, None, now - SignedDuration::from_hours(24));
    for storage in ["local", "vault"] {
        read_mut(&mut live, storage).contents.backups.push(full.clone());
    }
    let made = plan(&policy, &live, now, &Scope::default());
    let action = made.actions.iter().find(|action| matches!(action.deed, Deed::TakeBackup { .. })).unwrap();
    assert!(action.reason.contains("full: backups at far go to a cold class"), "{}", action.reason);
    assert!(matches!(&action.deed, Deed::TakeBackup { earlier: None, .. }), "{action:?}");
}
