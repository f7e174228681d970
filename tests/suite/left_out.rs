//! What a plan cannot hold because something is not known: it is told, and nothing that stands already is taken away for
//! it. From policy text and made-up worlds.

use crate::support::{at, desired};
use backstay::plan::{Live, LiveStorage, Note, Plan, ReadStorage, Scope, plan};
use backstay::resource::{
    AccessKey, BucketPlace, Caller, Filter, Found, Grants, Lifecycle, LifecycleRule, Orphan, Principal, Resource,
    StorageClass, Transition, Versioning,
};

const POLICY: &str = r#"
version: 1
name: shop
storage:
  one: { type: s3, bucket: shop-backups, region: eu-west-1, prefix: one }
  two: { type: s3, bucket: shop-backups, region: eu-west-1, prefix: two, manage: { encryption: { type: sse-kms, key: "${env:KEY}" } } }
tiers:
  daily:
    schedule: manual
    copies:
      - { to: one, keep: 90d, transitions: [{ after: 30d, to: GLACIER }] }
      - { to: two, keep: 90d, transitions: [{ after: 30d, to: GLACIER }] }
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [daily] }
access:
  reader: { type: iam-user, name: shop-reader, grants: [read], storage: [two] }
"#;

fn read(prefix: &str) -> LiveStorage {
    let place = BucketPlace {
        bucket: "shop-backups".to_owned(),
        region: "eu-west-1".to_owned(),
        prefix: format!("{prefix}/"),
        endpoint: None,
    };
    let location = format!("s3://shop-backups/{prefix}");
    let marker = Some("a1".to_owned());
    LiveStorage::Read(Box::new(ReadStorage { location, bucket: Some(place), marker, ..ReadStorage::default() }))
}

fn rule(storage: &str) -> LifecycleRule {
    LifecycleRule {
        id: format!("backstay-shop-data/{storage}/daily"),
        enabled: true,
        filter: Filter { prefix: format!("{storage}/data/daily/"), ..Filter::default() },
        transitions: vec![Transition { days: Some(30), date: None, class: StorageClass::Glacier }],
        expiration: None,
        noncurrent_transitions: Vec::new(),
        noncurrent_expiration: None,
        abort_incomplete_days: None,
    }
}

/// A world in which both storages and everything that the policy wants of lifecycle rules are there.
fn world() -> Live {
    let mut live = Live::default();
    let caller = Caller { account: "123456789012".into(), arn: "arn:aws:iam::123456789012:user/ops".into() };
    for storage in ["one", "two"] {
        live.storages.insert(storage.to_owned(), read(storage));
        let lifecycle = Lifecycle { rules: vec![rule("one"), rule("two")], minimum_object_size: None };
        let found = Found::There(Resource::Lifecycle(lifecycle));
        live.resources.insert(format!("storage/{storage}/lifecycle"), found);
        live.callers.insert(format!("storage/{storage}"), caller.clone());
    }
    live.callers.insert("access/reader".to_owned(), caller);
    live.texts.insert("storage.two.manage.encryption.key".to_owned(), Ok("1234-abcd".to_owned()));
    live
}

fn planned(live: &Live, scope: &Scope) -> Plan {
    plan(&desired(POLICY), live, at("2026-11-20T12:00:00Z"), scope)
}

fn note<'a>(plan: &'a Plan, about: &str) -> Option<&'a Note> {
    plan.notes.iter().find(|note| note.about == about)
}

fn has(plan: &Plan, address: &str) -> bool {
    plan.actions.iter().any(|action| action.address == address)
}

#[test]
fn rules_of_a_storage_that_cannot_be_read_stay_in_the_bucket() {
    let mut live = world();
    let whole = planned(&live, &Scope::default());
    assert!(!has(&whole, "storage/two/lifecycle") && note(&whole, "storage/two").is_none(), "{:?}", whole.notes);
    live.storages.insert("one".to_owned(), LiveStorage::Unreadable("its credentials are expired".to_owned()));
    let plan = planned(&live, &Scope::default());
    assert!(!has(&plan, "storage/two/lifecycle") && !has(&plan, "storage/two/policy"), "{:?}", plan.actions);
    let told = note(&plan, "storage/two").unwrap();
    assert!(told.is_problem && told.message.contains("the storage `one` may lie in it"), "{told:?}");
    // One that cannot lie there hides nothing.
    let elsewhere = POLICY.replacen("bucket: shop-backups", "bucket: shop-elsewhere", 1);
    let made = backstay::plan::plan(&desired(&elsewhere), &live, at("2026-11-20T12:00:00Z"), &Scope::default());
    assert!(has(&made, "storage/two/lifecycle"), "what `one` wanted here goes: {:?}", made.notes);
}

#[test]
fn grants_are_not_narrowed_by_who_knows_less() {
    let grants = |live: &Live| -> Option<String> {
        let wanted = backstay::plan::wanted(&desired(POLICY), live);
        let found = wanted.into_iter().find(|wanted| wanted.address == "access/reader/grants");
        found.map(|wanted| match wanted.resource {
            Resource::Grants(Grants { document, .. }) => document.to_string(),
            other => panic!("{other:?}"),
        })
    };
    let mut live = world();
    let known = grants(&live).unwrap();
    assert!(known.contains("key/1234-abcd") && !known.contains("GetObjectVersion"), "{known}");
    let versioning = "storage/two/versioning".to_owned();
    live.resources.insert(versioning.clone(), Found::There(Resource::Versioning(Versioning::Enabled)));
    let versioned = grants(&live).unwrap();
    assert!(versioned.contains("GetObjectVersion"), "{versioned}");
    live.resources.insert(versioning, Found::Unreadable("denied".to_owned()));
    assert_eq!(grants(&live).unwrap(), versioned);
    live.texts.insert("storage.two.manage.encryption.key".to_owned(), Err("`KEY` is not set".to_owned()));
    assert_eq!(grants(&live), None);
    let plan = planned(&live, &Scope::default());
    for about in ["storage.two.manage.encryption.key", "access/reader/grants"] {
        assert!(note(&plan, about).is_some_and(|note| note.is_problem), "{about}: {:?}", plan.notes);
    }
}

#[test]
fn who_is_not_asked_for_any_more_goes_only_by_name() {
    let mut live = world();
    let key = AccessKey { id: "AKIA1".to_owned(), active: true, created: 0, last_used: None };
    let old = |principal, keys| Orphan { principal, arn: "arn:aws:iam::123456789012:user/x".to_owned(), keys };
    let orphans =
        vec![old(Principal::User("old".to_owned()), vec![key]), old(Principal::Role("ci".to_owned()), Vec::new())];
    live.orphans.insert("one".to_owned(), Ok(orphans));
    let told = planned(&live, &Scope::default());
    assert!(note(&told, "forget/user/old").unwrap().message.contains("with the key AKIA1"), "{:?}", told.notes);
    assert!(!told.actions.iter().any(|action| action.address.starts_with("forget/")));
    let named = Scope { forget: vec!["forget/role/ci".to_owned()], ..Scope::default() };
    let plan = planned(&live, &named);
    assert!(has(&plan, "forget/role/ci") && !has(&plan, "forget/user/old"), "{:?}", plan.actions);
    assert!(note(&plan, "forget/role/ci").is_none() && note(&plan, "forget/user/old").is_some());
    let wrong = Scope { forget: vec!["forget/role/c".to_owned()], ..Scope::default() };
    assert!(note(&planned(&live, &wrong), "forget/role/c").unwrap().is_problem);
}
