//! Lifecycle rules of others in a bucket of the policy: which are an error of the plan, on which day the first copy would
//! be lost, which are kept without a word. From policy text and made-up worlds.

use crate::support::{at, desired};
use backstay::base::{BackupId, Sha256};
use backstay::catalog::{Backup, BackupObject, Layer, Method};
use backstay::plan::{
    Approval, GuardKind, Live, LiveStorage, Phase, Plan, ReadStorage, SavedPlan, Scope, compare, plan, refused,
};
use backstay::report::{self, Style};
use backstay::resource::{
    Availability, BucketPlace, Expiration, Filter, Found, Lifecycle, LifecycleRule, Noncurrent, Resource, StorageClass,
    Transition,
};
use jiff::Timestamp;
use proptest::prelude::*;

const POLICY: &str = r#"
version: 1
name: shop
storage:
  offsite: { type: s3, bucket: shop-backups, region: eu-west-1, prefix: prod }
tiers:
  daily:
    schedule: "0 2 * * *"
    copies: [{ to: offsite, keep: 14d }]
  monthly:
    schedule: "0 4 1 * *"
    copies: [{ to: offsite, keep: 1y, transitions: [{ after: 30d, to: GLACIER }] }]
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [daily, monthly] }
"#;

const NOON: &str = "2026-11-20T12:00:00Z";

