//! Grants that are too long to stand inside of a user or role: as policies beside, and the way back.

use crate::support::Account;
use serde_json::{Value, json};

const POLICY: &str = r#"
version: 1
name: shop
storage:
  near: { type: s3, bucket: shop-near, region: us-east-1, manage: { create: true } }
  far: { type: s3, bucket: shop-far, region: us-east-1, prefix: {prefix}, manage: { create: true } }
  deep: { type: s3, bucket: shop-deep, region: us-east-1, prefix: {prefix}, manage: { create: true } }
tiers:
  daily: { schedule: "0 0 1 1 *", copies: [{ to: near, keep: 7d }, { to: far, keep: 7d }, { to: deep, keep: 7d }] }
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [daily] }
access:
  all:
    type: iam-user
    name: shop-all
    grants: [read]
    storage: [near]
"#;

const ROLE: &str = r#"
  ci:
    type: iam-role
    name: shop-ci
    grants: [write, read, prune]
    storage: [near, far, deep]
    trust: { github: { repository: acme/shop, environment: production } }
"#;

/// `depth`: how long the prefix of the third bucket is.
fn shop(depth: usize) -> Account {
    Account::new(&POLICY.replace("{prefix}", &vec!["a-long-way-down"; depth].join("/")))
}

fn iam(account: &Account, words: &[&str]) -> Value {
    account.moto.aws(&[&["iam"], words].concat())
}

