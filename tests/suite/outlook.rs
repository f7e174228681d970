//! What a plan does over time, what it costs, how soon data is back and which permissions it takes: from policy text and
//! made-up worlds.

use crate::support::desired;
use backstay::base::{BackupId, Sha256};
use backstay::catalog::{Backup, BackupObject, Layer, Method};
use backstay::plan::{
    Action, Asked, Deed, FolderState, Live, LiveStorage, Outlook, Phase, Plan, Prices, ReadStorage, SavedPlan, Scope,
    Symbol, Turn, outlook, plan,
};
use backstay::report::{self, Style};
use backstay::resource::{
    Availability, BucketPlace, Caller, Expiration, Filter, Found, Lifecycle, LifecycleRule, Resource, StorageClass,
    Transition, Versioning,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

const POLICY: &str = r#"
version: 1
name: shop
storage:
  local: { type: filesystem, path: /backups/local }
  offsite: { type: s3, bucket: shop-backups, region: eu-west-1, prefix: prod, prune: lifecycle }
tiers:
  daily:
    schedule: "0 2 * * *"
    copies: [{ to: local, keep: 7d }]
  monthly:
    schedule: "0 4 1 * *"
    copies: [{ to: offsite, keep: 90d, transitions: [{ after: 1d, to: GLACIER }] }]
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [daily, monthly]
    objectives: { rpo: 24h, rto: 1h }
"#;

const NOON: &str = "2026-11-20T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn backup(tier: &str, started: &str, bytes: u64) -> Backup {
    let started = at(started);
    Backup {
        id: BackupId::new(started, 7),
        policy: "shop".to_owned(),
        database: "app".to_owned(),
        tier: tier.to_owned(),
        method: Method::Logical,
        started_at: started,
        finished_at: started + SignedDuration::from_mins(3),
        server_version: "15.18".to_owned(),
        table_count: 3,
        layers: vec![Layer::Zstd { level: 3 }],
        objects: vec![BackupObject {
            name: "dump.zst".to_owned(),
            stored_bytes: bytes,
            plain_bytes: bytes,
            stored_sha256: Sha256::of(b""),
            lock: None,
            key: None,
            class: StorageClass::Standard,
        }],
        cluster: None,
        verified: None,
        missing: Vec::new(),
        lacking: Vec::new(),
        availability: Availability::Ready,
        protection: None,
        manifest_etag: String::new(),
    }
}

fn rule(days: u32, transitions: &[(u32, StorageClass)]) -> LifecycleRule {
    LifecycleRule {
        id: "backstay-shop-offsite-monthly".to_owned(),
        enabled: true,
        filter: Filter { prefix: "prod/data/monthly/".to_owned(), ..Filter::default() },
        transitions: transitions
            .iter()
            .map(|(days, class)| Transition { days: Some(*days), date: None, class: *class })
            .collect(),
        expiration: Some(Expiration::Days(days)),
        noncurrent_transitions: Vec::new(),
        noncurrent_expiration: None,
        abort_incomplete_days: None,
    }
}

fn lifecycle(rule: LifecycleRule) -> Resource {
    Resource::Lifecycle(Lifecycle { rules: vec![rule], minimum_object_size: None })
}

/// A world with the dailies of a week at `local` and these monthlies in a bucket whose rule is `rule`.
fn world(monthlies: Vec<Backup>, rule: LifecycleRule) -> Live {
    let mut live = Live::default();
    let folder = FolderState { mode: 0o700, n_other_modes: 0, owner: "postgres".into(), group: "postgres".into() };
    let mut local = ReadStorage {
        location: "/backups/local".to_owned(),
        folder: Some(folder),
        marker: Some("a1".to_owned()),
        ..ReadStorage::default()
    };
    local.contents.backups =
        (14..=20).map(|day| backup("daily", &format!("2026-11-{day}T02:00:01Z"), 1 << 30)).collect();
    let mut offsite = ReadStorage {
        location: "s3://shop-backups/prod".to_owned(),
        bucket: Some(BucketPlace {
            bucket: "shop-backups".to_owned(),
            region: "eu-west-1".to_owned(),
            prefix: "prod/".to_owned(),
            endpoint: None,
        }),
        marker: Some("b2".to_owned()),
        ..ReadStorage::default()
    };
    offsite.contents.backups = monthlies;
    live.storages.insert("local".to_owned(), LiveStorage::Read(Box::new(local)));
    live.storages.insert("offsite".to_owned(), LiveStorage::Read(Box::new(offsite)));
    live.resources.insert("storage/offsite/lifecycle".to_owned(), Found::There(lifecycle(rule)));
    live.resources
        .insert("storage/offsite/versioning".to_owned(), Found::There(Resource::Versioning(Versioning::Enabled)));
    let caller = Caller { account: "123456789012".into(), arn: "arn:aws:iam::123456789012:user/ops".into() };
    live.callers.insert("storage/offsite".to_owned(), caller);
    live
}

