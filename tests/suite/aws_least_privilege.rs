//! Who may what, proved with IAM enforced: the keys that `apply` delivers, and the documents of `plan --iam-policy`.

use crate::support::{Account, Database, Login, Run};
use serde_json::{Value, json};

const POLICY: &str = r#"
version: 1
name: shop
storage:
  cloud:
    type: s3
    bucket: shop-cloud
    region: us-east-1
    prefix: prod
    manage:
      create: true
      versioning: true
      overwrite: denied
      public_access: blocked
      encryption: sse-s3
      abort_incomplete_uploads: 7d
tiers:
  now:
    schedule: manual
    copies: [{ to: cloud, keep: { last: 1 } }]
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [now] }
access:
  writer: { type: iam-user, name: shop-writer, grants: [write], storage: [cloud], access_key: { deliver_to: "{folder}/keys" } }
  reader: { type: iam-user, name: shop-reader, grants: [read], storage: [cloud], access_key: { deliver_to: "{folder}/keys" } }
  pruner: { type: iam-user, name: shop-pruner, grants: [prune], storage: [cloud], access_key: { deliver_to: "{folder}/keys" } }
"#;

const BUCKET: &str = "shop-cloud";

/// An account with everything made, in which IAM is enforced from now on, and who may do everything there.
struct Enforced {
    account: Account,
    admin: Login,
}

impl Enforced {
    fn new() -> Enforced {
        let account = Account::new(POLICY);
        account.apply();
        Enforced::of(account)
    }

    fn of(account: Account) -> Enforced {
        let admin = account.moto.enforce();
        Enforced { account, admin }
    }

    /// A call with the key that was delivered to a user.
    fn with(&self, user: &str, arguments: &[&str]) -> Run {
        self.account.call_with("keys", user, arguments).run()
    }

    /// Two backups, taken with the writer's key; the ids, the older one first.
    fn two_backups(&self) -> [String; 2] {
        [0, 1].map(|_| {
            let made = self.with("shop-writer", &["backup", "app", "--json"]).expect(0).json();
            std::thread::sleep(std::time::Duration::from_millis(1_100));
            made["manifest"]["id"].as_str().unwrap().to_owned()
        })
    }

    /// Every version of every object: key and id.
    fn versions(&self) -> Vec<(String, String)> {
        let words = ["s3api", "list-object-versions", "--bucket", BUCKET];
        let all = self.account.moto.aws_as(&self.admin, &words).expect(0).json();
        let of = |kind: &str| all[kind].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let both = of("Versions").into_iter().chain(of("DeleteMarkers"));
        both.map(|one| (text(&one["Key"]), text(&one["VersionId"]))).collect()
    }

    /// What belongs to backups: data and manifests.
    fn kept(&self) -> Vec<(String, String)> {
        let is_kept = |key: &str| key.starts_with("prod/data/") || key.starts_with("prod/manifest/");
        self.versions().into_iter().filter(|(key, _)| is_kept(key)).collect()
    }

    /// Asserts that the command line of AWS is refused.
    #[track_caller]
    fn denied(&self, login: &Login, words: &[&str]) {
        let run = self.account.moto.aws_as(login, &[&["s3api"], words].concat());
        let refused = ["AccessDenied", "(403)", "PreconditionFailed"]
            .iter()
            .any(|word| run.stderr.contains(word) || run.stdout.contains(word));
        assert!(refused, "{words:?}: {run:#?}");
    }
}

#[test]
fn who_writes_backs_up_and_neither_deletes_nor_overwrites_nor_changes_rules() {
    let enforced = Enforced::new();
    let [first, _] = enforced.two_backups();
    // From cron, with the same policy: what is not the writer's to read is no trouble.
    enforced.with("shop-writer", &["apply", "--yes", "--only", "backups"]).expect(0);
    enforced.with("shop-writer", &["list"]).expect(0);
    let before = enforced.versions();
    let (key, version) = before.iter().find(|(key, _)| key.contains(&first) && key.ends_with("/dump.zst")).unwrap();
    let (manifest, _) = before.iter().find(|(key, _)| key.starts_with("prod/manifest/")).unwrap();
    let writer = enforced.account.delivered("keys", "shop-writer");
    let denied = |words: &[&str]| enforced.denied(&writer, &[&words[..1], &["--bucket", BUCKET], &words[1..]].concat());
    for key in [key, manifest] {
        denied(&["delete-object", "--key", key]);
        denied(&["delete-object", "--key", key, "--version-id", version]);
        let one = json!({ "Objects": [{ "Key": key }, { "Key": key, "VersionId": version }] });
        denied(&["delete-objects", "--delete", &one.to_string()]);
    }
    let body = enforced.account.path("backstay.yaml");
    let body = body.to_str().unwrap();
    denied(&["put-object", "--key", key, "--body", body]);
    denied(&["put-object", "--key", key, "--body", body, "--if-none-match", "*"]);
    denied(&["put-object", "--key", manifest, "--body", body]);
    denied(&["put-object", "--key", manifest, "--body", body, "--if-none-match", "*"]);
    denied(&["get-object", "--key", key, "/dev/null"]);
    let rule = json!({ "Rules": [{ "ID": "x", "Status": "Enabled", "Filter": {}, "Expiration": { "Days": 1 } }] });
    denied(&["put-bucket-lifecycle-configuration", "--lifecycle-configuration", &rule.to_string()]);
    denied(&["delete-bucket-lifecycle"]);
    denied(&["put-bucket-versioning", "--versioning-configuration", "Status=Suspended"]);
    denied(&["delete-bucket-policy"]);
    denied(&["delete-bucket"]);
    let run = enforced.with("shop-writer", &["prune", "--yes"]).expect(1);
    assert!(run.stdout.contains("[BS504]") && run.stdout.contains("s3:GetObjectRetention"), "{run:#?}");
    let after = enforced.kept();
    assert_eq!(after.len(), before.iter().filter(|one| after.contains(one)).count());
    assert!(before.iter().filter(|(key, _)| key.starts_with("prod/data/")).all(|one| after.contains(one)));
}