fn names(listed: &Value, list: &str, name: &str) -> Vec<String> {
    let all = listed[list].as_array().unwrap();
    let mut names: Vec<String> = all.iter().map(|one| one[name].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn attached(account: &Account, user: &str) -> Vec<String> {
    let listed = iam(account, &["list-attached-user-policies", "--user-name", user]);
    names(&listed, "AttachedPolicies", "PolicyArn")
}

/// The default version of a policy, as text.
fn document(account: &Account, arn: &str) -> Value {
    let policy = iam(account, &["get-policy", "--policy-arn", arn]);
    let version = policy["Policy"]["DefaultVersionId"].as_str().unwrap();
    let found = iam(account, &["get-policy-version", "--policy-arn", arn, "--version-id", version]);
    let document = &found["PolicyVersion"]["Document"];
    document.as_str().map_or_else(|| document.clone(), |text| serde_json::from_str(text).unwrap())
}

fn inside(account: &Account) -> Vec<String> {
    let listed = iam(account, &["list-user-policies", "--user-name", "shop-all"]);
    listed["PolicyNames"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn addresses(account: &Account) -> Vec<String> {
    let of = |action: &Value| action["address"].as_str().unwrap().to_owned();
    account.actions().iter().map(of).filter(|address| address.starts_with("access/")).collect()
}

#[test]
fn what_is_too_long_inside_stands_beside_and_comes_back() {
    let account = shop(4);
    account.apply();
    assert_eq!(inside(&account), ["backstay-shop"]);
    assert!(attached(&account, "shop-all").is_empty());

    // Longer than a user takes: beside first, and then no longer inside.
    account.edit("grants: [read]\n    storage: [near]", "grants: [write, read, prune]\n    storage: [near, far, deep]");
    assert_eq!(addresses(&account), ["access/all/managed-policy-1", "access/all/grants"]);
    account.apply();
    let arn = "arn:aws:iam::123456789012:policy/backstay/shop/backstay-shop-all-1";
    assert_eq!(attached(&account, "shop-all"), [arn]);
    assert!(inside(&account).is_empty());
    let granted = document(&account, arn).to_string();
    for word in [
        "s3:PutObject\"",
        "s3:DeleteObjectVersion",
        "arn:aws:s3:::shop-near/*",
        "arn:aws:s3:::shop-far/a-long-way-down",
    ] {
        assert!(granted.contains(word), "{word}: {granted}");
    }
    assert!((2_049..=6_144).contains(&granted.len()), "{}", granted.len());
    let tags = iam(&account, &["list-policy-tags", "--policy-arn", arn]);
    assert_eq!(tags["Tags"].as_array().unwrap().len(), 2, "{tags}");

    // What others wrote into it stays, and what they attached.
    let mut content = document(&account, arn);
    let theirs = json!({ "Sid": "Theirs", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*" });
    content["Statement"].as_array_mut().unwrap().push(theirs);
    let new_version = ["create-policy-version", "--policy-arn", arn, "--set-as-default", "--policy-document"];
    iam(&account, &[new_version.as_slice(), &[&content.to_string()]].concat());
    let own =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "ec2:*", "Resource": "*" }] });
    let made = iam(&account, &["create-policy", "--policy-name", "theirs", "--policy-document", &own.to_string()]);
    let foreign = made["Policy"]["Arn"].as_str().unwrap();
    iam(&account, &["attach-user-policy", "--user-name", "shop-all", "--policy-arn", foreign]);
    account.run(&["plan", "--detailed-exitcode"]).expect(0);

    // More changes than IAM keeps versions.
    for round in 0..2 {
        account.edit("grants: [write, read, prune]", "grants: [write, prune]");
        let applied = account.apply();
        assert!(round > 0 || applied.stdout.contains("not ours, and kept: statement Theirs"), "{applied:#?}");
        account.edit("grants: [write, prune]", "grants: [write, read, prune]");
        account.apply();
    }
    let versions = names(&iam(&account, &["list-policy-versions", "--policy-arn", arn]), "Versions", "VersionId");
    assert!(versions.len() <= 5 && !versions.contains(&"v1".to_owned()), "{versions:?}");
    let content = document(&account, arn).to_string();
    assert!(content.contains("Theirs") && content.contains("s3:RestoreObject"), "{content}");

    // It was taken away by hand: it is attached again.
    iam(&account, &["detach-user-policy", "--user-name", "shop-all", "--policy-arn", arn]);
    assert_eq!(addresses(&account), ["access/all/managed-policy-1"]);
    account.apply();
    assert!(attached(&account, "shop-all").contains(&arn.to_owned()));

    // Short again: inside first, then no longer beside.
    account.edit("grants: [write, read, prune]\n    storage: [near, far, deep]", "grants: [read]\n    storage: [near]");
    assert_eq!(addresses(&account), ["access/all/grants", "access/remove-policy/backstay-shop-all-1"]);
    let plan = account.run(&["plan"]).expect(0);
    assert!(plan.stdout.contains("not ours, and deleted with it: statement Theirs"), "{plan:#?}");
    account.apply();
    assert_eq!(
        (inside(&account), attached(&account, "shop-all")),
        (vec!["backstay-shop".to_owned()], vec![foreign.to_owned()])
    );
    let left = iam(&account, &["list-policies", "--scope", "Local", "--path-prefix", "/backstay/shop/"]);
    assert!(left["Policies"].as_array().unwrap().is_empty(), "{left}");
}

#[test]
fn what_one_policy_cannot_hold_is_split_and_forgotten_as_a_whole() {
    let account = shop(31);
    account.edit("databases:\n", "defaults: {}\ndatabases:\n");
    let text = std::fs::read_to_string(account.path("backstay.yaml")).unwrap();
    account.write(&(text + ROLE));
    account.apply();
    let attached = || {
        let listed = iam(&account, &["list-attached-role-policies", "--role-name", "shop-ci"]);
        names(&listed, "AttachedPolicies", "PolicyArn")
    };
    let arns = attached();
    assert!(arns.len() > 1 && arns.len() <= 10, "{arns:?}");
    let mut all = String::new();
    for arn in &arns {
        let text = document(&account, arn).to_string();
        assert!(text.len() <= 6_144, "{arn} is {} long", text.len());
        all.push_str(&text);
    }
    for word in ["s3:DeleteObjectVersion", "arn:aws:s3:::shop-near/*", "arn:aws:s3:::shop-deep/a-long-way-down"] {
        assert!(all.contains(word), "{word}: {all}");
    }
    // Somebody gave one of them to somebody else.
    iam(&account, &["create-user", "--user-name", "other"]);
    iam(&account, &["attach-user-policy", "--user-name", "other", "--policy-arn", &arns[0]]);
    // Fewer are enough: the others go, but not from whom they are not ours.
    account.edit(
        "grants: [write, read, prune]\n    storage: [near, far, deep]",
        "grants: [write]\n    storage: [near, deep]",
    );
    let planned = addresses(&account);
    let removals = planned.iter().filter(|address| address.starts_with("access/remove-policy/")).count();
    assert!(removals > 0, "{planned:?}");
    account.apply();
    assert_eq!(attached().len(), arns.len() - removals);
    // Asked for no longer, and let go of by name.
    let text = std::fs::read_to_string(account.path("backstay.yaml")).unwrap();
    account.write(&text[..text.find("  ci:\n").unwrap()]);
    let plan = account.run(&["plan"]).expect(0);
    assert!(plan.stdout.contains("forget/role/shop-ci") && !plan.stdout.contains("remove the policy"), "{plan:#?}");
    account.run(&["apply", "--yes", "--forget", "forget/role/shop-ci"]).expect(0);
    assert!(attached().is_empty());
    account.run(&["plan", "--detailed-exitcode"]).expect(0);
    let others = iam(&account, &["list-attached-user-policies", "--user-name", "other"]);
    assert_eq!(names(&others, "AttachedPolicies", "PolicyArn"), [arns[0].clone()], "what others gave is theirs");
}