/// The step that writes the rules of the bucket.
fn writes(rule: LifecycleRule) -> Action {
    Action {
        address: "storage/offsite/lifecycle".to_owned(),
        symbol: Symbol::Change,
        phase: Phase::Infra,
        deed: Deed::Provision {
            storage: Some("offsite".to_owned()),
            access: None,
            resource: Box::new(lifecycle(rule)),
        },
        ..quiet()
    }
}

fn quiet() -> Action {
    let deed = Deed::CreateMarker { storage: "offsite".to_owned() };
    Action {
        address: String::new(),
        symbol: Symbol::Change,
        phase: Phase::Infra,
        deed,
        reason: "it is not as the policy says".to_owned(),
        changes: Vec::new(),
        depends_on: Vec::new(),
        bytes: None,
        irreversible: None,
        loosens: false,
    }
}

/// The plan of a world to which these steps are added, with its outlook.
fn planned(live: &Live, more: Vec<Action>) -> Plan {
    let desired = desired(POLICY);
    let mut plan = plan(&desired, live, at(NOON), &Scope::default());
    plan.notes.clear();
    // S3 deletes here; what else is wanted of the bucket is another test's business.
    plan.actions.retain(|action| !matches!(action.deed, Deed::Provision { .. } | Deed::PruneBackup { .. }));
    plan.guards.clear();
    plan.effects.clear();
    plan.actions.extend(more);
    plan.outlook = outlook(&desired, live, &plan, &Prices::built_in(), at(NOON));
    plan
}

/// The plan for people, without the line that sums it up.
fn told(plan: &Plan) -> String {
    let text = report::plan(plan, Style::PLAIN);
    text.split("\nPlan: ").next().unwrap().to_owned()
}

fn monthlies(class: StorageClass) -> Vec<Backup> {
    let mut all: Vec<Backup> =
        (6..=11).map(|month| backup("monthly", &format!("2026-{month:02}-01T04:00:00Z"), 10 << 30)).collect();
    all.iter_mut().flat_map(|backup| &mut backup.objects).for_each(|object| object.class = class);
    all
}

#[test]
fn a_shorter_retention_and_a_colder_class_are_told_day_by_day() {
    let live = world(monthlies(StorageClass::Standard), rule(365, &[]));
    let mut plan = planned(&live, vec![writes(rule(90, &[(1, StorageClass::Glacier)]))]);
    insta::assert_snapshot!(told(&plan));

    let forecast = plan.outlook.forecasts.pop().unwrap();
    assert!(plan.outlook.forecasts.is_empty(), "the plan leaves the dailies as they are");
    // June, July and August are older than 90 days: gone at the next midnight instead of a year after they were made.
    let first: Vec<_> = forecast.days.iter().filter(|day| day.on == "2026-11-21").collect();
    assert_eq!(first.iter().map(|day| day.backups.len()).collect::<Vec<_>>(), [3, 1, 1, 1]);
    assert_eq!(first[0].change, Turn::Moves(StorageClass::Glacier));
    assert_eq!(first[1].instead_of.as_deref(), Some("2027-06-02"));
    let ids: BTreeSet<&String> = forecast.days.iter().flat_map(|day| &day.backups).collect();
    assert_eq!(ids.len(), 6);
}

#[test]
fn nothing_is_foretold_of_a_plan_that_changes_nothing() {
    let live = world(monthlies(StorageClass::Glacier), rule(365, &[(1, StorageClass::Glacier)]));
    let plan = planned(&live, Vec::new());
    assert!(plan.is_empty(), "{:?}", plan.actions);
    let Outlook { forecasts, recovery, permissions, cost, callers } = plan.outlook;
    assert!(forecasts.is_empty() && recovery.is_empty() && permissions.is_empty());
    assert_eq!(callers["storage/offsite"].account, "123456789012");
    let cost = cost.unwrap();
    assert_eq!(cost.storages[0].before, cost.storages[0].after);
    // 60 GiB in GLACIER, with what archives keep beside each object.
    assert_eq!(cost.storages[0].month_before.unwrap().to_string(), "0.22");
}

#[test]
fn leaving_a_class_early_is_charged_for_the_days_that_are_missing() {
    let live = world(monthlies(StorageClass::StandardIa), rule(365, &[(1, StorageClass::StandardIa)]));
    let plan = planned(&live, vec![writes(rule(365, &[(1, StorageClass::Glacier)]))]);
    let cost = plan.outlook.cost.unwrap().storages.remove(0);
    let early = &cost.early[0];
    // Only November's has been there for less than 30 days: it came on the third and leaves on the 21st.
    assert_eq!((early.class, early.n_backups, early.most_days), (StorageClass::StandardIa, 1, 12));
    assert_eq!(early.amount.unwrap().to_string(), format!("{:.3}", 10.0 * 0.0125 * 12.0 / 30.0));
    assert!(cost.month_after < cost.month_before);
}