fn backup(tier: &str, started: &str) -> Backup {
    let started = at(started);
    Backup {
        id: BackupId::new(started, 7),
        policy: "shop".to_owned(),
        database: "app".to_owned(),
        tier: tier.to_owned(),
        method: Method::Logical,
        started_at: started,
        finished_at: started,
        server_version: "15.18".to_owned(),
        table_count: 3,
        layers: vec![Layer::Zstd { level: 3 }],
        objects: vec![BackupObject {
            name: "dump.zst".to_owned(),
            stored_bytes: 1 << 20,
            plain_bytes: 1 << 22,
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

/// A rule of somebody else that does nothing yet.
fn rule(prefix: &str) -> LifecycleRule {
    LifecycleRule {
        id: "cleanup".to_owned(),
        enabled: true,
        filter: Filter { prefix: prefix.to_owned(), ..Filter::default() },
        transitions: Vec::new(),
        expiration: None,
        noncurrent_transitions: Vec::new(),
        noncurrent_expiration: None,
        abort_incomplete_days: None,
    }
}

fn expiring(prefix: &str, days: u32) -> LifecycleRule {
    LifecycleRule { expiration: Some(Expiration::Days(days)), ..rule(prefix) }
}

fn freezing(prefix: &str, days: u32, class: StorageClass) -> LifecycleRule {
    LifecycleRule { transitions: vec![Transition { days: Some(days), date: None, class }], ..rule(prefix) }
}

/// A bucket that holds these backups, is as wanted otherwise, and has these rules beside ours.
fn world(backups: Vec<Backup>, rules: Vec<LifecycleRule>) -> Live {
    let mut live = Live::default();
    let mut read = ReadStorage {
        location: "s3://shop-backups/prod".to_owned(),
        bucket: Some(BucketPlace {
            bucket: "shop-backups".to_owned(),
            region: "eu-west-1".to_owned(),
            prefix: "prod/".to_owned(),
            endpoint: None,
        }),
        marker: Some("a1".to_owned()),
        ..ReadStorage::default()
    };
    read.contents.backups = backups;
    live.storages.insert("offsite".to_owned(), LiveStorage::Read(Box::new(read)));
    let ours = LifecycleRule {
        id: "backstay-shop-data/offsite/monthly".to_owned(),
        ..freezing("prod/data/monthly/", 30, StorageClass::Glacier)
    };
    let rules = [ours].into_iter().chain(rules).collect();
    let lifecycle = Resource::Lifecycle(Lifecycle { rules, minimum_object_size: None });
    live.resources.insert("storage/offsite/lifecycle".to_owned(), Found::There(lifecycle));
    live
}

/// A daily of each of these days of November and a monthly of each of these months, all young enough to be kept.
fn backups() -> Vec<Backup> {
    let daily = (7..=20).map(|day| backup("daily", &format!("2026-11-{day:02}T02:00:01Z")));
    let monthly = (3..=11).map(|month| backup("monthly", &format!("2026-{month:02}-01T04:00:01Z")));
    daily.chain(monthly).collect()
}

fn planned(live: &Live) -> Plan {
    plan(&desired(POLICY), live, at(NOON), &Scope::default())
}

/// Tier and message of each error that rules of others are.
fn errors(rules: Vec<LifecycleRule>) -> Vec<(String, String)> {
    let plan = planned(&world(backups(), rules));
    let found = plan.guards.iter().filter(|guard| guard.kind == GuardKind::ForeignRule);
    found.map(|guard| (guard.tier.clone(), guard.message.clone())).collect()
}

fn tiers(rules: Vec<LifecycleRule>) -> Vec<String> {
    errors(rules).into_iter().map(|(tier, _)| tier).collect()
}

#[test]
fn an_expiration_of_everything_names_rule_tier_and_day() {
    let mut live = world(backups(), vec![expiring("", 30)]);
    // Nothing is left of ours, so the plan also has a step of its own, which waits.
    let Some(Found::There(Resource::Lifecycle(lifecycle))) = live.resources.get_mut("storage/offsite/lifecycle") else {
        panic!("no rules")
    };
    lifecycle.rules.remove(0);
    let plan = planned(&live);
    insta::assert_snapshot!(report::plan(&plan, Style::PLAIN));
    assert!(plan.is_refused());
    let refused = refused(&plan, &Approval::default());
    assert_eq!(refused.keys().collect::<Vec<_>>(), [&"storage/offsite/lifecycle"]);
}

#[test]
fn the_first_loss_is_that_of_the_first_copy_that_would_have_stayed() {
    // All monthlies older than 100 days go at the next midnight.
    let at_once = errors(vec![expiring("", 100)]);
    assert!(at_once[0].1.ends_with("keeps them for 1y: the first is lost on 2026-11-21"), "{at_once:?}");
    // The oldest of March is 265 days old: a rule of 300 days takes it on the 300th.
    let later = errors(vec![expiring("prod/", 300)]);
    assert!(later[0].1.ends_with("the first is lost on 2026-12-27"), "{later:?}");
    // Without any backup it is the one that is taken now.
    let plan = planned(&world(Vec::new(), vec![expiring("", 300)]));
    assert!(plan.guards[0].message.ends_with("the first is lost on 2027-09-17"), "{:?}", plan.guards);
}

#[test]
fn what_falls_on_nothing_or_late_enough_is_kept_without_a_word() {
    let mut disabled = expiring("", 1);
    disabled.enabled = false;
    let mut tagged = expiring("", 1);
    tagged.filter.tags.insert("scratch".to_owned(), "yes".to_owned());
    let mut markers = rule("");
    markers.expiration = Some(Expiration::DeleteMarkers);
    let mut abort = rule("");
    abort.abort_incomplete_days = Some(1);
    let mut warm = freezing("", 1, StorageClass::GlacierIr);
    warm.transitions[0].class = StorageClass::StandardIa;
    let mut versions = rule("");
    versions.noncurrent_expiration = Some(Noncurrent { days: 1, keep_newest: None, class: None });
    let mut old = rule("");
    old.noncurrent_transitions = vec![Noncurrent { days: 1, keep_newest: None, class: Some(StorageClass::Glacier) }];
    let harmless = [
        disabled,
        tagged,
        markers,
        abort,
        warm,
        versions,
        old,
        expiring("", 365),
        expiring("logs/", 1),
        expiring("prod/data/yearly/", 1),
        expiring("prod/data/daily/app2/", 1),
        expiring("prod/lock/", 1),
        freezing("prod/data/monthly/", 30, StorageClass::Glacier),
        freezing("prod/data/daily/", 14, StorageClass::DeepArchive),
        LifecycleRule { expiration: Some(Expiration::Date("2036-01-01".to_owned())), ..rule("logs/") },
    ];
    for rule in harmless {
        let plan = planned(&world(backups(), vec![rule.clone()]));
        assert!(plan.guards.is_empty() && plan.notes.is_empty(), "{rule:?}: {:?} {:?}", plan.guards, plan.notes);
    }
}

#[test]
fn any_filter_that_may_fall_on_a_tier_counts() {
    for prefix in ["", "p", "prod/", "prod/data/monthly/", "prod/data/monthly/app/", "prod/data/monthly/app/2027"] {
        assert!(tiers(vec![expiring(prefix, 60)]).contains(&"monthly".to_owned()), "{prefix}");
    }
    // A backup without its manifest is none.
    assert_eq!(tiers(vec![expiring("prod/manifest/daily/", 7)]), ["daily"]);
    let mut small = expiring("", 7);
    small.filter.smaller_than = Some(1 << 10);
    assert_eq!(tiers(vec![small]), ["daily", "monthly"]);
    // Manifests are small, and the next dump may be of any size.
    let mut large = expiring("prod/", 7);
    large.filter.larger_than = Some(1 << 30);
    assert_eq!(tiers(vec![large]), ["daily", "monthly"]);
}

#[test]
fn a_move_to_a_cold_class_that_the_policy_does_not_make_is_an_error() {
    assert_eq!(tiers(vec![freezing("", 10, StorageClass::Glacier)]), ["daily", "monthly"]);
    assert_eq!(tiers(vec![freezing("", 20, StorageClass::Glacier)]), ["monthly"], "earlier than the policy");
    assert_eq!(tiers(vec![freezing("", 60, StorageClass::DeepArchive)]), ["monthly"], "colder than the policy");
    let told = errors(vec![freezing("", 20, StorageClass::Glacier)]);
    assert!(told[0].1.ends_with("the policy wants them readable then: the first is frozen on 2026-11-22"), "{told:?}");
    // Where small files move too, manifests are frozen with the rest.
    let mut live = world(backups(), vec![freezing("prod/manifest/", 300, StorageClass::Glacier)]);
    assert!(!planned(&live).is_refused());
    if let Some(Found::There(Resource::Lifecycle(lifecycle))) = live.resources.get_mut("storage/offsite/lifecycle") {
        lifecycle.minimum_object_size = Some("varies_by_storage_class".to_owned());
    }
    assert!(planned(&live).is_refused());
}

#[test]
fn a_date_is_an_error_once_it_would_take_something_that_is_kept() {
    let on = |day: &str| LifecycleRule { expiration: Some(Expiration::Date(day.to_owned())), ..rule("") };
    let near = errors(vec![on("2027-01-31")]);
    assert_eq!(near.len(), 1, "dailies of today are gone by then: {near:?}");
    assert!(near[0].1.contains("from 2027-01-31 on") && near[0].1.ends_with("lost on 2027-01-31"), "{near:?}");
    let past = errors(vec![on("2020-01-01")]);
    assert!(past.len() == 2 && past.iter().all(|(_, text)| text.ends_with("lost on 2026-11-21")), "{past:?}");
    let far = planned(&world(backups(), vec![on("2036-01-01")]));
    assert!(!far.is_refused() && far.notes.len() == 2, "{:?}", far.notes);
}

#[test]
fn counts_are_promises_and_the_floor_is_told() {
    let with = |keep: &str, schedule: &str, days: u32| {
        let text = POLICY.replace("keep: 14d", keep).replace("0 2 * * *", schedule);
        plan(&desired(&text), &world(Vec::new(), vec![expiring("prod/data/daily/", days)]), at(NOON), &Scope::default())
    };
    assert!(with("keep: { last: 7 }", "0 2 * * *", 6).is_refused());
    assert!(!with("keep: { last: 7 }", "0 2 * * *", 7).is_refused());
    assert!(with("keep: { last: 7 }", "manual", 3650).is_refused(), "nobody knows when seven newer ones exist");
    assert!(with("keep: { for: 2d, at_least: 7 }", "0 2 * * *", 6).is_refused());
    let floor = with("keep: 2d", "0 2 * * *", 2);
    assert!(!floor.is_refused());
    assert!(floor.notes.iter().any(|note| note.message.contains("`safety.keep_at_least: 3` does not hold")));
}

#[test]
fn old_versions_stay_as_long_as_the_policy_says() {
    let managed = POLICY.replace("prefix: prod }", "prefix: prod, manage: { noncurrent_versions: 30d } }");
    let with = |days, keep_newest| {
        let ends = Some(Noncurrent { days, keep_newest, class: None });
        let live = world(backups(), vec![LifecycleRule { noncurrent_expiration: ends, ..rule("") }]);
        plan(&desired(&managed), &live, at(NOON), &Scope::default())
    };
    let early = with(7, None);
    let guard = &early.guards.iter().find(|guard| guard.kind == GuardKind::ForeignRule).unwrap();
    assert!(guard.message.contains("keeps them for 30d: what is overwritten or deleted now is lost on 2026-11-28"));
    assert!(!with(30, None).is_refused() && !with(7, Some(1)).is_refused());
}

#[test]
fn what_only_protects_goes_on_and_everything_else_waits() {
    let mut due = backups();
    due.retain(|backup| !backup.id.as_str().starts_with("20261120"));
    due.extend((1..=6).map(|day| backup("daily", &format!("2026-11-{day:02}T02:00:01Z"))));
    let live = world(due.clone(), vec![expiring("", 7)]);
    let made = planned(&live);
    let refused = refused(&made, &Approval::default());
    let phase = |phase| made.actions.iter().filter(move |action| action.phase == phase);
    assert!(phase(Phase::Prune).count() > 0 && phase(Phase::Backups).count() == 1);
    assert!(phase(Phase::Prune).all(|action| refused.contains_key(action.address.as_str())));
    assert!(phase(Phase::Backups).all(|action| !refused.contains_key(action.address.as_str())));
    // Asked for backups alone, it is told and stops nothing.
    let only = plan(&desired(POLICY), &live, at(NOON), &Scope::only(&[Phase::Backups]));
    assert!(!only.is_refused() && only.notes.iter().any(|note| note.message.contains("`cleanup`")), "{:?}", only.notes);
    // A rule that came after the plan was saved makes the plan stale when it has steps that would wait.
    let before = planned(&world(due, Vec::new()));
    assert!(!compare(&before, &made).holds());
    assert!(compare(&made, &made).holds());
    let saved = SavedPlan { format_version: 1, tool: "backstay".to_owned(), plans: vec![made.clone()] };
    let text = serde_json::to_string(&saved).unwrap();
    assert_eq!(serde_json::from_str::<SavedPlan>(&text).unwrap().plans, [made]);
}

#[test]
fn databases_that_could_not_be_listed_are_promised_too() {
    let text = POLICY.replace("tiers: [daily, monthly] }", "match: { include: ['*'] }, tiers: [daily] }");
    let mut live = world(Vec::new(), vec![expiring("prod/data/daily/app.shop/", 7)]);
    live.matched.insert("app".to_owned(), Err("no route to host".to_owned()));
    let plan = plan(&desired(&text), &live, at(NOON), &Scope::default());
    assert!(plan.guards[0].message.ends_with("keeps them for 14d: any that is made"), "{:?}", plan.guards);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A rule over everything is refused exactly when it acts before the tier's last promised day, whatever there is
    /// now, and no copy is lost before the day that is named.
    #[test]
    fn a_rule_is_refused_exactly_when_it_is_too_early(
        kept in 4_u32..400,
        acts in 1_u32..400,
        ages in prop::collection::btree_set(0_i64..400, 0..6),
        hour in 0_i64..24,
    ) {
        let text = POLICY.replace("keep: 14d", &format!("keep: {kept}d")).replace("[daily, monthly]", "[daily]");
        let now = at(NOON) + jiff::SignedDuration::from_hours(hour);
        let started = |age: &i64| now - jiff::SignedDuration::from_hours(24 * age + 1);
        let made: Vec<Backup> = ages.iter().map(|age| backup("daily", &started(age).to_string())).collect();
        let made_at: Vec<Timestamp> = made.iter().map(|backup| backup.started_at).collect();
        let live = world(made, vec![expiring("", acts)]);
        let plan = plan(&desired(&text), &live, now, &Scope::default());
        prop_assert_eq!(plan.is_refused(), acts < kept, "{} of {}", acts, kept);
        if let Some(guard) = plan.guards.iter().find(|guard| guard.kind == GuardKind::ForeignRule) {
            let day: jiff::civil::Date = guard.message.rsplit(' ').next().unwrap().parse().unwrap();
            let day = day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
            prop_assert!(day >= now);
            let after = |from: Timestamp, days: u32| from + jiff::SignedDuration::from_hours(24 * i64::from(days));
            let is_kept = |made: &&Timestamp| after(**made, kept) > now;
            let is_not_before = |made: &Timestamp| after(*made, acts + 1) >= day || day <= after(now, 1);
            prop_assert!(made_at.iter().filter(is_kept).all(is_not_before));
        }
    }
}