#[test]
fn who_reads_restores_and_who_prunes_deletes_for_good() {
    let enforced = Enforced::new();
    let [first, second] = enforced.two_backups();
    enforced.with("shop-reader", &["list"]).expect(0);
    enforced.with("shop-reader", &["show", &second]).expect(0);
    enforced.with("shop-reader", &["verify", "--deep"]).expect(0);
    let copy = Database::name_only(enforced.account.source.server, "least_privilege");
    enforced.with("shop-reader", &["restore", "app", "--into", &copy.name]).expect(0);
    assert_eq!(copy.psql("SELECT count(*) FROM t"), "500");
    let run = enforced.with("shop-reader", &["backup", "app"]);
    assert!(run.code == Some(1) && run.stderr.contains("s3:PutObject"), "{run:#?}");
    let reader = enforced.account.delivered("keys", "shop-reader");
    let body = enforced.account.path("backstay.yaml");
    let put = ["put-object", "--bucket", BUCKET, "--key", "prod/data/x", "--if-none-match", "*", "--body"];
    enforced.denied(&reader, &[&put[..], &[body.to_str().unwrap()]].concat());
    let of_first = |all: &[(String, String)]| all.iter().filter(|(key, _)| key.contains(&first)).count();
    assert!(of_first(&enforced.kept()) >= 3);
    enforced.denied(&reader, &["delete-object", "--bucket", BUCKET, "--key", &enforced.kept()[0].0]);

    let run = enforced.with("shop-pruner", &["backup", "app"]);
    assert_eq!(run.code, Some(1), "{run:#?}");
    enforced.with("shop-pruner", &["prune", "--yes"]).expect(0);
    assert_eq!(of_first(&enforced.kept()), 0, "{:#?}", enforced.kept());
    let again = enforced.account.call(&enforced.admin, &["plan", "--detailed-exitcode"]).run();
    assert_eq!(again.code, Some(0), "{again:#?}");
    enforced.account.call(&enforced.admin, &["verify", "--deep"]).run().expect(0);
}

/// The document of `plan --iam-policy` for these duties.
fn printed(account: &Account, duties: &str) -> Value {
    account.run(&["plan", "--iam-policy", duties]).expect(0).json()
}

/// A document without an action.
fn without(document: &Value, action: &str) -> String {
    let mut document = document.clone();
    for statement in document["Statement"].as_array_mut().unwrap() {
        statement["Action"].as_array_mut().unwrap().retain(|one| one != action);
    }
    document.to_string()
}

#[test]
fn a_purge_without_its_permissions_names_them_and_deletes_nothing() {
    let account = Account::new(POLICY);
    account.apply();
    let pruner = printed(&account, "pruner");
    let lists = account.moto.user_with("no-list", &without(&pruner, "s3:ListBucketVersions"));
    let deletes = account.moto.user_with("no-delete", &without(&pruner, "s3:DeleteObjectVersion"));
    let enforced = Enforced::of(account);
    enforced.two_backups();
    let before = enforced.kept();
    for (login, permission) in [(lists, "s3:ListBucketVersions"), (deletes, "s3:DeleteObjectVersion")] {
        let run = enforced.account.call(&login, &["prune", "--yes"]).run().expect(1);
        assert!(run.stdout.contains("BS504") && run.stdout.contains(permission), "{run:#?}");
        assert_eq!(enforced.kept(), before);
    }
    enforced.with("shop-pruner", &["prune", "--yes"]).expect(0);
    assert!(enforced.kept().len() < before.len());
}

/// What is printed is enough: the planner reads everything and the applier makes everything, from nothing.
#[test]
fn the_printed_policies_are_enough() {
    let account = Account::new(&POLICY.replace("versioning: true", "object_lock: { mode: governance, retain: 1d }"));
    let planner = account.moto.user_with("planner", &printed(&account, "planner").to_string());
    let applier = account.moto.user_with("applier", &printed(&account, "applier,writer,reader,pruner").to_string());
    let approval = account.approval();
    let approval: Vec<&str> = approval.iter().map(String::as_str).collect();
    let enforced = Enforced::of(account);
    let account = &enforced.account;
    let plan = |expected: i32| {
        let run = account.call(&planner, &["plan", "--json", "--detailed-exitcode"]).run().expect(expected).json();
        let notes = run["plans"][0]["notes"].to_string();
        assert!(!notes.contains("cannot be read") && !notes.contains("could not be"), "{notes}");
        run["plans"][0].clone()
    };
    plan(2);
    account.call(&applier, &approval).run().expect(0);
    plan(0);
    account.call(&applier, &["backup", "app"]).run().expect(0);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    account.call(&applier, &["backup", "app"]).run().expect(0);
    // One of them may go, and is locked by the bucket's default: who plans sees that without reading it.
    let locked = plan(0);
    assert_eq!(locked["deferred"].as_array().unwrap().len(), 1, "{locked}");
}