#[test]
fn a_server_that_is_not_aws_has_no_prices() {
    let mut live = world(monthlies(StorageClass::Standard), rule(365, &[]));
    if let Some(LiveStorage::Read(read)) = live.storages.get_mut("offsite") {
        read.bucket.as_mut().unwrap().endpoint = Some("https://minio.example.com".to_owned());
    }
    let plan = planned(&live, vec![writes(rule(90, &[]))]);
    assert_eq!(plan.outlook.cost, None);
    assert!(!plan.outlook.forecasts.is_empty());
}

#[test]
fn what_the_caller_lacks_is_named_with_what_it_is_for() {
    let live = world(monthlies(StorageClass::Standard)[..5].to_vec(), rule(365, &[]));
    let mut plan = planned(&live, vec![writes(rule(365, &[(1, StorageClass::Glacier)]))]);
    let needs = &mut plan.outlook.permissions[0];
    assert_eq!((needs.of.as_str(), &needs.asked), ("storage/offsite", &Asked::No));
    let questions = needs.questions();
    assert!(questions.iter().all(|question| question.resources.iter().all(|arn| !arn.contains('*'))));
    let asked: BTreeSet<String> = questions.iter().flat_map(|question| question.actions.clone()).collect();
    assert!(asked.contains("s3:PutLifecycleConfiguration") && asked.contains("s3:PutObject"));
    needs.answered(&["s3:PutLifecycleConfiguration".to_owned()].into());
    insta::assert_snapshot!(told(&plan));
    insta::assert_snapshot!(report::permission_list(&plan, Style::PLAIN));
}

#[test]
fn a_first_backup_is_told_with_what_it_protects_from() {
    let live = world(Vec::new(), rule(90, &[(1, StorageClass::Glacier)]));
    let mut live = live;
    if let Some(LiveStorage::Read(read)) = live.storages.get_mut("local") {
        read.contents.backups.clear();
    }
    let plan = planned(&live, Vec::new());
    let recovery = &plan.outlook.recovery[0];
    assert_eq!((recovery.loss_before_seconds, recovery.loss_after_seconds), (None, Some(86_400)));
    assert_eq!((recovery.thaw_before_seconds, recovery.thaw_after_seconds), (None, Some(0)));
    assert_eq!(plan.outlook.cost.unwrap().storages[0].n_unknown, 1);
}

#[test]
fn the_outlook_is_no_part_of_what_a_plan_is() {
    let live = world(monthlies(StorageClass::Standard), rule(365, &[]));
    let mut plan = planned(&live, vec![writes(rule(90, &[]))]);
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    let saved = SavedPlan { format_version: 1, tool: "backstay".to_owned(), plans: vec![plan.clone()] };
    let validator = jsonschema::validator_for(&backstay::plan::plan_schema()).unwrap();
    let value = serde_json::to_value(&saved).unwrap();
    let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let id = plan.id;
    plan.outlook = Outlook::default();
    let text = serde_json::to_string(&plan).unwrap();
    assert!(!text.contains("outlook"), "a plan from before there was one reads as it was");
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap().id, id);
}

#[test]
fn what_is_told_stays_short_however_many_databases_there_are() {
    let names: Vec<String> = (0..1_000).map(|n| format!("db{n:04}")).collect();
    let entries: String = names
        .iter()
        .map(|name| format!("  {name}: {{ connection: 'postgresql:///x', tiers: [daily, monthly] }}\n"))
        .collect();
    let text = format!("{}databases:\n{entries}", POLICY.split("databases:").next().unwrap());
    let all = names.iter().flat_map(|name| {
        let mut own = monthlies(StorageClass::Standard);
        own.iter_mut().for_each(|backup| backup.database.clone_from(name));
        own
    });
    let live = world(all.collect(), rule(365, &[]));
    let desired = desired(&text);
    let mut plan = plan(&desired, &live, at(NOON), &Scope::default());
    plan.actions.retain(|action| matches!(action.deed, Deed::TakeBackup { .. }));
    (plan.effects, plan.guards, plan.notes) = (Vec::new(), Vec::new(), Vec::new());
    plan.actions.push(writes(rule(90, &[(1, StorageClass::Glacier)])));
    plan.outlook = outlook(&desired, &live, &plan, &Prices::built_in(), at(NOON));
    assert_eq!((plan.outlook.forecasts.len(), plan.outlook.recovery.len()), (1_000, 1_000));
    let n_actions = plan.actions.len();
    plan.actions.clear();
    let lines = told(&plan).lines().count();
    assert!(n_actions > 1_000 && lines < 80, "{n_actions} actions, {lines} lines");
}
