//! Policies about buckets and identities, and what others have in the same account: made up, all valid.

use super::aws_model::{ACCOUNT, AwsModel};
use backstay::diag::Sources;
use backstay::policy::{self, Desired};
use backstay::resource::{
    Algorithm, BucketPolicy, Encryption, Expiration, Filter, Grants, Lifecycle, LifecycleRule, Noncurrent,
    OidcProvider, Ownership, Principal, PublicAccess, Replication, ReplicationRule, Resource, Role, StorageClass, Tags,
    Transition, User, Versioning,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// What a policy means.
pub fn meaning(policy: &Value) -> Desired {
    let text = policy.to_string();
    let mut sources = Sources::default();
    let loaded = policy::load(&mut sources, "p.yaml", text.as_bytes(), &|_| Err(String::new()));
    policy::resolve(&loaded.document.unwrap_or_else(|| panic!("{text}: {:?}", loaded.found)), "p.yaml", &sources)
}

fn manage() -> impl Strategy<Value = Value> {
    let flags = proptest::collection::vec(any::<bool>(), 6);
    let lock = proptest::option::of((select(vec!["governance", "compliance"]), 1..40_u32));
    let key = select(vec![
        Value::Null,
        json!("sse-s3"),
        json!({ "type": "sse-kms" }),
        json!({ "type": "sse-kms", "key": "alias/backups", "create": true, "bucket_key": true }),
    ]);
    let days = || proptest::option::of(1..40_u32);
    let tags = proptest::collection::btree_map("[a-c]", "[x-z]{1,2}", 0..3);
    (flags, lock, key, days(), days(), tags, proptest::option::of(any::<bool>())).prop_map(
        |(flags, lock, key, abort, old, tags, versioning)| {
            let mut manage = json!({ "create": true, "tags": tags });
            let mut set = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    manage[name] = value;
                }
            };
            set("public_access", flags[0].then(|| json!("blocked")));
            set("transport", flags[1].then(|| json!("tls-only")));
            set("overwrite", flags[2].then(|| json!("denied")));
            let replicates = flags[3];
            set("replicate_to", replicates.then(|| json!("twin")));
            set("access_logs", flags[4].then(|| json!({ "bucket": "shop-logs", "prefix": "s3/" })));
            set("encryption", Some(key).filter(|key| !key.is_null()));
            set("abort_incomplete_uploads", abort.map(|days| json!(format!("{days}d"))));
            set("noncurrent_versions", old.map(|days| json!(format!("{days}d"))));
            let needs = replicates || lock.is_some();
            set("versioning", versioning.map(|on| json!(on || needs)));
            set("object_lock", lock.map(|(mode, days)| json!({ "mode": mode, "retain": format!("{days}d") })));
            manage
        },
    )
}

fn copies() -> impl Strategy<Value = Value> {
    let moves = select(vec![
        json!([]),
        json!([{ "after": "1d", "to": "GLACIER_IR" }]),
        json!([{ "after": "10d", "to": "GLACIER_IR" }, { "after": "20d", "to": "DEEP_ARCHIVE" }]),
        json!([{ "after": "0d", "to": "INTELLIGENT_TIERING" }]),
    ]);
    (select(vec!["one", "two"]), 30..90_u32, moves)
        .prop_map(|(to, keep, moves)| json!([{ "to": to, "keep": format!("{keep}d"), "transitions": moves }]))
}

fn access() -> impl Strategy<Value = Value> {
    let grants = || proptest::sample::subsequence(vec!["write", "read", "prune"], 1..=3);
    let on = || proptest::sample::subsequence(vec!["one", "two"], 1..=2);
    let trust = select(vec![
        json!({ "github": { "repository": "acme/shop" } }),
        json!({ "github": { "repository": "acme/shop", "branch": "main" }, "service": "ec2.amazonaws.com" }),
        json!({ "principals": [format!("arn:aws:iam::{ACCOUNT}:root")] }),
    ]);
    let boundary = proptest::option::of(Just(format!("arn:aws:iam::{ACCOUNT}:policy/b")));
    let user = (grants(), on(), any::<bool>(), boundary.clone()).prop_map(|(grants, on, key, boundary)| {
        let mut user = json!({ "type": "iam-user", "name": "shop-writer", "grants": grants, "storage": on });
        if key {
            user["access_key"] = json!({ "deliver_to": "/k", "rotate_after": "90d" });
        }
        with_boundary(user, boundary)
    });
    let role = (grants(), on(), trust, boundary).prop_map(|(grants, on, trust, boundary)| {
        let role = json!({ "type": "iam-role", "name": "shop-ci", "grants": grants, "storage": on, "trust": trust });
        with_boundary(role, boundary)
    });
    (proptest::option::of(user), proptest::option::of(role)).prop_map(|(user, role)| {
        let entries = [("writer", user), ("ci", role)].into_iter();
        Value::Object(entries.filter_map(|(name, entry)| Some((name.to_owned(), entry?))).collect())
    })
}

