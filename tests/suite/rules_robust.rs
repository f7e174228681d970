//! No policy that loads makes a rule panic or points outside of its text, whatever numbers and names it holds.

use backstay::diag::Sources;
use backstay::policy::{self, Subject};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::cell::Cell;

/// A policy with every section that a rule looks at.
fn everything() -> Value {
    json!({
        "version": 1,
        "name": "everything",
        "timezone": "Europe/Berlin",
        "storage": {
            "local": { "type": "filesystem", "path": "/var/backups/a", "manage": { "mode": "0700" } },
            "other": { "type": "filesystem", "path": "/mnt/b" },
            "offsite": {
                "type": "s3", "bucket": "shop-a", "region": "us-east-1", "prefix": "p",
                "credentials": { "access_key_id": "${env:ID}", "secret_access_key": "${env:KEY}" },
                "manage": {
                    "versioning": true, "noncurrent_versions": "30d", "replicate_to": "archive",
                    "object_lock": { "mode": "governance", "retain": "7d" },
                },
            },
            "archive": {
                "type": "s3", "bucket": "shop-b", "region": "us-east-1", "prune": "lifecycle", "prefix": "p",
                "endpoint": "https://s3.us-east-1.amazonaws.com",
            },
            "abroad": { "type": "s3", "bucket": "c", "endpoint": "https://s3.example.com" },
        },
        "tiers": {
            "daily": {
                "schedule": "0 2 * * *",
                "copies": [
                    { "to": "local", "keep": "30d" },
                    {
                        "to": "offsite", "keep": { "for": "90d", "at_least": 3 }, "storage_class": "STANDARD_IA",
                        "transitions": [{ "after": "30d", "to": "GLACIER" }, { "after": "120d", "to": "DEEP_ARCHIVE" }],
                        "lock": { "mode": "compliance", "retain": "30d" },
                    },
                ],
            },
            "weekly": { "schedule": "@weekly", "copies": [{ "to": "other", "keep": { "last": 5 } }] },
            "base": { "schedule": "0 1 * * SUN", "method": "physical", "copies": [{ "to": "archive", "keep": "60d" }] },
        },
        "encryption": {
            "keys": { "type": "age", "recipients": ["${env:R}"], "identity": "${file:/k}" },
            "words": { "type": "gpg", "passphrase": "${env:P}" },
        },
        "defaults": { "tiers": ["daily"], "encryption": "keys", "objectives": { "rpo": "1d", "rto": "1h" } },
        "safety": { "keep_at_least": 4 },
        "databases": {
            "one": {
                "connection": "postgresql://app:${env:P}@db1/one",
                "exec": [["docker", "exec", "-i", "pg"], ["ssh", "db1"]],
                "wal": { "mode": "archive", "to": ["offsite"], "archive_timeout": "60s" },
                "tiers": ["daily", "weekly", "base"],
                "drill": { "schedule": "0 4 1 * *", "checks": [{ "sql": "SELECT 1", "expect": "= 1" }] },
                "hooks": { "after_backup": [["notify", "--token", "${env:TOKEN}"]] },
            },
            "two": {
                "connection": { "host": "localhost", "database": "two", "sslmode": "disable", "password": "${env:P}" },
                "verify": { "schedule": "@daily" },
                "objectives": { "rpo": "12h", "rto": "10m" },
                "safety": { "keep_at_least": 2 },
            },
        },
        "access": {
            "ci": {
                "type": "iam-role", "name": "ci", "grants": ["write"], "storage": ["offsite"],
                "trust": { "github": { "repository": "a/b", "branch": "main" }, "principals": ["arn:aws:iam::123456789012:root"] },
            },
        },
        "alerts": {
            "channels": {
                "ops": { "type": "slack", "webhook": "${env:W}" },
                "ping": { "type": "healthcheck", "url": "https://ping.example.com/x" },
                "post": { "type": "webhook", "url": "http://hook.example.com", "headers": { "Authorization": "${env:T}" } },
            },
            "rules": [{ "on": ["backup_failed"], "notify": ["ops"], "databases": ["one"] }],
        },
    })
}

