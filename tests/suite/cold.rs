//! Backups in cold classes, locked ones, and versions: against an emulation of S3, looked at with the command line of AWS.

use crate::support::{Backstay, Database, Login, Moto, Project, Server, s3_store};
use backstay::base::BackupId;
use backstay::repository::{LEASE_TTL, Repository, this_process};
use std::sync::Arc;

/// A policy with one bucket as a storage, and a database with two tables.
struct Cloud {
    moto: Moto,
    source: Database,
    project: Project,
}

const BUCKET: &str = "backups";

const POLICY: &str = "\
version: 1
name: test
storage:
  cloud: { type: s3, bucket: backups, region: us-east-1 }
tiers:
  only:
    schedule: manual
    copies: [{ to: cloud, COPY }]
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [only]
";

impl Cloud {
    /// `copy`: what the tier says of its copy. `bucket`: more words for the command that makes the bucket.
    fn new(copy: &str, bucket: &[&str]) -> Cloud {
        let source = Database::create(Server::any(), "cold");
        source.psql("CREATE TABLE t AS SELECT n, md5(n::text) AS m FROM generate_series(1, 500) n; CREATE TABLE e ()");
        let project = Project::without_repositories(&source, "");
        project.write_policy(&POLICY.replace("COPY", copy));
        let cloud = Cloud { moto: Moto::start(), source, project };
        cloud.moto.aws(&[&["s3api", "create-bucket", "--bucket", BUCKET], bucket].concat());
        cloud
    }

    fn call(&self, arguments: &[&str]) -> Backstay {
        self.moto.seen_by(self.project.backstay(arguments), &Login::root())
    }