fn with_boundary(mut entry: Value, boundary: Option<String>) -> Value {
    if let Some(boundary) = boundary {
        entry["permissions_boundary"] = json!(boundary);
    }
    entry
}

/// A policy with two storages in one bucket or in two, perhaps replicated, and perhaps users.
pub fn policies() -> impl Strategy<Value = Value> {
    let storage = || (proptest::option::of(manage()), select(vec!["backstay", "lifecycle"]));
    let tiers = proptest::collection::btree_map("[a-d]", copies(), 1..4);
    (storage(), storage(), any::<bool>(), tiers, access()).prop_map(|(one, two, shared, tiers, access)| {
        let place = |bucket: &str, prefix: &str, (manage, prune): (Option<Value>, &str), replicates: bool| {
            let mut storage =
                json!({ "type": "s3", "bucket": bucket, "region": "us-east-1", "prefix": prefix, "prune": prune });
            if let Some(mut manage) = manage {
                if !replicates {
                    manage.as_object_mut().unwrap().remove("replicate_to");
                }
                storage["manage"] = manage;
            }
            storage
        };
        let two_bucket = if shared { "shop-one" } else { "shop-two" };
        let tiers: serde_json::Map<String, Value> =
            tiers.into_iter().map(|(name, copies)| (name, json!({ "schedule": "manual", "copies": copies }))).collect();
        let first = tiers.keys().next().unwrap().clone();
        json!({
            "version": 1,
            "name": "shop",
            "storage": {
                "one": place("shop-one", "p", one, true),
                "two": place(two_bucket, "q", two, false),
                "twin": { "type": "s3", "bucket": "shop-twin", "region": "us-east-1", "prefix": "p",
                          "manage": { "create": true, "versioning": true, "tags": {} } },
            },
            "tiers": tiers,
            "databases": { "x": { "connection": "postgres://h/x", "tiers": [first] } },
            "access": access,
        })
    })
}

fn foreign_rules() -> impl Strategy<Value = Vec<LifecycleRule>> {
    let rule = (any::<bool>(), "[a-z]{0,3}", proptest::option::of(1..900_u32), 1..300_u32);
    let rule = rule.prop_map(|(enabled, prefix, days, old)| LifecycleRule {
        id: String::new(),
        enabled,
        filter: Filter { prefix: format!("theirs/{prefix}"), larger_than: days.map(u64::from), ..Filter::default() },
        transitions: vec![Transition { days: Some(old), date: None, class: StorageClass::Glacier }],
        expiration: days.map(|days| Expiration::Days(days + old)),
        noncurrent_transitions: Vec::new(),
        noncurrent_expiration: Some(Noncurrent { days: old, keep_newest: Some(2), class: None }),
        abort_incomplete_days: days,
    });
    proptest::collection::vec(rule, 0..3).prop_map(|mut rules| {
        rules.iter_mut().enumerate().for_each(|(n, rule)| rule.id = format!("theirs-{n}"));
        rules
    })
}

fn foreign_statement(sid: &str, resource: &str) -> Value {
    json!({
        "Sid": sid, "Effect": "Allow", "Principal": { "AWS": ["210987654321"] }, "Action": ["s3:GetObject", "s3:PutObjectTagging"],
        "Resource": [resource], "NewField": { "x": 1 },
    })
}

fn fill_bucket(aws: &mut AwsModel, bucket: &str, rules: Vec<LifecycleRule>, flags: &[bool]) {
    aws.make_bucket(bucket);
    let mut put = |resource| aws.put(Some(bucket), resource);
    put(Resource::Lifecycle(Lifecycle { rules, minimum_object_size: None }));
    if flags[0] {
        put(Resource::Tags(Tags { tags: [("owner".to_owned(), "bob".to_owned())].into() }));
    }
    if flags[1] {
        let statements =
            vec![foreign_statement("Theirs", &format!("arn:aws:s3:::{bucket}/*")), foreign_statement("", "x")];
        put(Resource::BucketPolicy(BucketPolicy {
            version: "2012-10-17".to_owned(),
            id: Some("i".to_owned()),
            statements,
        }));
    }
    if flags[2] {
        put(Resource::PublicAccess(PublicAccess { block_public_policy: false, ..PublicAccess::BLOCKED }));
        put(Resource::Ownership(Ownership { rule: "ObjectWriter".to_owned() }));
    }
    if flags[3] {
        put(Resource::Versioning(Versioning::Enabled));
        let rule = ReplicationRule {
            id: "theirs".to_owned(),
            enabled: true,
            priority: 1,
            prefix: "theirs/".to_owned(),
            destination: "arn:aws:s3:::elsewhere".to_owned(),
            class: Some(StorageClass::Glacier),
            delete_markers: true,
            rest: None,
        };
        let role = format!("arn:aws:iam::{ACCOUNT}:role/backstay/shop/backstay-shop-one-replication");
        put(Resource::Replication(Replication { role, rules: vec![rule] }));
    }
    if flags[4] {
        let encryption =
            Encryption { algorithm: Algorithm::KmsDsse, key: None, bucket_key: false, blocked: Vec::new() };
        put(Resource::Encryption(encryption));
    }
}

