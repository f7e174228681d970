//! How safe what lies in an account is, in numbers of which each may only grow: what is public, what is refused, how long
//! things stay, who may do what. It knows nothing of how the program itself judges steps.

use super::aws_model::AwsModel;
use backstay::resource::{
    Algorithm, Expiration, Lifecycle, LockMode, LockPeriod, Resource, StorageClass, Versioning, canonical_document,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Numbers by what they are about; what is not there counts nothing.
type Numbers = BTreeMap<String, i64>;

/// Keys as they stand in buckets: of backups, and of others.
const KEYS: [&str; 10] = [
    "p/data/a/x",
    "p/data/b/x",
    "p/data/c/x",
    "p/data/d/x",
    "p/manifest/a/x",
    "q/data/a/x",
    "q/manifest/b/x",
    "q/lock/x",
    "theirs/a",
    "else",
];

/// What is less safe in the second account than in the first. Things that the first does not have are not looked at.
pub fn losses(before: &AwsModel, after: &AwsModel) -> Vec<String> {
    let mut lost = Vec::new();
    for (key, held) in &before.held {
        let (old, new) = (numbers(held), after.held.get(key).map(numbers).unwrap_or_default());
        let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let of = |numbers: &Numbers| numbers.get(name).copied().unwrap_or(0);
            if of(&new) < of(&old) {
                lost.push(format!("{key}: {name} was {} and is {}", of(&old), of(&new)));
            }
        }
    }
    lost
}

fn numbers(resource: &Resource) -> Numbers {
    let mut all = Numbers::new();
    let mut set = |name: &str, number: i64| all.insert(name.to_owned(), number);
    match resource {
        Resource::PublicAccess(public) => {
            set("public acls blocked", i64::from(public.block_public_acls));
            set("public acls ignored", i64::from(public.ignore_public_acls));
            set("public policy blocked", i64::from(public.block_public_policy));
            set("public bucket restricted", i64::from(public.restrict_public_buckets));
        }
        Resource::Ownership(ownership) => drop(set("one owner", i64::from(ownership.rule == "BucketOwnerEnforced"))),
        Resource::Versioning(versioning) => drop(set("keeps versions", i64::from(*versioning == Versioning::Enabled))),
        Resource::Encryption(encryption) => {
            let strength = match encryption.algorithm {
                Algorithm::Aes256 => 0,
                Algorithm::Kms => 1,
                Algorithm::KmsDsse => 2,
            };
            set("encryption", strength);
        }
        Resource::ObjectLock(lock) => {
            set("locks", i64::from(lock.enabled));
            set("mode", lock.mode.map_or(0, |mode| if mode == LockMode::Compliance { 2 } else { 1 }));
            set(
                "days locked",
                lock.period.map_or(0, |period| match period {
                    LockPeriod::Days(days) => i64::from(days),
                    LockPeriod::Years(years) => i64::from(years) * 365,
                }),
            );
        }
        Resource::BucketPolicy(policy) => all.extend(rights(&policy.statements)),
        Resource::Grants(grants) => all.extend(rights(&listed(&grants.document))),
        Resource::ManagedPolicy(policy) => all.extend(rights(&listed(&policy.document))),
        Resource::Role(role) => {
            all.extend(rights(&listed(&role.trust)));
            all.extend(role.boundary.iter().map(|boundary| (format!("bounded by {boundary}"), 1)));
        }
        Resource::User(user) => {
            all.extend(user.boundary.iter().map(|boundary| (format!("bounded by {boundary}"), 1)));
        }
        Resource::Lifecycle(lifecycle) => all.extend(KEYS.iter().flat_map(|key| stays(lifecycle, key))),
        Resource::Replication(replication) => {
            let rules = replication.rules.iter().filter(|rule| rule.enabled);
            all.extend(rules.map(|rule| (format!("{} is copied to {}", rule.prefix, rule.destination), 1)));
        }
        _ => {}
    }
    all
}

fn listed(document: &Value) -> Vec<Value> {
    document["Statement"].as_array().cloned().unwrap_or_default()
}

/// Denials count for safety, permissions against it.
fn rights(statements: &[Value]) -> Numbers {
    let number =
        |statement: &Value| if statement["Effect"].as_str().unwrap().eq_ignore_ascii_case("deny") { 1 } else { -1 };
    let name = |statement: &Value| canonical_document(&json!({ "Statement": [statement] })).to_string();
    statements.iter().map(|statement| (name(statement), number(statement))).collect()
}

/// For how many days an object of this key stays, as it is, warm.
fn stays(lifecycle: &Lifecycle, key: &str) -> Numbers {
    let rules = || lifecycle.rules.iter().filter(|rule| rule.enabled && key.starts_with(&rule.filter.prefix));
    let least = |days: &mut dyn Iterator<Item = u32>| days.map(i64::from).min().unwrap_or(i64::MAX);
    let expires = least(&mut rules().filter_map(|rule| match rule.expiration {
        Some(Expiration::Days(days)) => Some(days),
        _ => None,
    }));
    let old = least(&mut rules().filter_map(|rule| rule.noncurrent_expiration.map(|old| old.days)));
    let cold = |class: StorageClass| {
        let moves = rules().flat_map(|rule| &rule.transitions).filter(move |to| to.class >= class);
        least(&mut moves.filter_map(|to| to.days))
    };
    let mut all: Numbers =
        [(format!("days of {key}"), expires), (format!("days of old versions of {key}"), old)].into();
    all.extend(StorageClass::ALL[1..].iter().map(|class| (format!("days of {key} before {class}"), cold(*class))));
    all
}
