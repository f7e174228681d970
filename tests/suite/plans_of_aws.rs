//! Plans with every kind of resource, as people read them: all to be made, all adopted from someone else, one field to
//! be changed, and what cannot be taken back on top. JSON has the same steps.

use crate::support::{AwsModel, Spelling, meaning};
use backstay::plan::{Action, Plan, Scope, plan};
use backstay::policy::Desired;
use backstay::report::{self, Style};
use backstay::resource::{
    Algorithm, BucketPolicy, Encryption, Expiration, Filter, Grants, Lifecycle, LifecycleRule, OidcProvider, Ownership,
    Principal, PublicAccess, Resource, Tags, User, Versioning,
};
use serde_json::{Value, json};

fn policy() -> Value {
    json!({
        "version": 1,
        "name": "shop",
        "storage": {
            "offsite": {
                "type": "s3", "bucket": "shop-backups", "region": "us-east-1", "prefix": "prod", "prune": "lifecycle",
                "manage": {
                    "create": true, "versioning": true, "noncurrent_versions": "30d", "abort_incomplete_uploads": "7d",
                    "encryption": { "type": "sse-kms", "key": "alias/backups", "create": true, "bucket_key": true },
                    "public_access": "blocked", "transport": "tls-only", "overwrite": "denied",
                    "replicate_to": "twin", "access_logs": { "bucket": "shop-logs", "prefix": "s3/" },
                    "tags": { "team": "platform" },
                },
            },
            "twin": {
                "type": "s3", "bucket": "shop-twin", "region": "us-east-1", "prefix": "prod",
                "manage": { "create": true, "versioning": true, "noncurrent_versions": "30d" },
            },
        },
        "tiers": {
            "weekly": {
                "schedule": "manual",
                "copies": [{ "to": "offsite", "keep": "1y", "transitions": [{ "after": "30d", "to": "DEEP_ARCHIVE" }] }],
            },
        },
        "databases": { "shop": { "connection": "postgres://h/shop", "tiers": ["weekly"] } },
        "access": {
            "writer": {
                "type": "iam-user", "name": "shop-writer", "grants": ["write"], "storage": ["offsite"],
                "access_key": { "deliver_to": "/etc/backstay/credentials", "rotate_after": "90d" },
            },
            "ci": {
                "type": "iam-role", "name": "shop-ci", "grants": ["read"], "storage": ["offsite"],
                "trust": { "github": { "repository": "acme/shop", "environment": "production" } },
            },
        },
    })
}

fn planned(aws: &AwsModel, desired: &Desired) -> Plan {
    plan(desired, &aws.look(desired, Spelling::default()), "2026-11-28T12:00:00Z".parse().unwrap(), &Scope::default())
}

/// The plan for people, without its id, which changes with every word of it.
fn told(plan: &Plan) -> String {
    let text = report::plan(plan, Style::PLAIN);
    text.replace(&plan.id.short().to_string(), "ID")
}

/// An account in which the policy was applied.
fn applied(desired: &Desired) -> AwsModel {
    let mut aws = AwsModel::default();
    for action in &planned(&aws, desired).actions {
        aws.apply(desired, action);
    }
    aws
}

/// The steps for machines, a line each; what is written says it all, so the fields are left out.
fn json_lines(plan: &Plan) -> String {
    let line = |action: &Action| {
        let mut action = json!(action);
        action.as_object_mut().unwrap().remove("changes");
        action.to_string()
    };
    plan.actions.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn everything_is_made() {
    let plan = planned(&AwsModel::default(), &meaning(&policy()));
    insta::assert_snapshot!(told(&plan));
    let titles: Vec<String> = plan.actions.iter().map(|action| action.deed.title()).collect();
    insta::assert_snapshot!("titles", titles.join("\n"));
    insta::assert_snapshot!("json", json_lines(&plan));
}

#[test]
fn what_someone_else_made_is_adopted_and_what_changes_is_shown() {
    let desired = meaning(&policy());
    let mut aws = AwsModel::default();
    aws.make_bucket("shop-backups");
    let mut put = |resource| aws.put(Some("shop-backups"), resource);
    put(Resource::Tags(Tags {
        tags: [("owner", "bob"), ("team", "web")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    }));
    put(Resource::PublicAccess(PublicAccess { block_public_policy: false, ..PublicAccess::BLOCKED }));
    put(Resource::Ownership(Ownership { rule: "ObjectWriter".to_owned() }));
    put(Resource::Versioning(Versioning::Suspended));
    put(Resource::Encryption(Encryption {
        algorithm: Algorithm::KmsDsse,
        key: None,
        bucket_key: false,
        blocked: Vec::new(),
    }));
    let statement = json!({ "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": "210987654321" }, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop-backups/*" });
    put(Resource::BucketPolicy(BucketPolicy {
        version: "2012-10-17".to_owned(),
        id: None,
        statements: vec![statement],
    }));
    let rule = LifecycleRule {
        id: "logs".to_owned(),
        enabled: true,
        filter: Filter { prefix: "logs/".to_owned(), ..Filter::default() },
        transitions: Vec::new(),
        expiration: Some(Expiration::Days(9)),
        noncurrent_transitions: Vec::new(),
        noncurrent_expiration: None,
        abort_incomplete_days: None,
    };
    put(Resource::Lifecycle(Lifecycle { rules: vec![rule], minimum_object_size: None }));
    let tags = || [("owner".to_owned(), "bob".to_owned())].into();
    aws.put(
        None,
        Resource::User(User { name: "shop-writer".to_owned(), path: "/old/".to_owned(), boundary: None, tags: tags() }),
    );
    let document = json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "Theirs", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*" }] });
    aws.put(
        None,
        Resource::Grants(Grants {
            principal: Principal::User("shop-writer".to_owned()),
            name: "backstay-shop".to_owned(),
            document,
        }),
    );
    let url = "token.actions.githubusercontent.com".to_owned();
    aws.put(None, Resource::OidcProvider(OidcProvider { url, audiences: vec!["theirs".to_owned()] }));
    insta::assert_snapshot!(told(&planned(&aws, &desired)));
}

#[test]
fn one_field_that_changes_is_one_line() {
    let aws = applied(&meaning(&policy()));
    let mut other = policy();
    other["storage"]["offsite"]["manage"]["abort_incomplete_uploads"] = json!("14d");
    other["storage"]["twin"]["manage"]["tags"] = json!({ "team": "platform" });
    let plan = planned(&aws, &meaning(&other));
    insta::assert_snapshot!(told(&plan));
    insta::assert_json_snapshot!("json_of_one_field", plan.actions);
}

#[test]
fn what_cannot_be_taken_back_stands_on_top() {
    let mut first = policy();
    let manage = first["storage"]["offsite"]["manage"].as_object_mut().unwrap();
    for key in ["versioning", "replicate_to", "noncurrent_versions"] {
        manage.remove(key);
    }
    let aws = applied(&meaning(&first));
    let mut other = policy();
    other["storage"]["offsite"]["manage"]["object_lock"] = json!({ "mode": "compliance", "retain": "30d" });
    insta::assert_snapshot!(told(&planned(&aws, &meaning(&other))));
}
