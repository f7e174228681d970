//! Backups in a bucket, by the real program: beside a folder, behind a line that breaks, with class and lock.

use crate::support::{
    Backstay, Database, Dice, Fate, Login, Moto, Project, Proxy, S3Server, Sample, Server, end, go_on, rounds,
    s3_store, shell, stopped_in_the_middle, unstop,
};
use backstay::repository::Repository;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const POLICY: &str = "\
version: 1
name: test
storage:
  near: { type: filesystem, path: {folder}/near }
  far:
    type: s3
    bucket: {bucket}
    prefix: /back/up
    region: us-east-1
    endpoint: http://127.0.0.1:{port}
    credentials: { access_key_id: \"${file:{folder}/id}\", secret_access_key: \"${file:{folder}/secret}\" }
tiers:
  now:
    schedule: manual
    compression: none
    copies: [{ to: near, keep: 7d }, { to: far, keep: 30d{far} }]
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [now]
";

/// A project with a folder and a bucket, and the name of the bucket.
struct Place {
    project: Project,
    bucket: String,
}

impl Place {
    /// `port`: where S3 is reached; `far`: more of the copy in the bucket.
    fn new(source: &Database, port: u16, bucket: String, far: &str) -> Place {
        let project = Project::without_repositories(source, "");
        let filled = POLICY.replace("{bucket}", &bucket).replace("{port}", &port.to_string());
        project.write_policy(&filled.replace("{far}", far));
        let login = Login::root();
        fs::write(project.path("id"), login.id).unwrap();
        fs::write(project.path("secret"), login.secret).unwrap();
        Place { project, bucket }
    }

    fn run(&self, arguments: &[&str]) -> Backstay {
        self.project.backstay(arguments)
    }

    /// What the command line of AWS says of the bucket.
    fn aws(&self, verb: &str, more: &[&str]) -> serde_json::Value {
        Moto::shared().aws(&[&["s3api", verb, "--bucket", &self.bucket], more].concat())
    }

    fn keys(&self) -> Vec<String> {
        let listed = self.aws("list-objects-v2", &[]);
        let all = listed["Contents"].as_array().cloned().unwrap_or_default();
        all.iter().map(|object| object["Key"].as_str().unwrap().to_owned()).collect()
    }

    /// The SHA-256 of the only dump in the bucket, read with the command line of AWS.
    fn digest(&self) -> String {
        let keys = self.keys();
        let dumps: Vec<_> = keys.iter().filter(|key| key.ends_with("/dump")).collect();
        assert_eq!(dumps.len(), 1, "{keys:?}");
        let file = self.project.path("fetched");
        self.aws("get-object", &["--key", dumps[0], file.to_str().unwrap()]);
        digest_of(&file)
    }
}

fn digest_of(file: &std::path::Path) -> String {
    let text = shell(Server::any(), file.parent().unwrap(), &format!("sha256sum < {}", file.display()));
    String::from_utf8(text).unwrap()
}

fn bucket(hint: &str) -> String {
    let bucket = Moto::unique(hint);
    Moto::shared().aws(&["s3api", "create-bucket", "--bucket", &bucket]);
    bucket
}

/// A database whose dump has several parts.
fn source(hint: &str) -> Database {
    let source = Database::create(Server::any(), hint);
    source.psql("CREATE TABLE t AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 22000) n");
    source
}

fn count(database: &Database) -> u32 {
    database.psql("SELECT count(*) FROM t").trim().parse().unwrap()
}

#[test]
fn a_bucket_holds_backups_as_a_folder_does() {
    let source = source("s3_whole");
    let place = Place::new(&source, Moto::shared().port, bucket("whole"), "");
    let plan = place.run(&["plan", "--detailed-exitcode"]).run().expect(2);
    assert!(plan.stdout.contains("far s3://") && plan.stdout.contains("/back/up/"), "{plan:#?}");
    place.run(&["apply", "--yes"]).run().expect(0);
    place.run(&["plan", "--detailed-exitcode"]).run().expect(0);
    place.run(&["backup", "app"]).run().expect(0);
    let keys = place.keys();
    assert!(keys.iter().all(|key| key.starts_with("back/up/")), "{keys:?}");
    assert!(keys.contains(&"back/up/backstay.json".to_owned()));
    assert_eq!(place.digest(), digest_of(&place.project.data("near").join("dump")));
    assert!(!keys.iter().any(|key| key.contains("/lock/")), "locks were given back: {keys:?}");
    place.run(&["verify", "--deep"]).run().expect(0);
    let list = place.run(&["list", "--json"]).run().expect(0).json();
    assert_eq!(list["databases"][0]["backups"][0]["copies"].as_array().unwrap().len(), 2);
    let into = Database::name_only(Server::any(), "s3_whole_back");
    place.run(&["restore", "app", "--storage", "far", "--into", &into.name]).run().expect(0);
    assert_eq!(count(&into), 22_000);
    place.run(&["plan", "--detailed-exitcode"]).run().expect(0);
}

/// Without `endpoint` a server is taken for AWS: another checksum, keys of listings encoded, conditions trusted.
#[test]
fn what_is_taken_for_aws_is_spoken_to_as_aws() {
    let source = source("s3_aws");
    let moto = Moto::shared();
    let place = Place::new(&source, moto.port, bucket("aws"), "");
    place.project.edit_policy(&format!("    endpoint: {}\n", moto.url()), "");
    let run = |arguments: &[&str]| moto.seen_by(place.project.backstay(arguments), &Login::root()).run();
    run(&["apply", "--yes"]).expect(0);
    run(&["backup", "app"]).expect(0);
    assert_eq!(place.digest(), digest_of(&place.project.data("near").join("dump")));
    run(&["verify", "--deep"]).expect(0);
    run(&["plan", "--detailed-exitcode"]).expect(0);
    // A bucket that is managed must be ours, and every call says whom that is.
    place.project.edit_policy("    region: us-east-1\n", "    region: us-east-1\n    manage: { create: true }\n");
    run(&["verify"]).expect(0);
    let into = Database::name_only(Server::any(), "s3_aws_back");
    run(&["restore", "app", "--storage", "far", "--into", &into.name]).expect(0);
    assert_eq!(count(&into), 22_000);
}

#[test]
fn class_and_lock_are_for_data_only() {
    // Of one part: this server forgets the lock of an object with several.
    let source = Database::create(Server::any(), "s3_class");
    source.psql("CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n");
    let bucket = Moto::unique("locked");
    let more = ["s3api", "create-bucket", "--bucket", &bucket, "--object-lock-enabled-for-bucket"];
    Moto::shared().aws(&more);
    let far = ", storage_class: STANDARD_IA, lock: { mode: governance, retain: 3d }";
    let place = Place::new(&source, Moto::shared().port, bucket, far);
    place.run(&["apply", "--yes"]).run().expect(0);
    place.run(&["backup", "app"]).run().expect(0);
    for key in place.keys() {
        let head = place.aws("head-object", &["--key", &key]);
        let is_data = key.ends_with("/dump") || key.ends_with("/globals.sql");
        assert_eq!(head["ObjectLockMode"] == "GOVERNANCE", is_data, "{key}: {head}");
        assert_eq!(head["StorageClass"] == "STANDARD_IA", is_data, "{key}: {head}");
    }
}

#[test]
fn a_bucket_that_nobody_makes_is_a_problem_and_the_rest_goes_on() {
    let source = source("s3_missing");
    let place = Place::new(&source, Moto::shared().port, Moto::unique("nobody-makes-this"), "");
    let plan = place.run(&["plan"]).run().expect(1);
    assert!(plan.stdout.contains("does not exist"), "{plan:#?}");
    let plan = place.run(&["plan", "--json"]).run().expect(1);
    assert!(!plan.stdout.contains("storage/far/marker") && plan.stdout.contains("storage/near/marker"), "{plan:#?}");
    place.run(&["apply", "--yes"]).run();
    let run = place.run(&["backup", "app"]).run().expect(7);
    assert!(run.stderr.contains("BS550") && run.stderr.contains("hint"), "{run:#?}");
    assert_eq!(place.project.backup_files("near").iter().filter(|file| file.starts_with("manifest/")).count(), 1);
}

#[test]
fn a_bucket_deleted_between_plan_and_apply_stops_the_apply() {
    let source = source("s3_deleted");
    let place = Place::new(&source, Moto::shared().port, bucket("deleted"), "");
    place.run(&["apply", "--yes"]).run().expect(0);
    place.project.edit_policy("schedule: manual", "schedule: \"0 0 1 1 *\"");
    place.run(&["plan", "--out", "plan.json"]).run().expect(0);
    Moto::shared().aws_as(&Login::root(), &["s3", "rb", "--force", &format!("s3://{}", place.bucket)]).expect(0);
    let run = place.run(&["apply", "plan.json"]).run().expect(5);
    assert!(run.stderr.contains("stale") && place.project.backup_files("near").is_empty(), "{run:#?}");
}

#[test]
fn s3_stopped_in_the_middle_leaves_the_local_copy_and_sync_repairs() {
    let source = source("s3_stopped");
    let proxy = Proxy::before(Moto::shared().port);
    let place = Place::new(&source, proxy.port, bucket("stopped"), "");
    place.run(&["apply", "--yes"]).run().expect(0);
    let project = &place.project;
    // The wrapper stops the dump after its first million bytes.
    let (child, hold) = stopped_in_the_middle(project, &["backup", "app"]);
    proxy.set_down(true);
    go_on(project, hold);
    let run = end(child).expect(7);
    assert!(run.stdout.contains("missing in far"), "{run:#?}");
    unstop(project);
    let local = digest_of(&project.data("near").join("dump"));
    let plan = place.run(&["plan"]).run().expect(1);
    assert!(plan.stdout.contains("cannot be read"), "{plan:#?}");
    proxy.set_down(false);
    let plan = place.run(&["plan", "--detailed-exitcode"]).run().expect(2);
    assert!(plan.stdout.contains("the copy at far is missing, the one at near is good"), "{plan:#?}");
    // Nobody reads the database: there is none at this address.
    place.run(&["sync", "--yes"]).env("DATABASE_URL", "postgresql://127.0.0.1:1/x").run().expect(0);
    assert_eq!(place.digest(), local);
    place.run(&["apply", "--yes"]).run().expect(0);
    place.run(&["plan", "--detailed-exitcode"]).run().expect(0);
    place.run(&["verify", "--deep"]).run().expect(0);
    assert_eq!(place.aws("list-multipart-uploads", &[])["Uploads"], serde_json::Value::Null);
}

/// First lines of the requests that sent a part, as numbers of parts.
fn sent_parts(proxy: &Proxy) -> Vec<String> {
    let part = |line: &String| Some(line.split_once("partNumber=")?.1.split(['&', ' ']).next()?.to_owned());
    let mut parts: Vec<_> = proxy.requests().iter().filter_map(part).collect();
    parts.sort();
    parts
}

#[test]
fn a_copy_that_was_cut_goes_on_from_what_arrived() {
    let source = source("s3_resumed");
    let proxy = Proxy::before(Moto::shared().port);
    let place = Place::new(&source, proxy.port, bucket("resumed"), "");
    place.run(&["apply", "--yes"]).run().expect(0);
    proxy.choose(|_, line| if line.contains("/data/") { Fate::Status(403) } else { Fate::Pass });
    place.run(&["backup", "app"]).run().expect(7);
    let local = digest_of(&place.project.data("near").join("dump"));
    let cut = |number: u32| {
        let named = format!("partNumber={number}&");
        proxy.choose(move |_, line| if line.contains(&named) { Fate::CutRequest(2_000) } else { Fate::Pass });
    };
    // The third part is the last one.
    cut(3);
    place.run(&["sync", "--yes"]).run().expect(1);
    proxy.choose(|_, _| Fate::Pass);
    let plan = place.run(&["plan", "--detailed-exitcode"]).run().expect(2);
    assert!(plan.stdout.contains("the copy goes on from there") && !plan.stdout.contains("leftover/"), "{plan:#?}");
    // A run that only prunes leaves it alone, too.
    place.run(&["prune", "--yes"]).run().expect(0);
    place.run(&["sync", "--yes"]).env("DATABASE_URL", "postgresql://127.0.0.1:1/x").run().expect(0);
    assert_eq!(sent_parts(&proxy), ["3"]);
    assert_eq!(place.digest(), local);
    assert_eq!(place.aws("list-multipart-uploads", &[])["Uploads"], serde_json::Value::Null);
    place.run(&["plan", "--detailed-exitcode"]).run().expect(0);
    place.run(&["verify", "--deep"]).run().expect(0);
    let into = Database::name_only(Server::any(), "s3_resumed_back");
    place.run(&["restore", "app", "--storage", "far", "--into", &into.name]).run().expect(0);
    assert_eq!(count(&into), 22_000);
    // One whose copy is wanted no longer is given up by a step that says so.
    proxy.choose(|_, line| if line.contains("/data/") { Fate::Status(403) } else { Fate::Pass });
    place.run(&["backup", "app"]).run().expect(7);
    cut(2);
    place.run(&["sync", "--yes"]).run().expect(1);
    proxy.choose(|_, _| Fate::Pass);
    assert_ne!(place.aws("list-multipart-uploads", &[])["Uploads"], serde_json::Value::Null);
    place.project.edit_policy(", { to: far, keep: 30d }", "");
    let plan = place.run(&["plan"]).run().expect(0);
    assert!(plan.stdout.contains("an upload that was never finished"), "{plan:#?}");
    place.run(&["apply", "--yes"]).run().expect(0);
    assert_eq!(place.aws("list-multipart-uploads", &[])["Uploads"], serde_json::Value::Null);
}

/// How a line is cut in one round: from which request on, for how many, and how.
fn cuts(dice: &mut Dice) -> impl FnMut(usize, &str) -> Fate + Send + 'static {
    let first = 1 + dice.below(30);
    // Mostly once; sometimes so often that nobody goes on trying.
    let n = if dice.below(3) == 0 { 1 + dice.below(20) } else { 1 };
    let fate = match dice.below(3) {
        0 => Fate::CutRequest(1 + dice.below(3_000_000)),
        1 => Fate::CutAnswer(dice.below(3_000_000)),
        _ => Fate::LoseAnswer,
    };
    move |number, _| if (first..first + n).contains(&number) { fate } else { Fate::Pass }
}

