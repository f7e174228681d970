//! Planning, from policy text and made-up worlds: what is done, in which order, what is guarded, when a plan is stale.

use crate::support::{at, backup, checked, desired, empty, nights, world};
use backstay::catalog::{Leftover, LeftoverKind, VerifyLevel};
use backstay::plan::{
    Approval, Deed, GuardKind, Live, LiveStorage, Phase, Plan, ReadStorage, Scope, compare, plan, refused,
};
use backstay::report::{self, Style};
use backstay::resource::Protection;
use jiff::SignedDuration;
use std::collections::BTreeSet;

pub const POLICY: &str = r#"
version: 1
name: shop
storage:
  local: { type: filesystem, path: /backups/local }
  vault: { type: filesystem, path: /mnt/vault }
tiers:
  daily:
    schedule: "0 2 * * *"
    copies:
      - { to: local, keep: 7d }
      - { to: vault, keep: { for: 30d, at_least: 5 } }
  manual:
    schedule: manual
    copies: [{ to: local, keep: { last: 2 } }]
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [daily, manual]
"#;

fn read_mut<'a>(live: &'a mut Live, name: &str) -> &'a mut ReadStorage {
    match live.storages.get_mut(name) {
        Some(LiveStorage::Read(read)) => read,
        other => panic!("{other:?}"),
    }
}

fn addresses(plan: &Plan) -> Vec<&str> {
    plan.actions.iter().map(|action| action.address.as_str()).collect()
}

const NOON: &str = "2026-11-20T12:00:00Z";
const NIGHT: &str = "2026-11-20T02:00:01Z";

#[test]
fn an_empty_world_gets_everything() {
    let mut live = Live::default();
    live.storages.insert("local".to_owned(), LiveStorage::Read(Box::new(empty("/backups/local"))));
    live.storages.insert("vault".to_owned(), LiveStorage::Unreadable("permission denied".to_owned()));
    let plan = plan(&desired(POLICY), &live, at(NOON), &Scope::default());
    insta::assert_snapshot!(report::plan(&plan, Style::PLAIN));
}

#[test]
fn when_all_is_well_there_is_nothing_to_do() {
    let live = world(nights("daily", at(NIGHT), 7), nights("daily", at(NIGHT), 30));
    let plan = plan(&desired(POLICY), &live, at(NOON), &Scope::default());
    assert_eq!(addresses(&plan), Vec::<&str>::new());
    assert_eq!(plan.n_unchanged, 4 + 37);
    insta::assert_snapshot!(report::plan(&plan, Style::PLAIN));
}

#[test]
fn a_due_backup_counts_before_anything_is_pruned() {
    let live = world(nights("daily", at("2026-11-19T02:00:01Z"), 7), nights("daily", at("2026-11-19T02:00:01Z"), 30));
    let plan = plan(&desired(POLICY), &live, at(NOON), &Scope::default());
    insta::assert_snapshot!(report::plan(&plan, Style::PLAIN));
    let prune = plan.actions.iter().find(|action| action.phase == Phase::Prune).unwrap();
    assert_eq!(prune.depends_on, ["backup/app/daily"]);
}

#[test]
fn a_missing_and_a_damaged_copy_are_brought_from_the_good_one() {
    let mut vault = nights("daily", at(NIGHT), 30);
    vault.pop();
    let bad = vault.last_mut().unwrap();
    *bad = checked(bad.clone(), at(NIGHT), VerifyLevel::Deep, &["digest differs"]);
    let live = world(nights("daily", at(NIGHT), 7), vault);
    let plan = plan(&desired(POLICY), &live, at(NOON), &Scope::default());
    let copies: Vec<_> = plan
        .actions
        .iter()
        .map(|action| match &action.deed {
            Deed::CopyBackup { id, from, to, replace, .. } => (id.as_str(), from.as_str(), to.as_str(), *replace),
            other => panic!("{other:?}"),
        })
        .collect();
    let ids: Vec<_> = nights("daily", at(NIGHT), 2).iter().map(|b| b.id.to_string()).collect();
    assert_eq!(copies, [(ids[0].as_str(), "local", "vault", true), (ids[1].as_str(), "local", "vault", false)]);
}

#[test]
fn an_overdue_backup_stops_pruning_and_a_taken_one_frees_it() {
    let old = nights("daily", at("2026-11-19T02:00:01Z"), 9);
    let live = world(old.clone(), old);
    let only = plan(&desired(POLICY), &live, at(NOON), &Scope::only(&[Phase::Prune]));
    assert!(!only.actions.is_empty());
    assert_eq!(only.guards[0].kind, GuardKind::NewestNotGood);
    assert_eq!(refused(&only, &Approval::default()).len(), only.actions.len());
    let all = plan(&desired(POLICY), &live, at(NOON), &Scope::default());
    assert!(all.guards.is_empty(), "{:?}", all.guards);
}