fn fill_iam(aws: &mut AwsModel, flags: &[bool]) {
    let tags = || [("owner".to_owned(), "bob".to_owned())].into();
    let theirs = |statement: Value| json!({ "Version": "2012-10-17", "Statement": [statement] });
    if flags[0] {
        let boundary = flags[1].then(|| format!("arn:aws:iam::{ACCOUNT}:policy/old"));
        let (name, path) = ("shop-writer".to_owned(), "/old/".to_owned());
        aws.put(None, Resource::User(User { name: name.clone(), path, boundary, tags: tags() }));
        let document =
            theirs(json!({ "Sid": "Theirs", "Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": ["*"] }));
        aws.put(
            None,
            Resource::Grants(Grants { principal: Principal::User(name), name: "backstay-shop".to_owned(), document }),
        );
    }
    if flags[2] {
        let trust = theirs(
            json!({ "Sid": "Theirs", "Effect": "Allow", "Principal": { "Service": ["ecs.amazonaws.com"] }, "Action": ["sts:AssumeRole"] }),
        );
        let (name, path) = ("shop-ci".to_owned(), "/".to_owned());
        aws.put(
            None,
            Resource::Role(Role { name, path, trust, max_session_seconds: 7_200, boundary: None, tags: tags() }),
        );
    }
    if flags[3] {
        let url = "token.actions.githubusercontent.com".to_owned();
        aws.put(None, Resource::OidcProvider(OidcProvider { url, audiences: vec!["theirs".to_owned()] }));
    }
}

/// An account in which others were at work.
pub fn accounts() -> impl Strategy<Value = AwsModel> {
    let flags = |n| proptest::collection::vec(any::<bool>(), n);
    let bucket = || proptest::option::of((foreign_rules(), flags(5)));
    (bucket(), bucket(), flags(4)).prop_map(|(one, two, iam)| {
        let mut aws = AwsModel::default();
        for (name, there) in [("shop-one", one), ("shop-two", two)] {
            if let Some((rules, flags)) = there {
                fill_bucket(&mut aws, name, rules, &flags);
            }
        }
        fill_iam(&mut aws, &iam);
        aws
    })
}

/// Everything in an account that nobody's policy made, one line each, in canonical form.
pub fn foreign(aws: &AwsModel) -> Vec<String> {
    let mut all = Vec::new();
    let statements = |document: &Value| document["Statement"].as_array().cloned().unwrap_or_default();
    for (key, held) in &aws.held {
        let lines: Vec<String> = match held {
            Resource::Lifecycle(lifecycle) => lifecycle.rules.iter().map(|rule| json!(rule).to_string()).collect(),
            Resource::BucketPolicy(policy) => policy.statements.iter().map(canonical).collect(),
            Resource::Replication(replication) => {
                replication.rules.iter().map(|rule| json!(rule).to_string()).collect()
            }
            Resource::Tags(tags) => tags.tags.iter().map(|(key, value)| format!("{key}={value}")).collect(),
            Resource::User(user) => {
                user.tags.iter().map(|(key, value)| format!("{key}={value}")).chain([user.path.clone()]).collect()
            }
            Resource::Role(role) => {
                let tags = role.tags.iter().map(|(key, value)| format!("{key}={value}"));
                let seconds = [role.path.clone(), role.max_session_seconds.to_string()];
                tags.chain(statements(&role.trust).iter().map(canonical)).chain(seconds).collect()
            }
            Resource::Grants(grants) => statements(&grants.document).iter().map(canonical).collect(),
            Resource::OidcProvider(provider) => provider.audiences.clone(),
            _ => Vec::new(),
        };
        all.extend(lines.into_iter().map(|line| format!("{key}: {line}")));
    }
    all
}

fn canonical(statement: &Value) -> String {
    backstay::resource::canonical_document(&json!({ "Statement": [statement] })).to_string()
}
