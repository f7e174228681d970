//! What would break a promise of the policy in a bucket, and what would be dropped from a plan, in the real program on an
//! emulation of AWS: with the command line of AWS as the other party.

use crate::support::{Backstay, Database, Login, Moto, Run, Server};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A policy in a folder, a database, and a bucket of its own in the emulation.
struct Shop {
    folder: tempfile::TempDir,
    database: Database,
    moto: &'static Moto,
    bucket: String,
    environment: Vec<(&'static str, String)>,
}

impl Shop {
    /// `{bucket}` and `{folder}` are filled in.
    fn new(policy: &str) -> Shop {
        let folder = tempfile::Builder::new().prefix("backstay-guards-").tempdir().unwrap();
        let database = Database::create(Server::any(), "guards");
        let bucket = Moto::unique("guards");
        let shop = Shop { folder, database, moto: Moto::shared(), bucket, environment: Vec::new() };
        shop.write(policy);
        shop
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    fn write(&self, policy: &str) {
        let text = policy.replace("{bucket}", &self.bucket).replace("{folder}", self.folder.path().to_str().unwrap());
        fs::write(self.path("backstay.yaml"), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let call = Backstay::new(arguments)
            .current_dir(self.folder.path())
            .env("DATABASE_URL", self.database.url())
            .env("BACKSTAY_PG_BIN", &self.database.server.bin);
        let call = self.environment.iter().fold(call, |call, (name, value)| call.env(name, value));
        self.moto.seen_by(call, &Login::root()).run()
    }

    fn aws(&self, verb: &str, more: &[&str]) -> Value {
        self.moto.aws(&[&["s3api", verb, "--bucket", &self.bucket], more].concat())
    }

    fn rules(&self) -> Vec<Value> {
        self.aws("get-bucket-lifecycle-configuration", &[])["Rules"].as_array().unwrap().clone()
    }

    /// Adds a rule with the command line of AWS, as somebody else would.
    fn add_rule(&self, rule: Value) {
        let mut rules = self.rules();
        rules.push(rule);
        let text = json!({ "Rules": rules }).to_string();
        self.aws("put-bucket-lifecycle-configuration", &["--lifecycle-configuration", &text]);
    }

    /// Applies, with everything allowed that cannot be taken back, and asserts that a second plan is empty.
    fn settle(&self, only: &[&str]) {
        let plan = self.run(&[&["plan", "--json"], only].concat()).expect(0).json();
        let actions = plan["plans"][0]["actions"].as_array().unwrap().clone();
        let addresses = actions.iter().filter(|action| action["irreversible"].is_string());
        let addresses: Vec<&str> = addresses.map(|action| action["address"].as_str().unwrap()).collect();
        let allowed = addresses.iter().flat_map(|address| ["--allow-irreversible", address]);
        let words: Vec<&str> = ["apply", "--yes"].into_iter().chain(only.iter().copied()).chain(allowed).collect();
        let applied = self.run(&words).expect(0);
        let again = self.run(&[&["plan", "--detailed-exitcode"], only].concat());
        assert_eq!(again.code, Some(0), "after {applied:#?} there is still something to do: {again:#?}");
    }
}

const BY_RULE: &str = r#"
version: 1
name: guards
storage:
  offsite:
    type: s3
    bucket: {bucket}
    region: us-east-1
    prefix: prod
    prune: lifecycle
    manage: { create: true, noncurrent_versions: 30d }
tiers:
  monthly:
    schedule: "0 4 1 * *"
    copies: [{ to: offsite, keep: 1y }]
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [monthly] }
"#;

#[test]
fn a_bucket_wide_expiration_is_refused_and_a_harmless_rule_survives() {
    let shop = Shop::new(BY_RULE);
    let before = jiff::Timestamp::now();
    shop.settle(&[]);
    let harmless = json!({
        "ID": "logs", "Status": "Enabled",
        "Filter": { "And": { "Prefix": "logs/", "Tags": [{ "Key": "k", "Value": "v" }] } },
        "Transitions": [{ "Days": 30, "StorageClass": "GLACIER" }], "Expiration": { "Days": 60 },
    });
    shop.add_rule(harmless);
    let shown = |id: &str| shop.rules().into_iter().find(|rule| rule["ID"] == id).map(|rule| rule.to_string());
    let logs = shown("logs").unwrap();
    shop.run(&["plan", "--detailed-exitcode"]).expect(0);

    // One number of the policy is one field of the plan, and theirs is as it was.
    shop.write(&BY_RULE.replace("keep: 1y", "keep: 300d"));
    let plan = shop.run(&["plan", "--json"]).expect(0).json();
    let actions = plan["plans"][0]["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 1, "{actions:#?}");
    let changes = actions[0]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{changes:#?}");
    let forecast = &plan["plans"][0]["outlook"]["forecasts"][0];
    assert_eq!((&forecast["tier"], &forecast["days"][0]["change"]), (&json!("monthly"), &json!("goes")), "{forecast}");
    assert!(forecast["days"][0]["instead_of"].is_string(), "{forecast}");
    shop.settle(&[]);
    assert_eq!(shown("logs").unwrap(), logs);

    shop.add_rule(
        json!({ "ID": "tidy", "Status": "Enabled", "Filter": { "Prefix": "" }, "Expiration": { "Days": 30 } }),
    );
    let rules = shop.rules();
    let plan = shop.run(&["plan"]).expect(4);
    let first = |made: jiff::Timestamp| {
        let end = made + jiff::SignedDuration::from_hours(24 * 30);
        let day = end.to_zoned(jiff::tz::TimeZone::UTC).date();
        day.checked_add(jiff::Span::new().days(1)).unwrap().to_string()
    };
    let expected = [first(before), first(jiff::Timestamp::now())].map(|day| {
        format!(
            "error[BS611]: bucket {}: the rule `tidy`, which this policy did not make, deletes backups of tier `monthly` \
             after 30d, but the policy keeps them for 300d: the first is lost on {day}",
            shop.bucket
        )
    });
    assert!(expected.iter().any(|text| plan.stdout.contains(text)), "{expected:#?} is not in {plan:#?}");
    // Whatever else there is to do waits.
    shop.write(&BY_RULE.replace("keep: 1y", "keep: 200d"));
    shop.run(&["apply", "--yes"]).expect(4);
    assert_eq!(shop.rules(), rules);
    shop.run(&["prune", "--yes"]).expect(0);
    let named = shop.run(&["apply", "--yes", "--only", "backups"]).expect(0);
    assert!(named.stdout.contains("the rule `tidy`"), "{named:#?}");

    // Who promises less is refused no longer.
    shop.write(&BY_RULE.replace("keep: 1y", "keep: 30d"));
    shop.settle(&[]);
    assert_eq!(shown("logs").unwrap(), logs);
}

const REFERENCES: &str = r#"
version: 1
name: guards
storage:
  offsite:
    type: s3
    bucket: {bucket}
    region: us-east-1
    manage:
      create: true
      encryption: { type: sse-kms, key: "alias/${env:KEY_NAME}", create: true }
      access_logs: { bucket: "${env:LOG_BUCKET}", prefix: "${env:LOG_PREFIX:-log/}" }
tiers:
  monthly:
    schedule: "0 4 1 * *"
    copies: [{ to: offsite, keep: 1y }]
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [monthly] }
access:
  writer:
    type: iam-user
    name: {bucket}-writer
    grants: [write]
    storage: [offsite]
    access_key: { deliver_to: "${env:CREDENTIALS}" }
"#;

#[test]
fn names_behind_references_are_looked_up_and_missing_ones_are_told() {
    let mut shop = Shop::new(REFERENCES);
    let only = ["--only", "infra"];
    let told = shop.run(&[&["plan"], &only[..]].concat()).expect(1);
    for (route, variable) in [
        ("storage.offsite.manage.encryption.key", "KEY_NAME"),
        ("storage.offsite.manage.access_logs.bucket", "LOG_BUCKET"),
        ("access.writer.access_key.deliver_to", "CREDENTIALS"),
    ] {
        let line = format!(
            "! {route}: it cannot be looked up, so what it belongs to is not planned: [BS506] environment variable \
             `{variable}` is not set"
        );
        assert!(told.stdout.contains(&line), "{line} is not in {told:#?}");
    }
    let log = Moto::unique("guards-log");
    shop.moto.aws(&["s3api", "create-bucket", "--bucket", &log]);
    shop.moto.aws(&["s3api", "put-bucket-acl", "--bucket", &log, "--acl", "log-delivery-write"]);
    let credentials = shop.path("credentials");
    shop.environment = vec![
        ("KEY_NAME", shop.bucket.clone()),
        ("LOG_BUCKET", log.clone()),
        ("CREDENTIALS", credentials.to_str().unwrap().to_owned()),
    ];
    shop.settle(&only);
    let logging = shop.aws("get-bucket-logging", &[])["LoggingEnabled"].clone();
    assert_eq!((&logging["TargetBucket"], &logging["TargetPrefix"]), (&json!(log), &json!("log/")));
    let encryption = shop.aws("get-bucket-encryption", &[]);
    let rule = &encryption["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"];
    assert_eq!(rule["SSEAlgorithm"], "aws:kms");
    assert!(fs::read_to_string(credentials).unwrap().contains(&format!("[{}-writer]", shop.bucket)));
}

#[test]
fn what_nobody_can_plan_is_told() {
    let policy =
        REFERENCES.replace("      encryption: { type: sse-kms, key: \"alias/${env:KEY_NAME}\", create: true }\n", "");
    let policy = policy
        .replace("      access_logs: { bucket: \"${env:LOG_BUCKET}\", prefix: \"${env:LOG_PREFIX:-log/}\" }\n", "");
    let mut shop = Shop::new(&policy);
    // A server that is not AWS says of nobody who they are.
    shop.environment = vec![("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9".to_owned()), ("CREDENTIALS", "x".to_owned())];
    let told = shop.run(&["plan", "--only", "infra"]).expect(1);
    assert!(
        told.stdout.contains("! access/writer: nothing is planned for it: AWS does not say who we are"),
        "{told:#?}"
    );
    // Who only takes backups is not bothered with it.
    let asked = shop.run(&["plan", "--only", "prune"]).expect(0);
    assert!(!asked.stdout.contains("access/writer"), "{asked:#?}");
}

const LOCKED: &str = r#"
version: 1
name: guards
storage:
  offsite:
    type: s3
    bucket: {bucket}
    region: us-east-1
    prefix: prod
    manage: { create: true, object_lock: { mode: governance, retain: 1d }, noncurrent_versions: 30d }
tiers:
  monthly:
    schedule: "0 4 1 * *"
    copies: [{ to: offsite, keep: 1y, transitions: [{ after: 30d, to: GLACIER }] }]
  yearly:
    schedule: "0 5 1 1 *"
    copies: [{ to: offsite, keep: 3y, transitions: [{ after: 60d, to: GLACIER }] }]
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [monthly, yearly] }
"#;

#[test]
fn a_bucket_is_made_with_its_lock_and_rules_go_with_their_tier() {
    let shop = Shop::new(LOCKED);
    let only = ["--only", "infra"];
    shop.run(&["apply", "--yes", "--only", "infra"]).expect(4);
    let absent = shop.moto.aws_as(&Login::root(), &["s3api", "head-bucket", "--bucket", &shop.bucket]);
    assert_ne!(absent.code, Some(0), "a bucket with a lock needs a word of its own: {absent:#?}");
    shop.run(&["apply", "--yes", "--only", "infra", "--allow-irreversible", "storage/offsite/bucket"]).expect(0);
    shop.run(&[&["plan", "--detailed-exitcode"], &only[..]].concat()).expect(0);
    let lock = shop.aws("get-object-lock-configuration", &[]);
    assert_eq!(lock["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]["Mode"], "GOVERNANCE");
    assert_eq!(shop.aws("get-bucket-versioning", &[])["Status"], "Enabled");

    shop.add_rule(json!({
        "ID": "logs", "Status": "Enabled", "Filter": { "Prefix": "logs/" }, "Expiration": { "Days": 60 },
    }));
    let ids = || -> Vec<String> {
        let mut ids: Vec<String> = shop.rules().iter().map(|rule| rule["ID"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let before = ids();
    let yearly = "backstay-guards-data/offsite/yearly".to_owned();
    assert!(before.contains(&yearly), "{before:?}");
    let without = LOCKED.replace("[monthly, yearly]", "[monthly]");
    let (start, rest) = without.split_once("  yearly:").unwrap();
    shop.write(&format!("{start}databases:{}", rest.split_once("databases:").unwrap().1));
    shop.settle(&only);
    assert_eq!(ids(), before.into_iter().filter(|id| *id != yearly).collect::<Vec<_>>());
}

/// The policy with a user, without the references of the bucket.
fn plain(text: &str) -> String {
    let is_plain = |line: &&str| !line.contains("encryption:") && !line.contains("access_logs:");
    text.lines().filter(is_plain).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_user_that_is_not_asked_for_any_more_is_told_and_let_go_of_by_name() {
    let mut shop = Shop::new(REFERENCES);
    let only = ["--only", "infra"];
    shop.write(&plain(REFERENCES));
    shop.environment = vec![("CREDENTIALS", shop.path("credentials").to_str().unwrap().to_owned())];
    shop.settle(&only);
    let user = format!("{}-writer", shop.bucket);
    let theirs =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;
    let put = ["iam", "put-user-policy", "--user-name", &user, "--policy-name", "theirs", "--policy-document", theirs];
    shop.moto.aws(&put);
    let policies = || shop.moto.aws(&["iam", "list-user-policies", "--user-name", &user])["PolicyNames"].clone();
    let both = policies();
    assert_eq!(both.as_array().unwrap().len(), 2);

    shop.write(plain(REFERENCES).split("access:\n").next().unwrap());
    let address = format!("forget/user/{user}");
    let told = shop.run(&[&["plan", "--detailed-exitcode"], &only[..]].concat()).expect(0);
    assert!(told.stdout.contains(&format!("`backstay apply --forget {address}` takes back")), "{told:#?}");
    assert!(told.stdout.contains("with the key AK"), "{told:#?}");
    shop.run(&[&["apply", "--yes"], &only[..]].concat()).expect(0);
    assert_eq!(policies(), both);
    let wrong = shop.run(&[&["plan", "--forget", "forget/user/nobody"], &only[..]].concat()).expect(1);
    assert!(wrong.stdout.contains("there is nothing of that name to forget"), "{wrong:#?}");

    shop.run(&[&["apply", "--yes", "--forget", &address], &only[..]].concat()).expect(0);
    assert_eq!(policies(), json!(["theirs"]));
    let keys = shop.moto.aws(&["iam", "list-access-keys", "--user-name", &user]);
    assert_eq!(keys["AccessKeyMetadata"][0]["Status"], "Active");
    let silent = shop.run(&[&["plan", "--detailed-exitcode"], &only[..]].concat()).expect(0);
    assert!(!silent.stdout.contains(&user), "{silent:#?}");
}

const RENAMED: &str = r#"
version: 1
name: {bucket}
storage:
  offsite:
    type: s3
    bucket: {bucket}
    region: us-east-1
    manage: { create: true, versioning: true, noncurrent_versions: 30d }
tiers:
  monthly:
    schedule: "0 4 1 * *"
    copies: [{ to: offsite, keep: 1y, transitions: [{ after: 30d, to: GLACIER }] }]
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [monthly] }
"#;

#[test]
fn a_bucket_that_is_not_named_any_more_is_told_and_let_go_of_by_name() {
    let mut shop = Shop::new(RENAMED);
    let only = ["--only", "infra"];
    shop.settle(&only);
    let foreign =
        json!({ "ID": "theirs", "Status": "Enabled", "Filter": { "Prefix": "x/" }, "Expiration": { "Days": 400 } });
    shop.add_rule(foreign);
    assert!(shop.rules().len() > 1, "{:?}", shop.rules());

    // Another bucket takes its place.
    let old = shop.bucket.clone();
    let text = RENAMED.replace("name: {bucket}", &format!("name: {old}"));
    shop.bucket = format!("{old}-new");
    shop.write(&text);
    shop.settle(&only);
    let address = format!("forget/bucket/{old}");
    let told = shop.run(&[&["plan", "--detailed-exitcode"], &only[..]].concat()).expect(0);
    assert!(told.stdout.contains(&format!("`backstay apply --forget {address}` takes out")), "{told:#?}");
    let of_old = |shop: &Shop| shop.moto.aws(&["s3api", "get-bucket-lifecycle-configuration", "--bucket", &old]);
    assert!(of_old(&shop)["Rules"].as_array().unwrap().len() > 1);

    shop.run(&[&["apply", "--yes", "--forget", &address], &only[..]].concat()).expect(0);
    let rules = of_old(&shop)["Rules"].clone();
    assert_eq!(rules.as_array().unwrap().iter().map(|rule| rule["ID"].clone()).collect::<Vec<_>>(), ["theirs"]);
    let versioning = shop.moto.aws(&["s3api", "get-bucket-versioning", "--bucket", &old]);
    assert_eq!(versioning["Status"], "Enabled");
    let silent = shop.run(&[&["plan", "--detailed-exitcode"], &only[..]].concat()).expect(0);
    assert!(!silent.stdout.contains(&address), "{silent:#?}");
}