#[test]
fn a_clock_that_ran_ahead_stops_neither_backups_nor_keeps_old_ones_out() {
    let mut old = nights("daily", at("2026-11-19T02:00:01Z"), 9);
    old.extend(nights("daily", at("2027-03-01T02:00:01Z"), 40));
    let plan = plan(&desired(POLICY), &world(old.clone(), old), at(NOON), &Scope::default());
    assert!(addresses(&plan).contains(&"backup/app/daily"), "{plan:#?}");
    assert!(!addresses(&plan).iter().any(|address| address.contains("/2027")), "{plan:#?}");
    let notes: Vec<_> = plan.notes.iter().filter(|note| note.about == "backup/app/daily").collect();
    assert!(notes[0].message.starts_with("40 backups are dated in the future"), "{notes:?}");
}

#[test]
fn too_many_deletions_need_the_exact_number() {
    let live = world(nights("daily", at(NIGHT), 20), nights("daily", at(NIGHT), 30));
    let plan = plan(&desired(POLICY), &live, at(NOON), &Scope::default());
    let prunes = plan.actions.len();
    assert_eq!(prunes, 13);
    assert_eq!(plan.guards[0].kind, GuardKind::TooMany);
    assert!(plan.guards[0].hint.contains("--allow-prune app=13"), "{}", plan.guards[0].hint);
    let allow = |n| Approval { allow_prune: [("app".to_owned(), n)].into(), ..Approval::default() };
    assert_eq!(refused(&plan, &Approval::default()).len(), 13);
    assert_eq!(refused(&plan, &allow(12)).len(), 13);
    assert_eq!(refused(&plan, &allow(13)).len(), 0);
    insta::assert_snapshot!(report::plan(&plan, Style::PLAIN));
}

#[test]
fn backups_of_nobody_are_shown_and_never_deleted() {
    let mut local = nights("daily", at(NIGHT), 7);
    local.push(backup("gone", "daily", at("2020-01-01T00:00:00Z")));
    local.push(backup("app", "hourly", at("2020-01-01T00:00:00Z")));
    let plan = plan(&desired(POLICY), &world(local, nights("daily", at(NIGHT), 30)), at(NOON), &Scope::default());
    assert!(plan.is_empty());
    insta::assert_snapshot!(report::plan(&plan, Style::PLAIN));
}

#[test]
fn a_policy_never_decides_over_the_backups_of_another() {
    let mut theirs = nights("daily", at("2026-01-01T02:00:01Z"), 20);
    theirs.iter_mut().for_each(|backup| backup.policy = "warehouse".to_owned());
    let mut local = nights("daily", at(NIGHT), 7);
    local.extend(theirs);
    let made = plan(&desired(POLICY), &world(local, nights("daily", at(NIGHT), 30)), at(NOON), &Scope::default());
    assert!(made.is_empty(), "{:?}", addresses(&made));
    let note = "20 backups of app (daily), 20.0 MiB, belong to the policy `warehouse`: shown, never deleted";
    assert!(made.notes.iter().any(|said| said.message == note), "{:?}", made.notes);
}

#[test]
fn leftovers_are_cleared_unless_a_run_may_still_write_them() {
    let mut live = world(nights("daily", at(NIGHT), 7), nights("daily", at(NIGHT), 30));
    let leftover = |id: &str, in_use| Leftover {
        protection: Protection::Free,
        database: "app".into(),
        tier: "daily".into(),
        id: id.into(),
        kind: LeftoverKind::Data,
        keys: vec![format!("data/daily/app/{id}/dump.zst")],
        bytes: 99,
        modified: at(NIGHT).as_second(),
        in_use,
    };
    read_mut(&mut live, "local").contents.leftovers =
        vec![leftover("20261118T020000Z-aaaa", false), leftover("20261120T115900Z-bbbb", true)];
    let plan = plan(&desired(POLICY), &live, at(NOON), &Scope::default());
    assert_eq!(addresses(&plan), ["leftover/local/data/app/daily/20261118T020000Z-aaaa"]);
    assert!(plan.notes.iter().any(|note| note.message.contains("goes on")));
}