#[test]
fn random_cuts_leave_whole_backups_or_none() {
    let source = source("s3_cuts");
    let proxy = Proxy::before(Moto::shared().port);
    let place = Place::new(&source, proxy.port, bucket("cuts"), "");
    place.run(&["apply", "--yes"]).run().expect(0);
    place.run(&["backup", "app"]).run().expect(0);
    let mut dice = Dice::thrown();
    let mut n_failed = 0;
    for round in 0..rounds("BACKSTAY_CUTS", 30) {
        proxy.choose(cuts(&mut dice));
        if round % 2 == 0 {
            let run = place.run(&["backup", "app"]).run();
            proxy.choose(|_, _| Fate::Pass);
            assert!(matches!(run.code, Some(0 | 7)), "round {round}: {run:#?}");
            n_failed += u32::from(run.code == Some(7));
            let listed = place.run(&["list", "--json"]).run().expect(0).json();
            for backup in listed["databases"][0]["backups"].as_array().unwrap() {
                for copy in backup["copies"].as_array().unwrap() {
                    assert!(copy["problems"].as_array().is_none_or(Vec::is_empty), "round {round}: {copy}");
                }
            }
            // Whatever is there is whole.
            place.run(&["verify"]).run().expect(0);
        } else {
            let into = Database::name_only(Server::any(), "s3_cuts_back");
            let run = place.run(&["restore", "app", "--storage", "far", "--into", &into.name]).run();
            proxy.choose(|_, _| Fate::Pass);
            assert!(matches!(run.code, Some(0 | 1)), "round {round}: {run:#?}");
            n_failed += u32::from(run.code == Some(1));
            if run.code == Some(0) {
                assert_eq!(count(&into), 22_000);
            } else {
                let like = format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{}%'", into.name);
                assert_eq!(Server::any().psql("postgres", &like).trim(), "0", "round {round}: {run:#?}");
            }
        }
        // The clock of ids counts seconds; backups of the next rounds must be newer than what is there.
        place.run(&["apply", "--yes"]).run().expect(0);
        assert_eq!(place.aws("list-multipart-uploads", &[])["Uploads"], serde_json::Value::Null, "round {round}");
    }
    println!("{n_failed} rounds failed cleanly");
    place.run(&["plan", "--detailed-exitcode"]).run().expect(0);
    place.run(&["verify", "--deep"]).run().expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_takes_as_many_requests_for_many_backups_as_for_few() {
    let server = S3Server::start();
    server.bucket("bucket");
    let proxy = Proxy::before(server.port);
    let repository = Repository::new("far", Arc::new(s3_store(proxy.port, "bucket", "p/")));
    let mut counted = Vec::new();
    let mut next = 0;
    for upto in [4, 40] {
        while next < upto {
            for database in ["one", "two", "three"] {
                Sample::new(database, next).write(&repository).await.unwrap();
            }
            next += 1;
        }
        let databases = ["one", "two", "three"].map(str::to_owned);
        repository.write_indexes(&databases).await.unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = requests.clone();
        proxy.choose(move |_, _| {
            counter.fetch_add(1, Ordering::SeqCst);
            Fate::Pass
        });
        let contents = repository.read().await.unwrap();
        assert_eq!(contents.backups.len(), 3 * usize::try_from(upto).unwrap());
        counted.push(requests.load(Ordering::SeqCst));
    }
    assert_eq!(counted[0], counted[1]);
    // Five listings, the unfinished uploads, and an index for each of three databases.
    assert!(counted[0] <= 9, "{counted:?}");
}
