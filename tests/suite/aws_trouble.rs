//! AWS in bad states, met by the real program: what is told, what is not done, and that the rest goes on.

use crate::support::{ACCOUNT, Account, Asked, Canned, Database, Fate, Login, Moto, Proxy, Run};
use serde_json::Value;
use std::collections::BTreeSet;

const POLICY: &str = r#"
version: 1
name: trouble
storage:
  cloud:
    type: s3
    bucket: trouble-cloud
    region: us-east-1
    manage: { create: true, public_access: blocked, encryption: sse-s3, versioning: true, tags: { team: dba } }
tiers:
  now: { schedule: manual, copies: [{ to: cloud, keep: { last: 1 } }] }
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [now] }
"#;

/// AWS with an S3 that gives this answer to whatever is asked.
fn sick(status: u16, headers: &'static [(&'static str, &'static str)], code: &str, message: &str) -> Canned {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let who = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::{ACCOUNT}:user/ops</Arn><UserId>U</UserId><Account>{ACCOUNT}</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    Canned::start(move |asked: &Asked| match asked.body.contains("Action=GetCallerIdentity") {
        true => (200, &[("Content-Type", "text/xml")], who.clone()),
        false => (status, headers, if asked.method == "HEAD" { String::new() } else { error.clone() }),
    })
}

#[test]
fn a_bucket_that_is_not_to_be_had_is_told_and_never_made() {
    let account = Account::new(POLICY);
    let elsewhere: &[(&str, &str)] = &[("x-amz-bucket-region", "ap-southeast-2")];
    let table = [
        (sick(403, &[], "AccessDenied", "Access Denied"), "whether the bucket's name is yours"),
        (sick(301, elsewhere, "PermanentRedirect", "elsewhere"), "region: ap-southeast-2"),
        (sick(400, &[], "ExpiredToken", "The provided token has expired."), "aws sts get-caller-identity"),
        (sick(403, &[], "RequestTimeTooSkewed", "The difference is too large."), "clock"),
        (sick(403, &[], "InvalidAccessKeyId", "It does not exist in our records."), "aws sts get-caller-identity"),
    ];
    for (server, hint) in table {
        for verb in [&["plan"][..], &["apply", "--yes"], &["backup", "app"]] {
            let call = account.call(&Login::root(), verb).env("AWS_ENDPOINT_URL", server.url());
            let run = call.run().expect(1);
            assert!((run.stdout.clone() + &run.stderr).contains(hint), "{verb:?} {hint}: {run:#?}");
        }
        let asked = server.asked();
        let writes: Vec<_> = asked.iter().filter(|asked| ["PUT", "DELETE"].contains(&&*asked.method)).collect();
        // A backup begins with the marker and the lock; nothing is made before.
        let makes_bucket = |asked: &&&Asked| asked.target.trim_matches('/').split('?').next() == Some("trouble-cloud");
        assert_eq!(writes.iter().filter(makes_bucket).count(), 0, "{hint}: {writes:#?}");
        assert!(writes.iter().all(|asked| !asked.target.contains("data/")), "{hint}: {writes:#?}");
    }
}

#[test]
fn a_bucket_of_someone_else_is_left_alone() {
    let account = Account::new(POLICY);
    account.moto.aws(&["s3api", "create-bucket", "--bucket", "trouble-cloud"]);
    // The account that asks is another one: the emulation compares whom the call names.
    let assumed = account.moto.aws(&[
        "sts",
        "assume-role",
        "--role-arn",
        "arn:aws:iam::210987654321:role/other",
        "--role-session-name",
        "other",
    ]);
    let credentials = &assumed["Credentials"];
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let login = Login { id: text("AccessKeyId"), secret: text("SecretAccessKey") };
    let token = text("SessionToken");
    let call = |words: &[&str]| account.call(&login, words).env("AWS_SESSION_TOKEN", &token).run();
    let run = call(&["apply", "--yes"]);
    assert_eq!(run.code, Some(1), "{run:#?}");
    assert!(run.stdout.contains("whether the bucket's name is yours"), "{run:#?}");
    let tags = account.moto.aws_as(&Login::root(), &["s3api", "get-bucket-tagging", "--bucket", "trouble-cloud"]);
    assert!(tags.stderr.contains("NoSuchTagSet"), "{tags:#?}");
}