#[test]
fn an_upload_to_a_bucket_is_kept_while_its_copy_is_wanted() {
    let bucket = "vault: { type: s3, bucket: shop-vault }";
    let policy = desired(&POLICY.replace("vault: { type: filesystem, path: /mnt/vault }", bucket));
    let newest = backup("app", "daily", at(NIGHT));
    let open = |id: &str| Leftover {
        protection: Protection::Free,
        database: "app".into(),
        tier: "daily".into(),
        id: id.into(),
        kind: LeftoverKind::UnfinishedUpload,
        keys: vec![format!("data/daily/app/{id}/dump.zst")],
        bytes: 5 << 20,
        modified: at(NIGHT).as_second(),
        in_use: false,
    };
    let nobodys = "20261118T020000Z-aaaa";
    let mut vault = nights("daily", at(NIGHT), 30);
    vault.pop();
    let mut live = world(nights("daily", at(NIGHT), 7), vault);
    read_mut(&mut live, "vault").contents.leftovers = vec![open(newest.id.as_str()), open(nobodys)];
    let (copy, left) =
        (format!("copy/vault/app/daily/{}", newest.id), format!("leftover/vault/upload/app/daily/{nobodys}"));
    let made = plan(&policy, &live, at(NOON), &Scope::default());
    assert_eq!(addresses(&made), [copy.as_str(), &left]);
    assert!(made.notes.iter().any(|note| note.message.ends_with("the copy goes on from there")), "{:?}", made.notes);
    // A plan that copies nothing leaves it alone all the same.
    let prune = plan(&policy, &live, at(NOON), &Scope::only(&[Phase::Prune]));
    assert_eq!(addresses(&prune), [&left]);
    // Where the copy would come from cannot be seen: nobody knows.
    let mut blind = live.clone();
    blind.storages.insert("local".to_owned(), LiveStorage::Unreadable("permission denied".to_owned()));
    let made = plan(&policy, &blind, at(NOON), &Scope::only(&[Phase::Prune]));
    assert!(addresses(&made).is_empty(), "{:?}", addresses(&made));
    assert!(made.notes.iter().any(|note| note.message.contains("is known once local can be read")), "{:?}", made.notes);
    // Once the copy is there, and where only another tier goes there, it is nobody's.
    read_mut(&mut live, "vault").contents.backups.push(newest.clone());
    let made = plan(&policy, &live, at(NOON), &Scope::default());
    assert_eq!(addresses(&made), [left.clone(), format!("leftover/vault/upload/app/daily/{}", newest.id)]);
}

#[test]
fn scope_narrows_to_parts_and_addresses_and_keeps_what_they_need() {
    let mut live = Live::default();
    live.storages.insert("local".to_owned(), LiveStorage::Read(Box::new(empty("/backups/local"))));
    live.storages.insert("vault".to_owned(), LiveStorage::Read(Box::new(empty("/mnt/vault"))));
    let policy = desired(POLICY);
    let all = plan(&policy, &live, at(NOON), &Scope::default());
    assert_eq!(all.actions.len(), 5);
    let backups = plan(&policy, &live, at(NOON), &Scope::only(&[Phase::Backups]));
    assert_eq!(addresses(&backups), addresses(&all));
    let target = Scope { only: Vec::new(), targets: vec!["storage/local".to_owned()], ..Scope::default() };
    let local = plan(&policy, &live, at(NOON), &target);
    assert_eq!(addresses(&local), ["storage/local/folder", "storage/local/marker"]);
}

#[test]
fn time_alone_does_not_change_the_identity_of_a_plan() {
    let live = world(nights("daily", at("2026-11-18T02:00:01Z"), 7), nights("daily", at("2026-11-18T02:00:01Z"), 30));
    let policy = desired(POLICY);
    let one = plan(&policy, &live, at("2026-11-20T03:00:00Z"), &Scope::only(&[Phase::Backups]));
    let two = plan(&policy, &live, at("2026-11-20T04:30:00Z"), &Scope::only(&[Phase::Backups]));
    assert_eq!(one.id, two.id);
    assert_ne!(one.actions[0].reason, two.actions[0].reason);
}

#[test]
fn a_saved_plan_holds_until_something_that_matters_moves() {
    let nights = |n| nights("daily", at("2026-11-19T02:00:01Z"), n);
    let policy = desired(POLICY);
    let live = world(nights(8), nights(30));
    let make = |live: &Live| plan(&policy, live, at(NOON), &Scope::default());
    let saved = make(&live);
    assert!(compare(&saved, &make(&live)).holds());

    // Someone else took the backup: less to do.
    let mut taken = world(nights(8), nights(30));
    read_mut(&mut taken, "local").contents.backups.push(backup("app", "daily", at(NOON)));
    read_mut(&mut taken, "vault").contents.backups.push(backup("app", "daily", at(NOON)));
    let standing = compare(&saved, &make(&taken));
    assert!(standing.holds(), "{standing:?}");
    assert!(standing.already_done.contains("backup/app/daily"));

    // Someone else deleted exactly what was to be pruned: less to do.
    let pruned: BTreeSet<String> = saved
        .actions
        .iter()
        .filter_map(|action| match &action.deed {
            Deed::PruneBackup { id, storage, .. } if storage == "local" => Some(id.clone()),
            _ => None,
        })
        .collect();
    assert!(!pruned.is_empty());
    let mut fewer = world(nights(8), nights(30));
    read_mut(&mut fewer, "local").contents.backups.retain(|b| !pruned.contains(b.id.as_str()));
    assert!(compare(&saved, &make(&fewer)).holds());

    // A kept backup is gone.
    let mut lost = world(nights(8), nights(30));
    read_mut(&mut lost, "vault").contents.backups.remove(20);
    let fresh = make(&lost);
    let standing = compare(&saved, &fresh);
    assert!(!standing.holds());
    insta::assert_snapshot!(report::stale(&saved, &fresh, &standing.differences, Style::PLAIN));

    // The folder was opened up.
    let mut open = world(nights(8), nights(30));
    read_mut(&mut open, "local").folder.as_mut().unwrap().mode = 0o755;
    assert!(!compare(&saved, &make(&open)).holds());

    // The policy means something else.
    let other = desired(&POLICY.replace("keep: 7d", "keep: 8d"));
    assert!(!compare(&saved, &plan(&other, &live, at(NOON), &Scope::default())).holds());
    // The policy is written differently and means the same.
    let same = desired(&POLICY.replace("name: shop", "name: shop   # the shop"));
    assert!(compare(&saved, &plan(&same, &live, at(NOON), &Scope::default())).holds());
}