    /// Makes it a repository and takes a backup; the id. The next one is of a later second, so that ids sort by age.
    fn backup(&self) -> String {
        self.call(&["apply", "--yes", "--only", "infra"]).run().expect(0);
        let made = self.call(&["backup", "app", "--json"]).run().expect(0).json();
        let id = made["manifest"]["id"].as_str().unwrap().to_owned();
        let started = id.parse::<BackupId>().unwrap().started().as_second();
        while jiff::Timestamp::now().as_second() <= started {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        id
    }

    fn listed(&self) -> String {
        self.call(&["list"]).run().expect(0).stdout
    }

    /// Keys and versions that begin with a prefix, markers included.
    fn versions(&self, prefix: &str) -> Vec<String> {
        let all = self.moto.aws(&["s3api", "list-object-versions", "--bucket", BUCKET, "--prefix", prefix]);
        let of = |kind: &str| all[kind].as_array().cloned().unwrap_or_default();
        of("Versions").into_iter().chain(of("DeleteMarkers")).map(|one| one["Key"].to_string()).collect()
    }

    /// True when a database of this name has every row.
    fn is_whole(&self, copy: &Database) -> bool {
        let digest = "SELECT count(*) || md5(string_agg(t::text, ',' ORDER BY n)) FROM t";
        copy.psql(digest) == self.source.psql(digest)
    }
}

#[test]
fn a_backup_in_glacier_comes_back_in_a_second_run() {
    let cloud = Cloud::new("keep: 30d, storage_class: GLACIER", &[]);
    let id = cloud.backup();
    let manifest = cloud.call(&["show", &id, "--json"]).run().expect(0).json();
    assert_eq!(manifest["manifest"]["objects"][0]["class"], "GLACIER");
    assert_eq!(manifest["copies"][0]["availability"], "archived");
    assert!(cloud.listed().contains("cloud (GLACIER)"), "{}", cloud.listed());
    for level in [&["verify"][..], &["verify", "--deep"]] {
        let run = cloud.call(level).run().expect(0);
        assert!(run.stdout.contains("not read: GLACIER") && run.stdout.contains("1 in a cold class"), "{run:#?}");
    }

    let copy = Database::name_only(cloud.source.server, "cold_copy");
    let restore = |more: &[&str]| cloud.call(&[&["restore", "app", "--into", copy.name.as_str()][..], more].concat());
    let run = restore(&[]).run().expect(4);
    assert!(run.stderr.contains("BS548") && run.stderr.contains("`standard` (3 to 5 hours)"), "{run:#?}");
    assert!(run.stderr.contains("no other backup can be read without one"), "{run:#?}");
    let run = restore(&["--dry-run"]).run().expect(0);
    assert!(run.stdout.contains("not asked for yet") && run.stdout.contains("USD"), "{run:#?}");
    assert!(cloud.listed().contains("cloud (GLACIER)"), "a dry run asks for nothing");

    // The emulation moves an object on, into its thaw and out of it, when it is asked and so many seconds have gone by.
    cloud.moto.thaws_take(0);
    let run = restore(&["--thaw", "standard", "--thaw-days", "3"]).run().expect(7);
    assert!(run.stderr.contains("BS580") && run.stdout.contains("asked for now"), "{run:#?}");
    assert!(cloud.listed().contains("cloud (GLACIER, thawing)"));
    cloud.moto.thaws_take(3_600);
    assert!(cloud.listed().contains("cloud (GLACIER, thawing)"));
    // Again, with and without the word: it goes on, and nothing is an error.
    for more in [&["--thaw", "standard"][..], &["--thaw", "bulk"], &[]] {
        let run = restore(more).run().expect(7);
        assert!(run.stdout.contains(", asked for on ") && run.stdout.contains("speed `standard`"), "{run:#?}");
        // Within the second in which it was asked for, nothing of the time is gone.
        let left = ["about 5h left", "about 4h 59m left"];
        let goes_on = "2 of 2 being thawed since an earlier request, ";
        assert!(left.iter().any(|left| run.stdout.contains(&format!("{goes_on}{left}"))), "{run:#?}");
        assert!(run.stdout.contains("  1. wait until about ") && !run.stdout.contains("costs"), "{run:#?}");
        assert!(run.stderr.contains("asked for ") && run.stderr.contains("s ago, speed `standard`"), "{run:#?}");
    }
    let run = restore(&["--json"]).run().expect(7);
    assert_eq!(run.json()["thaw"]["state"], "thawing");
    assert!(run.json()["thaw"]["asked_at"].is_string() && run.json()["thaw"]["ready_by"].is_string(), "{run:#?}");
    // Another machine knows that it goes on, and not since when.
    let elsewhere = cloud.project.path("elsewhere");
    let run = restore(&[]).env("XDG_STATE_HOME", elsewhere).run().expect(7);
    assert!(run.stdout.contains("asked for by an earlier run; this machine does not know when"), "{run:#?}");
    assert!(run.stdout.contains("  1. wait: at most 12h from now"), "{run:#?}");

    cloud.moto.thaws_take(0);
    assert!(cloud.listed().contains("GLACIER, thawed until "), "{}", cloud.listed());
    restore(&[]).run().expect(0);
    assert!(cloud.is_whole(&copy));
    cloud.call(&["verify", "--deep"]).run().expect(0);
}

#[test]
fn a_restore_waits_for_a_thaw_when_told_to() {
    let cloud = Cloud::new("keep: 30d, storage_class: GLACIER", &[]);
    cloud.backup();
    cloud.moto.thaws_take(0);
    let copy = Database::name_only(cloud.source.server, "cold_waited");
    let words = ["restore", "app", "--into", copy.name.as_str(), "--thaw", "expedited", "--wait"];
    let run = cloud.call(&words).run().expect(0);
    assert!(run.stderr.contains("waiting for the thaw: 0 of 2 files"), "{run:#?}");
    assert!(cloud.is_whole(&copy));
}

#[test]
fn a_deep_archive_is_not_thawed_within_minutes() {
    let cloud = Cloud::new("keep: 30d, storage_class: DEEP_ARCHIVE", &[]);
    cloud.backup();
    let run = cloud.call(&["restore", "app", "--into", "cold_deep", "--thaw", "expedited"]).run().expect(4);
    assert!(run.stderr.contains("BS549") && run.stderr.contains("up to 12 hours"), "{run:#?}");
    assert!(cloud.listed().contains("cloud (DEEP_ARCHIVE)"), "nothing was asked for");
}

#[test]
fn a_warm_copy_is_taken_before_cold_ones_and_a_cold_one_gives_no_copy() {
    let cloud =
        Cloud::new("keep: 30d, storage_class: GLACIER }, { to: second, keep: 30d, storage_class: DEEP_ARCHIVE", &[]);
    cloud.moto.aws(&["s3api", "create-bucket", "--bucket", "second"]);
    let second = "  second: { type: s3, bucket: second, region: us-east-1 }\ntiers:";
    cloud.project.edit_policy("\ntiers:", &format!("\n{second}"));
    cloud.backup();
    let near = "  near: { type: filesystem, path: {folder}/near }\ntiers:";
    let near = near.replace("{folder}", cloud.project.path("").to_str().unwrap());
    cloud.project.edit_policy("\ntiers:", &format!("\n{near}"));
    cloud
        .project
        .edit_policy("storage_class: DEEP_ARCHIVE }", "storage_class: DEEP_ARCHIVE }, { to: near, keep: 30d }");
    // The new storage lacks a copy that only cold ones could give.
    cloud.call(&["apply", "--yes", "--only", "infra"]).run().expect(0);
    let run = cloud.call(&["plan"]).run().expect(0);
    assert!(run.stdout.contains("at cloud it lies in GLACIER and can be copied once it is thawed"), "{run:#?}");

    let id = cloud.backup();
    let copy = Database::name_only(cloud.source.server, "cold_warm");
    let run = cloud.call(&["restore", "app", "--into", &copy.name]).run().expect(0);
    assert!(run.stderr.contains("`near` can be read sooner than `cloud`, where it lies in GLACIER"), "{run:#?}");
    assert!(cloud.is_whole(&copy));
    // Of the older one only cold copies exist; the nearest that needs no thaw is named.
    let listed = cloud.call(&["list", "--json"]).run().expect(0).json();
    let older = listed["databases"][0]["backups"][1]["id"].as_str().unwrap().to_owned();
    let run = cloud.call(&["restore", "app", "--into", "cold_older", "--from", &older]).run().expect(4);
    assert!(run.stderr.contains(&format!("--from {id}")) && run.stderr.contains("tier `only` at `near`"), "{run:#?}");

    // Thawed, it is a source as any other.
    cloud.moto.thaws_take(0);
    let thaw = ["restore", "app", "--into", "cold_older", "--from", &older, "--storage", "cloud", "--thaw", "bulk"];
    cloud.call(&thaw).run().expect(7);
    assert!(cloud.listed().contains("cloud (GLACIER, thawing)"));
    cloud.call(&["sync", "--yes"]).run().expect(0);
    let listed = cloud.call(&["list", "--json"]).run().expect(0).json();
    assert_eq!(listed["databases"][0]["backups"][1]["copies"].as_array().unwrap().len(), 3);
    cloud.call(&["verify", "--deep", "--storage", "near"]).run().expect(0);
}

#[test]
fn what_is_locked_is_deferred_and_what_is_found_locked_too() {
    let cloud =
        Cloud::new("keep: { last: 1 }, lock: { mode: governance, retain: 30d }", &["--object-lock-enabled-for-bucket"]);
    let first = cloud.backup();
    let second = cloud.backup();
    let plan = cloud.call(&["plan", "--json"]).run().expect(0).json();
    let deferred = &plan["plans"][0]["deferred"];
    assert_eq!((deferred.as_array().unwrap().len(), &deferred[0]["id"]), (1, &first.as_str().into()), "{plan:#}");
    assert!(deferred[0]["until"].is_string() && plan["plans"][0]["actions"].as_array().unwrap().is_empty());
    let run = cloud.call(&["apply", "--yes", "--only", "prune"]).run().expect(0);
    assert!(run.stdout.contains("Deferred") && run.stdout.contains(&first), "{run:#?}");
    assert!(cloud.listed().contains(&first));

    // Not locked when it is planned, locked when it is deleted.
    let prefix = format!("data/only/app/{first}/");
    let objects = cloud.moto.aws(&["s3api", "list-objects-v2", "--bucket", BUCKET, "--prefix", &prefix]);
    let keys: Vec<String> =
        objects["Contents"].as_array().unwrap().iter().map(|one| one["Key"].as_str().unwrap().to_owned()).collect();
    let retain = |until: &str| {
        for key in keys.iter().filter(|key| !key.ends_with(".sha256")) {
            let retention = format!("Mode=GOVERNANCE,RetainUntilDate={until}");
            let words = ["s3api", "put-object-retention", "--bucket", BUCKET, "--key", key, "--retention", &retention];
            cloud.moto.aws(&[&words[..], &["--bypass-governance-retention"]].concat());
        }
    };
    retain("2020-01-01T00:00:00Z");
    cloud.call(&["plan", "--only", "prune", "--out", "plan.json"]).run().expect(0);
    retain("2099-01-01T00:00:00Z");
    let run = cloud.call(&["apply", "plan.json", "--json"]).run().expect(0);
    assert_eq!(run.json()[0]["steps"][0]["end"], "deferred", "{run:#?}");
    assert!(run.json()[0]["steps"][0]["detail"].as_str().unwrap().contains("2099-01-01"), "{run:#?}");
    assert!(cloud.listed().contains(&first) && !cloud.versions(&prefix).is_empty());
    cloud.call(&["verify"]).run().expect(0);

    retain("2020-01-01T00:00:00Z");
    cloud.call(&["apply", "--yes", "--only", "prune"]).run().expect(0);
    assert!(!cloud.listed().contains(&first) && cloud.listed().contains(&second));
    assert_eq!(cloud.versions(&prefix), Vec::<String>::new());
}

#[test]
fn a_pruned_backup_leaves_no_version_behind() {
    let cloud = Cloud::new("keep: { last: 1 }", &[]);
    let on = ["--versioning-configuration", "Status=Enabled"];
    cloud.moto.aws(&[&["s3api", "put-bucket-versioning", "--bucket", BUCKET][..], &on].concat());
    let first = cloud.backup();
    cloud.call(&["verify"]).run().expect(0);
    cloud.call(&["verify", "--deep"]).run().expect(0);
    let record = format!("manifest/only/app/{first}.verified.json");
    assert_eq!(cloud.versions(&record).len(), 2, "a record that is written again has an old version");
    let second = cloud.backup();
    let run = cloud.call(&["apply", "--yes", "--only", "prune"]).run().expect(0);
    assert!(run.stderr.contains("freed"), "{run:#?}");
    for prefix in [format!("data/only/app/{first}/"), format!("manifest/only/app/{first}")] {
        assert_eq!(cloud.versions(&prefix), Vec::<String>::new(), "{prefix}");
    }
    assert_eq!(cloud.versions(&format!("manifest/only/app/{second}")).len(), 1);
    cloud.call(&["verify", "--deep"]).run().expect(0);
    cloud.call(&["plan", "--detailed-exitcode"]).run().expect(0);
}

#[test]
fn an_upload_of_a_dead_run_is_named_and_cleared_and_that_of_a_live_one_is_not() {
    let cloud = Cloud::new("keep: 30d", &[]);
    cloud.backup();
    let key = "data/only/app/20261120T020000Z-k3f9/dump.zst";
    let begin = || cloud.moto.aws(&["s3api", "create-multipart-upload", "--bucket", BUCKET, "--key", key]);
    let uploads = || {
        let listed = cloud.moto.aws(&["s3api", "list-multipart-uploads", "--bucket", BUCKET]);
        listed["Uploads"].as_array().map_or(0, Vec::len)
    };
    begin();
    let repository = Repository::new("cloud", Arc::new(s3_store(cloud.moto.port, BUCKET, "")));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let lease = runtime.block_on(repository.lock("app", this_process("other", "backup"), LEASE_TTL)).unwrap();
    let run = cloud.call(&["apply", "--yes"]).run().expect(0);
    assert!(run.stdout.contains("is being written by a run that goes on"), "{run:#?}");
    assert_eq!(uploads(), 1);
    runtime.block_on(lease.release()).unwrap();
    let run = cloud.call(&["plan"]).run().expect(0);
    assert!(run.stdout.contains("an upload that was never finished"), "{run:#?}");
    begin();
    cloud.call(&["apply", "--yes"]).run().expect(0);
    assert_eq!(uploads(), 0);
    cloud.call(&["plan", "--detailed-exitcode"]).run().expect(0);
}
