//! An empty account becomes a safe home for backups: everything that can be managed is planned, made, and shown by the
//! command line of AWS as the policy says; afterwards nothing is left to do, whatever else stands there.

use crate::support::{ACCOUNT, Account, Database, Moto};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const POLICY: &str = r#"
version: 1
name: shop
storage:
  vault:
    type: s3
    bucket: shop-vault
    region: eu-west-1
    prefix: prod
    manage:
      create: true
      versioning: true
      encryption: { type: sse-kms, key: alias/shop-backups, bucket_key: true, create: true }
      public_access: blocked
      transport: tls-only
      overwrite: denied
      abort_incomplete_uploads: 7d
      noncurrent_versions: 30d
      replicate_to: elsewhere
      access_logs: { bucket: shop-logs, prefix: vault/ }
      tags: { team: platform }
  elsewhere:
    type: s3
    bucket: shop-elsewhere
    region: us-west-2
    prefix: prod
    manage: { create: true, versioning: true, encryption: sse-s3, public_access: blocked, transport: tls-only }
  locked:
    type: s3
    bucket: shop-locked
    region: us-east-1
    manage: { create: true, object_lock: { mode: governance, retain: 3d }, encryption: sse-s3 }
tiers:
  daily:
    schedule: "0 0 1 1 *"
    copies: [{ to: vault, keep: 30d }, { to: locked, keep: 7d }]
  yearly:
    schedule: "0 0 1 1 *"
    copies: [{ to: vault, keep: 3y, transitions: [{ after: 30d, to: GLACIER }, { after: 180d, to: DEEP_ARCHIVE }] }]
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [daily, yearly] }
access:
  backup:
    type: iam-user
    name: shop-backup
    grants: [write, read]
    storage: [vault, locked]
    access_key: { deliver_to: "{folder}/credentials", rotate_after: 90d }
  ci:
    type: iam-role
    name: shop-ci
    grants: [read]
    storage: [vault]
    trust: { github: { repository: acme/shop, environment: production } }
"#;

const ADDRESSES: [&str; 36] = [
    "access/backup/access-key",
    "access/backup/grants",
    "access/backup/user",
    "access/ci/grants",
    "access/ci/oidc-provider",
    "access/ci/role",
    "backup/app/daily",
    "backup/app/yearly",
    "storage/elsewhere/bucket",
    "storage/elsewhere/encryption",
    "storage/elsewhere/marker",
    "storage/elsewhere/ownership",
    "storage/elsewhere/policy",
    "storage/elsewhere/public-access",
    "storage/elsewhere/tags",
    "storage/elsewhere/versioning",
    "storage/locked/bucket",
    "storage/locked/encryption",
    "storage/locked/marker",
    "storage/locked/object-lock",
    "storage/locked/tags",
    "storage/locked/versioning",
    "storage/vault/access-log",
    "storage/vault/bucket",
    "storage/vault/encryption",
    "storage/vault/grants",
    "storage/vault/kms-key",
    "storage/vault/lifecycle",
    "storage/vault/marker",
    "storage/vault/ownership",
    "storage/vault/policy",
    "storage/vault/public-access",
    "storage/vault/replication",
    "storage/vault/role",
    "storage/vault/tags",
    "storage/vault/versioning",
];

fn shop() -> Account {
    let account = Account::in_emulation(Moto::start_with_tls(), POLICY);
    // The bucket that takes the access log is somebody else's affair.
    let log = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": { "Service": "logging.s3.amazonaws.com" }, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::shop-logs/*" }] });
    account.moto.aws(&[
        "s3api",
        "create-bucket",
        "--bucket",
        "shop-logs",
        "--create-bucket-configuration",
        "LocationConstraint=eu-west-1",
        "--region",
        "eu-west-1",
    ]);
    account.moto.aws(&["s3api", "put-bucket-policy", "--bucket", "shop-logs", "--policy", &log.to_string()]);
    account
}

impl Account {
    /// What the command line of AWS says of a bucket.
    fn of(&self, bucket: &str, verb: &str) -> Value {
        self.moto.aws(&["s3api", verb, "--bucket", bucket])
    }

