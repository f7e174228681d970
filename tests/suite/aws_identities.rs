//! Users, roles and keys in places of their own: paths, boundaries, and a key whose making was answered to nobody.

use crate::support::Account;
use serde_json::Value;

const POLICY: &str = r#"
version: 1
name: shop
storage:
  near: { type: s3, bucket: shop-near, region: us-east-1, manage: { create: true } }
tiers:
  daily: { schedule: "0 0 1 1 *", copies: [{ to: near, keep: 7d }] }
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [daily] }
"#;

const ACCESS: &str = r#"
access:
  writer:
    type: iam-user
    name: shop-writer
    grants: [write]
    storage: [near]
    path: /databases/shop/
  ci:
    type: iam-role
    name: shop-ci
    grants: [read]
    storage: [near]
    path: /databases/shop/
    permissions_boundary: "{boundary}"
    trust: { github: { repository: acme/shop, environment: production } }
"#;

fn aws(account: &Account, words: &[&str]) -> Value {
    account.moto.aws(words)
}

fn policy(account: &Account, name: &str) -> String {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let made = aws(account, &["iam", "create-policy", "--policy-name", name, "--policy-document", document]);
    made["Policy"]["Arn"].as_str().unwrap().to_owned()
}

#[test]
fn paths_and_boundaries_are_made_kept_and_changed() {
    let account = Account::new(POLICY);
    let (narrow, wide) = (policy(&account, "narrow"), policy(&account, "wide"));
    account.write(&format!("{POLICY}{}", ACCESS.replace("{boundary}", &narrow)));
    account.apply();
    let user = &aws(&account, &["iam", "get-user", "--user-name", "shop-writer"])["User"];
    assert_eq!(user["Path"], "/databases/shop/");
    let role = || aws(&account, &["iam", "get-role", "--role-name", "shop-ci"])["Role"].clone();
    assert_eq!(role()["Path"], "/databases/shop/");
    assert_eq!(role()["PermissionsBoundary"]["PermissionsBoundaryArn"], narrow.as_str());

    // Another boundary is one field; nobody knows whether it is wider, so it comes last.
    account.edit(&narrow, &wide);
    let actions = account.actions();
    let changes = actions[0]["changes"].as_array().unwrap();
    assert_eq!((actions.len(), changes.len(), &changes[0]["field"]), (1, 1, &Value::from("boundary")), "{actions:?}");
    assert_eq!(actions[0]["loosens"], true, "{actions:?}");
    account.apply();
    assert_eq!(role()["PermissionsBoundary"]["PermissionsBoundaryArn"], wide.as_str());

    // One that the policy does not name stays, and so does where something stands.
    account.edit(&format!("    permissions_boundary: \"{wide}\"\n"), "");
    account.edit("    path: /databases/shop/\n    trust", "    path: /elsewhere/\n    trust");
    account.run(&["plan", "--detailed-exitcode"]).expect(0);
    assert_eq!(role()["Path"], "/databases/shop/");

    // Who is asked for no longer is found below a path of the policy's own, too.
    let text = std::fs::read_to_string(account.path("backstay.yaml")).unwrap();
    account.write(&text[..text.find("  ci:\n").unwrap()]);
    let plan = account.run(&["plan", "--detailed-exitcode"]).expect(0);
    assert!(plan.stdout.contains("forget/role/shop-ci"), "{plan:#?}");
}

#[test]
fn a_key_whose_making_was_answered_to_nobody_gets_its_alias() {
    let account = Account::new(POLICY);
    let manage = "manage: { create: true, encryption: { type: sse-kms, key: alias/shop, create: true } } }";
    account.edit("manage: { create: true } }", manage);
    // What is left of runs whose answer was lost: one for it, one for another alias, and one that is to be deleted.
    let make = |alias: &str| {
        let tags =
            ["TagKey=managed-by,TagValue=backstay".to_owned(), format!("TagKey=backstay-alias,TagValue={alias}")];
        let made = aws(&account, &["kms", "create-key", "--tags", &tags[0], &tags[1]]);
        made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    };
    let (doomed, _other, lost) = (make("alias/shop"), make("alias/shop-two"), make("alias/shop"));
    aws(&account, &["kms", "schedule-key-deletion", "--key-id", &doomed, "--pending-window-in-days", "7"]);
    account.apply();
    let named = aws(&account, &["kms", "describe-key", "--key-id", "alias/shop"]);
    assert_eq!(named["KeyMetadata"]["KeyId"], lost.as_str());
    let all = aws(&account, &["kms", "list-keys"]);
    assert_eq!(all["Keys"].as_array().unwrap().len(), 3, "none was made: {all}");

    // Where there is none one is made, with the tags by which it would be known again.
    account.edit("alias/shop", "alias/shop-three");
    account.apply();
    let named = aws(&account, &["kms", "describe-key", "--key-id", "alias/shop-three"]);
    let id = named["KeyMetadata"]["KeyId"].as_str().unwrap();
    let tags = aws(&account, &["kms", "list-resource-tags", "--key-id", id]);
    assert!(tags.to_string().contains("alias/shop-three"), "{tags}");
}
