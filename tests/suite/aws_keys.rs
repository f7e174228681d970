//! Access keys from the first to the last day: delivered or taken back, replaced with an overlap, and never shown.

use crate::support::{Account, Answer, Asked, Backstay, Canned, Login, Moto, faketime, forward};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

const POLICY: &str = r#"
version: 1
name: keys
storage:
  cloud: { type: s3, bucket: keys-cloud, region: us-east-1, manage: { create: true } }
tiers:
  now: { schedule: manual, copies: [{ to: cloud, keep: 7d }] }
databases:
  app: { connection: "${env:DATABASE_URL}", tiers: [now] }
access:
  backup:
    type: iam-user
    name: keys-backup
    grants: [write]
    storage: [cloud]
    access_key: { deliver_to: "{folder}/out/credentials", rotate_after: 90d }
"#;

const FILE: &str = "out/credentials";

/// An account and the folder that the key goes into.
fn account() -> Account {
    let account = Account::new(POLICY);
    fs::create_dir(account.path("out")).unwrap();
    account
}

/// The keys of the user, as the command line of AWS shows them: id, and whether it is active.
fn keys(moto: &Moto) -> Vec<(String, bool)> {
    let listed = moto.aws(&["iam", "list-access-keys", "--user-name", "keys-backup"]);
    let all = listed["AccessKeyMetadata"].as_array().unwrap().clone();
    all.iter().map(|key| (key["AccessKeyId"].as_str().unwrap().to_owned(), key["Status"] == "Active")).collect()
}