    fn rule(&self, id: &str) -> Value {
        let all = self.of("shop-vault", "get-bucket-lifecycle-configuration");
        let rule = all["Rules"].as_array().unwrap().iter().find(|rule| rule["ID"] == id).cloned();
        rule.unwrap_or_else(|| panic!("no rule {id} in {all}"))
    }
}

/// A document that comes as a text or as itself.
fn document(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| serde_json::from_str(text).unwrap())
}

#[test]
fn an_empty_account_becomes_what_the_policy_says() {
    let account = shop();
    let planned: BTreeSet<String> =
        account.actions().iter().map(|action| action["address"].as_str().unwrap().to_owned()).collect();
    let expected: BTreeSet<String> = ADDRESSES.iter().map(|a| (*a).to_owned()).collect();
    assert_eq!(planned, expected);
    account.apply();

    for (bucket, region) in [("shop-vault", "eu-west-1"), ("shop-elsewhere", "us-west-2")] {
        assert_eq!(account.of(bucket, "get-bucket-location")["LocationConstraint"], region);
        assert_eq!(account.of(bucket, "get-bucket-versioning")["Status"], "Enabled");
        let block = account.of(bucket, "get-public-access-block");
        let flags = block["PublicAccessBlockConfiguration"].as_object().unwrap();
        assert!(flags.len() == 4 && flags.values().all(|flag| flag == true), "{block}");
        let ownership = account.of(bucket, "get-bucket-ownership-controls");
        assert_eq!(ownership["OwnershipControls"]["Rules"][0]["ObjectOwnership"], "BucketOwnerEnforced");
    }
    let key = account.moto.aws(&["kms", "describe-key", "--key-id", "alias/shop-backups", "--region", "eu-west-1"]);
    let arn = &key["KeyMetadata"]["Arn"];
    let encryption = account.of("shop-vault", "get-bucket-encryption");
    let rule = &encryption["ServerSideEncryptionConfiguration"]["Rules"][0];
    let by_default = json!({ "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn });
    assert_eq!((&rule["ApplyServerSideEncryptionByDefault"], &rule["BucketKeyEnabled"]), (&by_default, &json!(true)));
    let encryption = account.of("shop-locked", "get-bucket-encryption");
    let by_default = &encryption["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"];
    assert_eq!(by_default["SSEAlgorithm"], "AES256");

    let tags = account.of("shop-vault", "get-bucket-tagging");
    let tag = |key: &str, value: &str| json!({ "Key": key, "Value": value });
    let mut found = tags["TagSet"].as_array().unwrap().clone();
    found.sort_by_key(|tag| tag["Key"].to_string());
    assert_eq!(found, [tag("backstay-policy", "shop"), tag("managed-by", "backstay"), tag("team", "platform")]);

    let policy = document(&account.of("shop-vault", "get-bucket-policy")["Policy"]);
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 2, "{policy}");
    assert!(statements.iter().all(|statement| statement["Effect"] == "Deny"));
    assert_eq!(statements[0]["Condition"]["Bool"]["aws:SecureTransport"], "false");
    let below = |keys: &str| format!("arn:aws:s3:::shop-vault/prod/{keys}");
    assert_eq!(statements[1]["Resource"], json!([below("data/*"), below("manifest/*Z-????.json")]));

    let yearly = account.rule("backstay-shop-data/vault/yearly");
    assert_eq!(yearly["Filter"]["Prefix"], "prod/data/yearly/");
    let moves = json!([{ "Days": 30, "StorageClass": "GLACIER" }, { "Days": 180, "StorageClass": "DEEP_ARCHIVE" }]);
    assert_eq!(yearly["Transitions"], moves);
    let uploads = account.rule("backstay-shop-uploads/vault");
    assert_eq!(uploads["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"], 7);
    let versions = account.rule("backstay-shop-versions/vault");
    assert_eq!(versions["NoncurrentVersionExpiration"]["NoncurrentDays"], 30);
    assert_eq!(versions["Expiration"]["ExpiredObjectDeleteMarker"], true);

    let lock = account.of("shop-locked", "get-object-lock-configuration");
    let by_default = &lock["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
    assert_eq!((&by_default["Mode"], &by_default["Days"]), (&json!("GOVERNANCE"), &json!(3)));
    let logging = account.of("shop-vault", "get-bucket-logging");
    assert_eq!(logging["LoggingEnabled"], json!({ "TargetBucket": "shop-logs", "TargetPrefix": "vault/" }));

    let replication = &account.of("shop-vault", "get-bucket-replication")["ReplicationConfiguration"];
    let role = format!("arn:aws:iam::{ACCOUNT}:role/backstay/shop/backstay-shop-vault-replication");
    assert_eq!(replication["Role"], role.as_str());
    let rules = replication["Rules"].as_array().unwrap();
    let prefixes: Vec<&str> = rules.iter().map(|rule| rule["Filter"]["Prefix"].as_str().unwrap()).collect();
    assert_eq!(prefixes, ["prod/data/", "prod/manifest/"]);
    assert!(rules.iter().all(|rule| rule["Destination"]["Bucket"] == "arn:aws:s3:::shop-elsewhere"));

    identities(&account);

    // What was stored, under the key of KMS too, comes back.
    account.run(&["verify", "--deep"]).expect(0);
    let copy = Database::name_only(account.source.server, "account_copy");
    let restored = account.run(&["restore", "app", "--tier", "yearly", "--into", &copy.name]);
    assert_eq!(restored.code, Some(0), "{restored:#?}");
    assert_eq!(copy.psql("SELECT count(*) FROM t"), "500");
}

fn identities(account: &Account) {
    let iam = |words: &[&str]| account.moto.aws(&[&["iam"], words].concat());
    let user = &iam(&["get-user", "--user-name", "shop-backup"])["User"];
    assert_eq!(user["Path"], "/backstay/shop/");
    assert_eq!(user["Tags"].as_array().unwrap().len(), 2);
    let grants = iam(&["get-user-policy", "--user-name", "shop-backup", "--policy-name", "backstay-shop"]);
    let granted = document(&grants["PolicyDocument"]).to_string();
    for word in ["s3:PutObject\"", "s3:RestoreObject", "arn:aws:s3:::shop-vault/prod/*", "arn:aws:s3:::shop-locked/*"] {
        assert!(granted.contains(word), "{word}: {granted}");
    }
    for word in ["DeleteObjectVersion", "PutLifecycle", "PutBucket", "Bypass", "iam:"] {
        assert!(!granted.contains(word), "{word}: {granted}");
    }
    let keys = iam(&["list-access-keys", "--user-name", "shop-backup"]);
    let keys = keys["AccessKeyMetadata"].as_array().unwrap().clone();
    assert_eq!((keys.len(), &keys[0]["Status"]), (1, &json!("Active")));
    assert_eq!(account.delivered("credentials", "shop-backup").id, keys[0]["AccessKeyId"].as_str().unwrap());

    let role = &iam(&["get-role", "--role-name", "shop-ci"])["Role"];
    let trust = document(&role["AssumeRolePolicyDocument"]);
    let trust = &trust["Statement"][0];
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com");
    assert_eq!(trust["Principal"]["Federated"], provider.as_str());
    assert_eq!(trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:aud"], "sts.amazonaws.com");
    assert!(trust["Condition"].to_string().contains("repo:acme/shop:environment:production"), "{trust}");
    let granted = iam(&["get-role-policy", "--role-name", "shop-ci", "--policy-name", "backstay-shop"]);
    let granted = document(&granted["PolicyDocument"]).to_string();
    assert!(granted.contains("s3:GetObject") && !granted.contains("s3:Put"), "{granted}");
    let oidc = iam(&["get-open-id-connect-provider", "--open-id-connect-provider-arn", &provider]);
    assert_eq!(oidc["ClientIDList"], json!(["sts.amazonaws.com"]));
    let copies = ["get-role", "--role-name", "backstay-shop-vault-replication"];
    let trust = document(&iam(&copies)["Role"]["AssumeRolePolicyDocument"]);
    assert_eq!(trust["Statement"][0]["Principal"]["Service"], "s3.amazonaws.com");
}

/// One number of the policy is one field of the plan, and the plan says what happens to which backup on which day.
#[test]
fn one_number_is_one_field_and_what_is_not_ours_stays() {
    let account = shop();
    // Small objects never move to another class.
    account.source.psql("CREATE TABLE large AS SELECT md5(random()::text || n) AS m FROM generate_series(1, 20000) n");
    account.apply();
    let statement = json!({ "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop-vault/reports/*" });
    let rule = json!({ "ID": "theirs", "Status": "Enabled", "Filter": { "Prefix": "reports/" },
        "Expiration": { "Days": 10 } });
    let tag = json!({ "Key": "cost-centre", "Value": "42" });
    let with = |all: &Value, more: &Value| {
        let mut all = all.as_array().unwrap().clone();
        all.push(more.clone());
        all
    };
    let put = |verb: &str, option: &str, document: Value| {
        account.moto.aws(&["s3api", verb, "--bucket", "shop-vault", option, &document.to_string()]);
    };
    let mut policy = document(&account.of("shop-vault", "get-bucket-policy")["Policy"]);
    policy["Statement"] = with(&policy["Statement"], &statement).into();
    put("put-bucket-policy", "--policy", policy);
    let rules = with(&account.of("shop-vault", "get-bucket-lifecycle-configuration")["Rules"], &rule);
    put("put-bucket-lifecycle-configuration", "--lifecycle-configuration", json!({ "Rules": rules }));
    let tags = with(&account.of("shop-vault", "get-bucket-tagging")["TagSet"], &tag);
    put("put-bucket-tagging", "--tagging", json!({ "TagSet": tags }));
    account.moto.aws(&["iam", "tag-user", "--user-name", "shop-backup", "--tags", "Key=owner,Value=ops"]);
    account.run(&["plan", "--detailed-exitcode"]).expect(0);

    account.edit("after: 30d, to: GLACIER", "after: 60d, to: GLACIER");
    let plan = account.run(&["plan", "--json"]).expect(0).json();
    let plan = &plan["plans"][0];
    let actions = plan["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 1, "{actions:#?}");
    assert_eq!(actions[0]["address"], "storage/vault/lifecycle");
    let field = "rules.backstay-shop-data/vault/yearly.transitions.0.days";
    assert_eq!(actions[0]["changes"], json!([{ "field": field, "before": "30", "after": "60" }]));
    assert!(actions[0]["reason"].as_str().unwrap().contains("not ours, and kept: rule theirs"), "{}", actions[0]);
    let backups = account.run(&["list", "--json"]).expect(0).json();
    let backups = backups["databases"][0]["backups"].as_array().unwrap().clone();
    let yearly = backups.iter().find(|backup| backup["tier"] == "yearly").unwrap()["id"].clone();
    let forecasts = plan["outlook"]["forecasts"].as_array().unwrap();
    let days = forecasts.iter().find(|forecast| forecast["tier"] == "yearly").unwrap()["days"].as_array().unwrap();
    let moved = days.iter().find(|day| day["change"].to_string().contains("GLACIER"));
    let moved = moved.unwrap_or_else(|| panic!("nothing moves: {forecasts:#?}"));
    assert_eq!(moved["backups"], json!([yearly]));
    let day = |said: &Value| said.as_str().unwrap().parse::<jiff::civil::Date>().unwrap();
    let later = day(&moved["on"]) - day(&moved["instead_of"]);
    assert_eq!(later.get_days(), 30, "{moved}");
    let shown = account.run(&["plan"]).expect(0).stdout;
    assert!(shown.contains(&format!("{field}: 30 → 60")) && shown.contains("instead of on"), "{shown}");

    account.edit("tags: { team: platform }", "tags: { team: storage }");
    account.edit("overwrite: denied", "# ");
    account.apply();
    assert_eq!(account.rule("theirs"), rule);
    assert_eq!(account.rule("backstay-shop-data/vault/yearly")["Transitions"][0]["Days"], 60);
    let policy = document(&account.of("shop-vault", "get-bucket-policy")["Policy"]);
    let statements = policy["Statement"].as_array().unwrap();
    assert!(statements.len() == 2 && statements.contains(&statement), "{policy}");
    let tags = account.of("shop-vault", "get-bucket-tagging")["TagSet"].clone();
    let tags = tags.as_array().unwrap();
    assert!(tags.contains(&tag) && tags.contains(&json!({ "Key": "team", "Value": "storage" })), "{tags:?}");
    let user = account.moto.aws(&["iam", "get-user", "--user-name", "shop-backup"])["User"].clone();
    assert!(user["Tags"].as_array().unwrap().contains(&json!({ "Key": "owner", "Value": "ops" })), "{user}");
}