#[test]
fn a_bucket_deleted_since_the_plan_makes_it_stale() {
    let account = Account::new(POLICY);
    account.moto.aws(&["s3api", "create-bucket", "--bucket", "trouble-cloud"]);
    account.run(&["plan", "--out", "plan.json"]).expect(0);
    account.moto.aws(&["s3api", "delete-bucket", "--bucket", "trouble-cloud"]);
    let run = account.run(&["apply", "plan.json"]).expect(5);
    assert!((run.stdout.clone() + &run.stderr).contains("storage/cloud/bucket"), "{run:#?}");
    let there = account.moto.aws_as(&Login::root(), &["s3api", "head-bucket", "--bucket", "trouble-cloud"]);
    assert_ne!(there.code, Some(0), "nothing was made");
    // The same for one that was a repository.
    account.apply();
    account.edit("team: dba", "team: ops");
    account.run(&["plan", "--out", "plan.json"]).expect(0);
    account.moto.aws_as(&Login::root(), &["s3", "rb", "--force", "s3://trouble-cloud"]);
    let versions = account.moto.aws_as(&Login::root(), &["s3api", "list-object-versions", "--bucket", "trouble-cloud"]);
    if versions.code == Some(0) {
        let found = versions.json();
        for kind in ["Versions", "DeleteMarkers"] {
            for one in found[kind].as_array().into_iter().flatten() {
                let (key, id) = (one["Key"].as_str().unwrap(), one["VersionId"].as_str().unwrap());
                let words = ["s3api", "delete-object", "--bucket", "trouble-cloud", "--key", key, "--version-id", id];
                account.moto.aws_as(&Login::root(), &words).expect(0);
            }
        }
        account.moto.aws(&["s3api", "delete-bucket", "--bucket", "trouble-cloud"]);
    }
    account.run(&["apply", "plan.json"]).expect(5);
}

/// How a step of an outcome ended.
fn ended(run: &Run, address: &str) -> Value {
    let outcome = run.json();
    let steps = outcome[0]["steps"].as_array().unwrap().clone();
    steps.into_iter().find(|step| step["address"] == address).unwrap_or_else(|| panic!("no {address} in {outcome:#}"))
}

#[test]
fn one_denied_action_stops_its_step_alone() {
    let account = Account::new(POLICY);
    let all = account.run(&["plan", "--iam-policy", "applier,writer"]).expect(0).json();
    let less = all.to_string().replace("\"s3:PutBucketTagging\",", "");
    assert_ne!(less, all.to_string());
    let denied = account.moto.user_with("denied", &less);
    let allowed = account.moto.user_with("allowed", &all.to_string());
    account.moto.enforce();
    let run = account.call(&denied, &["apply", "--yes", "--json"]).run().expect(7);
    let tags = ended(&run, "storage/cloud/tags").to_string();
    assert!(tags.contains("[BS560]") && tags.contains("Allow `s3:PutBucketTagging`"), "{tags}");
    let done = |step: &Value| step["end"] == "done";
    for word in ["bucket", "public-access", "ownership", "encryption", "versioning", "marker"] {
        let step = ended(&run, &format!("storage/cloud/{word}"));
        assert!(done(&step), "{step}");
    }
    account.call(&denied, &["apply", "--yes"]).run().expect(1);
    account.call(&allowed, &["apply", "--yes"]).run().expect(0);
    account.call(&allowed, &["plan", "--detailed-exitcode"]).run().expect(0);
}

#[test]
fn settings_whose_answers_are_lost_are_written_once_all_the_same() {
    let account = Account::new(POLICY);
    let proxy = Proxy::before(account.moto.port);
    let mut lost = BTreeSet::new();
    proxy.choose(move |_, line| match line.starts_with("PUT ") && lost.insert(line.to_owned()) {
        true => Fate::LoseAnswer,
        false => Fate::Pass,
    });
    let s3 = format!("http://127.0.0.1:{}", proxy.port);
    let call = account.call(&Login::root(), &["apply", "--yes"]).env("AWS_ENDPOINT_URL_S3", s3);
    call.run().expect(0);
    let requests = proxy.requests();
    let puts: BTreeSet<&String> = requests.iter().filter(|line| line.starts_with("PUT /trouble-cloud")).collect();
    assert!(puts.len() > 5, "{puts:?}");
    account.run(&["plan", "--detailed-exitcode"]).expect(0);
}

/// Every call says whose the bucket must be: provisioning, backup, list, verify, restore, prune, purge of versions.
#[test]
fn every_call_says_whose_the_bucket_must_be() {
    let account = Account::in_emulation(Moto::start_demanding_owner(), POLICY);
    let approval = account.approval();
    account.run(&approval.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    account.run(&["plan", "--detailed-exitcode"]).expect(0);
    for _ in 0..2 {
        account.run(&["backup", "app"]).expect(0);
        std::thread::sleep(std::time::Duration::from_millis(1_100));
    }
    account.run(&["list"]).expect(0);
    account.run(&["verify", "--deep"]).expect(0);
    let copy = Database::name_only(account.source.server, "trouble_copy");
    account.run(&["restore", "app", "--into", &copy.name]).expect(0);
    account.run(&["prune", "--yes"]).expect(0);
    account.run(&["plan", "--detailed-exitcode"]).expect(0);
    let listed = ["s3api", "list-object-versions", "--bucket", "trouble-cloud"];
    let refused = account.moto.aws_as(&Login::root(), &listed);
    assert!(refused.stderr.contains("AccessDenied"), "who does not say it is refused: {refused:#?}");
    let listed = account.moto.aws(&[&listed[..], &["--expected-bucket-owner", ACCOUNT, "--prefix", "data/"]].concat());
    let ids = listed["Versions"].as_array().unwrap().iter().map(|one| one["Key"].as_str().unwrap().split('/').nth(3));
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), 1, "{listed}");
}