#[test]
fn the_schema_is_that_of_the_types_and_holds_for_a_plan() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/plan.v1.json");
    let schema = backstay::plan::plan_schema();
    let wanted = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == wanted, "{} is old: run `BLESS=1 cargo test --test suite planning`", path.display());
    let live = world(nights("daily", at(NIGHT), 20), nights("daily", at("2026-11-18T02:00:01Z"), 3));
    let plans = vec![plan(&desired(POLICY), &live, at(NOON), &Scope::default())];
    let saved = backstay::plan::SavedPlan { format_version: 1, tool: "backstay".to_owned(), plans };
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value = serde_json::to_value(&saved).unwrap();
    let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert!(!validator.is_valid(&serde_json::json!({"format_version": 1})));
    assert_eq!(serde_json::from_value::<backstay::plan::SavedPlan>(value).unwrap(), saved);
}

#[test]
fn over_400_days_exactly_the_promised_backups_remain() {
    let policy = desired(
        r#"
version: 1
name: shop
storage:
  local: { type: filesystem, path: /backups/local }
  vault: { type: filesystem, path: /mnt/vault }
tiers:
  daily: { schedule: "0 2 * * *", copies: [{ to: local, keep: 30d }, { to: vault, keep: { last: 7 } }] }
  weekly: { schedule: "0 3 * * SUN", copies: [{ to: vault, keep: 90d }] }
  monthly: { schedule: "0 4 1 * *", copies: [{ to: vault, keep: 1y }] }
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [daily, weekly, monthly] }
"#,
    );
    let mut live = world(Vec::new(), Vec::new());
    let start = at("2026-01-01T12:00:00Z");
    for day in 0..400_i64 {
        let now = start + SignedDuration::from_hours(24 * day);
        let made = plan(&policy, &live, now, &Scope::default());
        assert!(made.guards.is_empty(), "day {day}: {:?}", made.guards);
        for action in &made.actions {
            match &action.deed {
                Deed::TakeBackup { database, tier, storages, .. } => {
                    for storage in storages {
                        read_mut(&mut live, storage).contents.backups.push(backup(database, tier, now));
                    }
                }
                Deed::PruneBackup { tier, id, storage, .. } => {
                    read_mut(&mut live, storage).contents.backups.retain(|b| b.id.as_str() != id || &b.tier != tier);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(plan(&policy, &live, now, &Scope::default()).is_empty(), "day {day}: a second plan is not empty");
        let count = |storage: &str, tier: &str| {
            live.read(storage).unwrap().contents.backups.iter().filter(|b| b.tier == tier).count() as i64
        };
        let taken = day + 1;
        assert_eq!(count("local", "daily"), taken.min(30), "day {day}");
        assert_eq!(count("vault", "daily"), taken.min(7), "day {day}");
        // 2026-01-04 is the first Sunday; the first weekly backup is taken on the first day, because none existed.
        let sundays = (0..=day).filter(|d| *d == 0 || d % 7 == 3).filter(|d| day - d < 90).count() as i64;
        let weeklies = (0..=day).filter(|d| *d == 0 || d % 7 == 3).count() as i64;
        assert_eq!(count("vault", "weekly"), sundays.max(weeklies.min(3)), "day {day}");
        let firsts: Vec<i64> =
            (0..=day).filter(|d| (start + SignedDuration::from_hours(24 * d)).to_string()[8..10] == *"01").collect();
        let kept = firsts.iter().filter(|d| day - **d < 365).count();
        assert_eq!(count("vault", "monthly"), kept.max(firsts.len().min(3)) as i64, "day {day}");
    }
}