/// So many days from now, as the clock of a call.
fn after(days: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[test]
fn a_key_that_cannot_be_delivered_is_not_left_behind() {
    let account = Account::new(POLICY);
    let run = account.run(&["apply", "--yes"]).expect(7);
    assert!(run.stdout.contains("[BS566]") && run.stdout.contains("out/credentials"), "{run:#?}");
    assert_eq!(keys(&account.moto), [], "no key is made where it cannot be put");
    fs::create_dir(account.path("out")).unwrap();
    account.apply();
    let (id, is_active) = keys(&account.moto).pop().unwrap();
    assert_eq!((account.delivered(FILE, "keys-backup").id, true), (id, is_active));
    assert_eq!(fs::metadata(account.path(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(account.path("out")).unwrap().count(), 1);

    // One that is printed and cannot be: it is there for a moment only.
    account.edit("{ deliver_to", "{ deliver_to: stdout } # ");
    account.moto.aws(&[
        "iam",
        "delete-access-key",
        "--user-name",
        "keys-backup",
        "--access-key-id",
        &keys(&account.moto)[0].0,
    ]);
    let mut full = account.call(&Login::root(), &["apply", "--yes", "--quiet"]).into_command();
    let output =
        full.stdout(fs::File::options().write(true).open("/dev/full").unwrap()).stderr(Stdio::piped()).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert_eq!(keys(&account.moto), [], "{said}");
    let printed = account.run(&["apply", "--yes", "--quiet"]).expect(0);
    assert!(printed.stdout.contains(&format!("aws_access_key_id = {}", keys(&account.moto)[0].0)), "{printed:#?}");
}

/// A call at another time.
fn at(account: &Account, days: i64, arguments: &[&str]) -> Backstay {
    faketime(account.call(&Login::root(), arguments), &after(days))
}

#[test]
fn a_key_is_replaced_with_an_overlap() {
    let account = account();
    account.apply();
    let first = account.delivered(FILE, "keys-backup").id;
    let plan = |days: i64, code: i32| at(&account, days, &["plan", "--detailed-exitcode"]).run().expect(code);
    let apply = |days: i64| {
        plan(days, 2);
        at(&account, days, &["apply", "--yes"]).run().expect(0)
    };
    plan(89, 0);
    let run = apply(91);
    assert!(run.stdout.contains(&format!("the key {first} is 91d old, more than 90d")), "{run:#?}");
    let second = account.delivered(FILE, "keys-backup").id;
    assert_ne!(second, first);
    assert_eq!(keys(&account.moto), [(first.clone(), true), (second.clone(), true)]);

    // The emulation's own clock did not move: its new key is made now, and the old one stays as long as nobody uses it.
    plan(0, 0);
    plan(6, 0);
    apply(8);
    assert_eq!(keys(&account.moto), [(first.clone(), false), (second.clone(), true)]);
    plan(13, 0);
    apply(15);
    assert_eq!(keys(&account.moto), [(second.clone(), true)]);

    // A key that is in use takes over at once.
    apply(91);
    let third = account.delivered(FILE, "keys-backup");
    account.moto.aws_as(&third, &["s3api", "head-bucket", "--bucket", "keys-cloud"]).expect(0);
    apply(0);
    assert_eq!(keys(&account.moto), [(second.clone(), false), (third.id.clone(), true)]);
    // There is no room for a third key: the one that is inactive goes first.
    let run = apply(91);
    let fourth = account.delivered(FILE, "keys-backup").id;
    assert_eq!(keys(&account.moto), [(third.id, true), (fourth.clone(), true)], "{run:#?}");
    assert!(account.run(&["list"]).code == Some(0) && fourth != second);
}

#[test]
fn of_two_applies_at_once_one_makes_the_key() {
    let account = account();
    let start = || {
        let mut call = account.call(&Login::root(), &["apply", "--yes"]).into_command();
        call.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    for output in &both {
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
    let found = keys(&account.moto);
    assert_eq!(found, [(account.delivered(FILE, "keys-backup").id, true)]);
    let again = account.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(again.code, Some(0), "{again:#?}");
}

/// An answer that says that something went wrong, whatever was done.
fn broken() -> Answer {
    let text = "<ErrorResponse><Error><Code>ServiceFailure</Code><Message>try again</Message></Error></ErrorResponse>";
    (500, &[("Content-Type", "text/xml")], text.to_owned())
}

#[test]
fn a_key_whose_answer_was_lost_is_named_and_not_made_again() {
    let account = account();
    let port = account.moto.port;
    let iam = Canned::start(move |asked: &Asked| {
        let answer = forward(port, asked);
        if asked.body.contains("Action=CreateAccessKey") { broken() } else { answer }
    });
    let run = account.call(&Login::root(), &["apply", "--yes"]).env("AWS_ENDPOINT_URL_IAM", iam.url()).run().expect(7);
    let made = iam.asked().iter().filter(|asked| asked.body.contains("Action=CreateAccessKey")).count();
    assert_eq!(made, 1);
    let [(id, _)] = &keys(&account.moto)[..] else { panic!("not one key") };
    let command = format!("aws iam delete-access-key --user-name keys-backup --access-key-id {id}");
    assert!(run.stdout.contains(&command), "{run:#?}");
    assert!(!account.path(FILE).exists());
    // As long as it is there nothing happens behind anybody's back.
    let run = account.run(&["plan"]).expect(0);
    assert!(run.stdout.contains("holds no key of the user keys-backup"), "{run:#?}");
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    account.moto.aws(&words);
    account.apply();
}

/// Everything else of IAM is made once, however often an answer is lost.
#[test]
fn what_was_made_though_the_answer_was_lost_counts() {
    let account = account();
    let port = account.moto.port;
    let lost = std::sync::Mutex::new(BTreeSet::new());
    let iam = Canned::start(move |asked: &Asked| {
        let answer = forward(port, asked);
        let action = asked.body.split('&').find(|field| field.starts_with("Action=")).unwrap_or_default().to_owned();
        let changes = ["Create", "Put", "Tag"].iter().any(|verb| action.starts_with(&format!("Action={verb}")));
        if changes && action != "Action=CreateAccessKey" && lost.lock().unwrap().insert(action) {
            broken()
        } else {
            answer
        }
    });
    let call = account.call(&Login::root(), &["apply", "--yes"]).env("AWS_ENDPOINT_URL_IAM", iam.url());
    call.run().expect(0);
    account.run(&["plan", "--detailed-exitcode"]).expect(0);
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_secret_of_a_new_key_is_in_its_file_and_nowhere_else() {
    let account = account();
    account.write(
        &POLICY
            .replace("{ create: true }", "{ create: true, versioning: true }")
            .replace("storage:\n  cloud", "storage:\n  local: { type: filesystem, path: \"{folder}/local\" }\n  cloud")
            .replace("copies: [", "copies: [{ to: local, keep: 7d }, "),
    );
    let stop = AtomicBool::new(false);
    let (said, seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !stop.load(Ordering::Relaxed) {
                let all = fs::read_dir("/proc").unwrap().flatten();
                seen.extend(all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok()));
            }
            seen
        });
        let mut said = Vec::new();
        let plan = account.path("plan.json");
        let plan = plan.to_str().unwrap();
        let verbs: &[&[&str]] = &[
            &["plan", "--json", "--explain"],
            &["plan", "--out", plan],
            &["apply", plan],
            &["plan", "--json"],
            &["backup", "app", "--json"],
            &["list", "--json"],
            &["apply", "--yes", "--json"],
        ];
        for verb in verbs {
            let run = account.run(verb).expect(0);
            said.push(run.stdout + &run.stderr);
        }
        let run = at(&account, 91, &["apply", "--yes", "--json"]).run().expect(0);
        said.push(run.stdout + &run.stderr);
        stop.store(true, Ordering::Relaxed);
        (said, watcher.join().unwrap())
    });
    assert!(seen.iter().any(|line| line.windows(8).any(|part| part == b"backstay")), "nothing was watched");
    let secret = account.delivered(FILE, "keys-backup").secret;
    assert_eq!(secret.len(), 40);
    let holds = |bytes: &[u8]| memchr::memmem::find(bytes, secret.as_bytes()).is_some();
    assert!(said.iter().all(|text| !holds(text.as_bytes())));
    assert!(seen.iter().all(|line| !holds(line)));
    let folder = account.path("");
    let holding: Vec<_> = files(&folder).into_iter().filter(|file| holds(&fs::read(file).unwrap())).collect();
    assert_eq!(holding, [account.path(FILE)]);
    let fetched = tempfile::tempdir().unwrap();
    let bucket = ["s3", "cp", "--recursive", "--quiet", "s3://keys-cloud", fetched.path().to_str().unwrap()];
    account.moto.aws_as(&Login::root(), &bucket).expect(0);
    let all = files(fetched.path());
    assert!(all.len() > 3 && all.iter().all(|file| !holds(&fs::read(file).unwrap())), "{all:?}");
}