const DURATIONS: [&str; 9] = ["0s", "1s", "59m", "1d", "31d", "89d", "181d", "1y", "1000y"];
const SCHEDULES: [&str; 12] = [
    "manual",
    "* * * * *",
    "*/7 1-3 * * *",
    "30 2 * * *",
    "30 2,14 * * *",
    "0 0 30 2 *",
    "0 0 29 2 *",
    "59 23 31 12 *",
    "0 0 1 1 MON",
    "@hourly",
    "@monthly",
    "0 0 * * SUN#5",
];
const CLASSES: [&str; 7] =
    ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];
const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kolkata",
];
const TEXTS: [&str; 20] = [
    "",
    "/",
    "//",
    ".",
    "/tmp",
    "/var/backups/a/b",
    "a",
    "ä://ö:ü@",
    "postgresql://",
    "postgresql://[",
    "postgresql://u:p@",
    "postgresql:///?host=",
    "http://[::1]:9000",
    "${env:A}",
    "${env:A:-b:c@d}",
    "$${x}",
    "--password",
    "PASSWORD=",
    "AKIA",
    "😀://😀:😀@😀?password=😀",
];
const INSTANTS: [&str; 6] = [
    "-009999-01-02T01:59:59Z",
    "1970-01-01T00:00:00Z",
    "2026-03-29T00:59:59Z",
    "2026-11-20T12:00:00Z",
    "2027-10-31T00:30:00Z",
    "9999-12-30T21:59:59Z",
];

/// What may stand in place of a text: something of the same kind, now and then anything at all.
fn replacement(text: &str) -> BoxedStrategy<Value> {
    let of = |choices: &'static [&'static str]| select(choices).prop_map(Value::from).boxed();
    if SCHEDULES.contains(&text) || text.contains(" * ") || text.starts_with('@') {
        of(&SCHEDULES)
    } else if CLASSES.contains(&text) {
        of(&CLASSES)
    } else if ZONES.contains(&text) {
        of(&ZONES)
    } else if text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(['s', 'm', 'h', 'd', 'y']) {
        of(&DURATIONS)
    } else {
        prop_oneof![3 => of(&TEXTS), 1 => ".*".prop_map(Value::from)].boxed()
    }
}

/// Pointers to every scalar.
fn leaves(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| leaves(value, format!("{pointer}/{key}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| leaves(value, format!("{pointer}/{index}"), found));
        }
        _ => found.push(pointer),
    }
}

/// The policy with a few scalars replaced.
fn changed() -> impl Strategy<Value = Value> {
    let policy = everything();
    let mut all = Vec::new();
    leaves(&policy, String::new(), &mut all);
    let change = select(all).prop_flat_map(move |pointer| {
        let old = policy.pointer(&pointer).unwrap().clone();
        let new = match &old {
            Value::String(text) => replacement(text),
            Value::Number(_) => select(&[1_u32, 2, 7, 1_000_000][..]).prop_map(Value::from).boxed(),
            _ => any::<bool>().prop_map(Value::from).boxed(),
        };
        (Just(pointer), new)
    });
    proptest::collection::vec(change, 0..6).prop_map(|changes| {
        let mut policy = everything();
        for (pointer, new) in changes {
            *policy.pointer_mut(&pointer).unwrap() = new;
        }
        policy
    })
}

#[test]
fn no_policy_makes_a_rule_panic() {
    let loaded = Cell::new(0_u32);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) };
    proptest!(config, |(policy in changed(), now in select(&INSTANTS[..]))| {
        let mut sources = Sources::default();
        let text = serde_json::to_string_pretty(&policy).unwrap();
        let fetch = |path: &str| Err(format!("{path} is not there"));
        let policy::Loaded { document,  .. } = policy::load(&mut sources, "any.yaml", text.as_bytes(), &fetch);
        if let Some(document) = document {
            loaded.set(loaded.get() + 1);
            let desired = policy::resolve(&document, "any.yaml", &sources);
            let now = now.parse().unwrap();
            let subject = Subject { document: &document, desired: &desired, sources: &sources, now };
            for diagnostic in policy::lint(&subject).iter() {
                let span = diagnostic.span.expect("every advice has a place");
                prop_assert!(text.get(span.start..span.end).is_some(), "{diagnostic:?}");
                prop_assert!(!diagnostic.detail.is_empty() && diagnostic.hint.is_some(), "{diagnostic:?}");
            }
        }
    });
    // Some 160 are: far fewer would mean that the strategy makes nothing worth judging.
    assert!(loaded.get() > 80, "only {} policies of 400 were valid", loaded.get());
}
