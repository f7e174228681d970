//! `backstay adopt`: dumps that old scripts made become backups where they lie, and bad ones do not.

use crate::support::{Database, Likeness, Login, Project, S3Server, Server, assert_same, shell};
use backstay::repository::Repository;
use backstay::storage::{Faults, FaultyStore, FilesystemStore};
use jiff::{SignedDuration, Timestamp};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const PATTERN: &str = "shiftmanager_prod_{timestamp}*";

fn source(hint: &str) -> Database {
    let source = Database::create(Server::any(), hint);
    source.psql(
        "CREATE TABLE employee (id int PRIMARY KEY, name text); \
         INSERT INTO employee SELECT n, 'n' || n FROM generate_series(1, 500) n; \
         CREATE TABLE \"Odd.name\" (v text); INSERT INTO \"Odd.name\" VALUES (E'a\\nCOPY x FROM stdin;\\n\\\\.'), (NULL)",
    );
    source
}

/// The moment so many days ago as a script writes it into a name.
fn stamp(days: i64) -> String {
    (Timestamp::now() - SignedDuration::from_hours(24 * days)).strftime("%Y%m%d_%H%M%S").to_string()
}

/// Runs a script in a folder that it makes.
fn script(source: &Database, folder: &Path, text: &str) {
    fs::create_dir_all(folder).unwrap();
    let text = text.replace("{db}", &format!("'{}'", source.name));
    shell(source.server, folder, &text);
}

/// What a backup script of that kind leaves: a dump, its digest, and what it wrote down about it.
fn dump_like_a_script(source: &Database, folder: &Path, days: i64) -> String {
    let name = format!("shiftmanager_prod_{}.sql.gz", stamp(days));
    let text =
        format!("pg_dump {{db}} | gzip > {name}; sha256sum {name} > {name}.sha256; echo 'size: 1' > {name}.meta");
    script(source, folder, &text);
    name
}

fn adopt<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let words = ["adopt", "near", "production", "--pattern", PATTERN, "--database", "app", "--tier", "now"];
    [&words[..], more].concat()
}

fn fates(json: &serde_json::Value) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let dumps = json["dumps"].as_array().unwrap();
    dumps.iter().map(|dump| (text(&dump["fate"]), text(&dump["reason"]))).collect()
}

#[test]
fn an_old_folder_is_adopted_listed_verified_restored_copied_and_pruned() {
    let source = source("moved_in");
    let project = Project::new(&source, "");
    let folder = project.path("near/production");
    let names: Vec<String> = [40, 3, 2, 1].iter().map(|days| dump_like_a_script(&source, &folder, *days)).collect();
    fs::write(folder.join("backup.log"), "done").unwrap();
    let before = project.files("near");

    let dry = project.backstay(&adopt(&["--dry-run", "--json"])).run().expect(0);
    assert_eq!(project.files("near"), before, "nothing is written");
    assert_eq!(dry.json()["dumps"][0]["past_keep"], true, "{dry:#?}");
    let refused = project.backstay(&adopt(&[])).run().expect(4);
    assert!(refused.stderr.contains("--yes"), "{refused:#?}");

    let run = project.backstay(&adopt(&["--yes"])).run().expect(0);
    assert!(run.stdout.contains("4 adopted, 0 known before, 0 refused"), "{run:#?}");
    assert!(run.stdout.contains("SQL text in gzip, 502 rows, its .sha256 agrees"), "{run:#?}");
    assert!(run.stdout.contains("left alone: production/backup.log"), "{run:#?}");
    assert!(project.files("near").iter().all(|file| !file.starts_with("data/")), "nothing is copied");
    let again = project.backstay(&adopt(&["--yes"])).run().expect(0);
    assert!(again.stdout.contains("0 adopted, 4 known before, 0 refused"), "{again:#?}");

    let list = project.backstay(&["list", "--json"]).run().expect(0);
    assert_eq!(list.stdout.matches("\"started_at\"").count(), 4, "{list:#?}");
    let id = list.json()["databases"][0]["backups"][0]["id"].as_str().unwrap().to_owned();
    let show = project.backstay(&["show", &id]).run().expect(0);
    assert!(show.stdout.contains("production/shiftmanager_prod_"), "{show:#?}");
    project.backstay(&["verify", "--deep"]).run().expect(0);
    let likeness = Likeness::of(source.server, &source.name);
    let copy = Database::name_only(source.server, "moved_in_copy");
    let restored = project.backstay(&["restore", "app", "--into", &copy.name]).run().expect(0);
    assert!(restored.stdout.contains("502 rows"), "{restored:#?}");
    assert_same(&likeness, &Likeness::of(copy.server, &copy.name));

    // Three are brought to the other storage, in the layout of a repository; the old one may go and takes its own along.
    project.backstay(&["sync", "--yes"]).run().expect(0);
    let data: Vec<String> = project.files("far").into_iter().filter(|file| file.starts_with("data/")).collect();
    assert_eq!(data.len(), 6, "{data:?}");
    project.backstay(&["verify", "--deep"]).run().expect(0);
    project.backstay(&["prune", "--yes"]).run().expect(0);
    let left: Vec<String> = project.files("near").into_iter().filter(|file| file.starts_with("production/")).collect();
    assert!(left.iter().all(|file| !file.contains(&names[0])), "{left:?}");
    assert_eq!(left.len(), 3 * 3 + 1, "{left:?}");
    let plan = project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    assert!(plan.stdout.contains("Nothing to do"), "{plan:#?}");

    // What was adopted is looked after: a changed byte shows, and the copy mends it.
    let damaged = folder.join(&names[3]);
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    project.backstay(&["verify"]).run().expect(8);
    project.backstay(&["sync", "--yes"]).run().expect(0);
    project.backstay(&["verify", "--deep"]).run().expect(0);
    assert!(!damaged.exists(), "the damaged one went when its copy came back");
}

#[test]
fn bad_dumps_are_refused_one_by_one_and_the_others_adopted() {
    let (source, other) = (source("partly"), source("stranger"));
    let project = Project::new(&source, "");
    let folder = project.path("near/production");
    let good = dump_like_a_script(&source, &folder, 1);
    let name = |days: i64, ending: &str| format!("shiftmanager_prod_{}{ending}", stamp(days));
    script(&source, &folder, &format!("head -c 400 {good} > {}", name(2, ".sql.gz")));
    script(&source, &folder, &format!("gunzip -c {good} | head -c 900 > {}", name(3, ".sql")));
    script(&source, &folder, &format!(": > {}; true | gzip > {}", name(4, ".sql.gz"), name(5, ".sql.gz")));
    let wrong = name(6, ".sql.gz");
    script(&source, &folder, &format!("cp {good} {wrong}; echo {:064}  {wrong} > {wrong}.sha256", 7));
    script(&other, &folder, &format!("pg_dump -Fc {{db}} -f {}", name(7, ".dump")));
    script(&source, &folder, &format!("pg_dump -C {{db}} -f {}", name(8, ".sql")));
    script(
        &source,
        &folder,
        &format!("cp {good} {}; cp {good} shiftmanager_prod_20259999_000000.sql.gz", name(-9, ".sql.gz")),
    );
    script(&source, &folder, &format!("pg_dump -Fc {{db}} | head -c 2000 > {}", name(10, ".dump")));
    script(&source, &folder, &format!("gunzip -c {good} | xz > {}", name(11, ".sql.xz")));
    script(
        &source,
        &folder,
        &format!(
            "echo secret | gpg --homedir . --batch --passphrase-fd 0 --pinentry-mode loopback -c -o {} {good}",
            name(12, ".sql.gz.gpg")
        ),
    );
    script(&source, &folder, &format!("echo hello > {}", name(13, ".sql.gz")));

    let run = project.backstay(&adopt(&["--yes", "--json"])).run().expect(7);
    assert!(run.stderr.contains("BS842"), "{run:#?}");
    let fates = fates(&run.json());
    assert_eq!(fates.iter().filter(|(fate, _)| fate == "adopted").count(), 1, "{fates:#?}");
    let refused: Vec<&str> = fates.iter().filter(|(fate, _)| fate == "refused").map(|(_, why)| why.as_str()).collect();
    for reason in [
        "it is damaged: unexpected end",
        "cut off",
        "it is empty",
        "no SQL statement",
        "it is damaged: its SHA-256",
        "it is a dump of database `stranger",
        "changes the whole server",
        "dated in the future",
        "is no moment",
        "incomplete",
        "xz or bzip2",
        "passphrase",
    ] {
        assert!(refused.iter().any(|why| why.contains(reason)), "{reason} is not in {refused:#?}");
    }
    assert_eq!(refused.len(), 13, "{refused:#?}");
    let renamed = project.backstay(&adopt(&["--yes", "--json", "--dumped-from", &other.name])).run().expect(7);
    assert_eq!(renamed.stdout.matches("\"adopted\"").count(), 1, "{renamed:#?}");
}

#[test]
fn dumps_of_every_kind_come_back() {
    let source = source("kinds");
    let words = "    encryption: words\nencryption:\n  words: { type: gpg, passphrase: \"${file:{folder}/words}\" }\n  \
                 key: { type: age, passphrase: \"${file:{folder}/words}\" }\n";
    let project = Project::new(&source, words);
    fs::write(project.path("words"), "correct horse\n").unwrap();
    let folder = project.path("near/production");
    let gpg = "gpg --homedir . --batch --yes --passphrase-fd 3 --pinentry-mode loopback -c -o";
    let kinds = [
        (".sql", "pg_dump {db} > $NAME"),
        (".sql.zst", "pg_dump --inserts {db} | zstd -q > $NAME"),
        (".dump", "pg_dump -Fc {db} > $NAME"),
        (".dump.gz", "pg_dump -Fc -Z9 {db} | gzip > $NAME"),
        (".tar", "pg_dump -Ft {db} > $NAME"),
    ];
    let likeness = Likeness::of(source.server, &source.name);
    for (n, (ending, command)) in kinds.iter().enumerate() {
        let name = format!("shiftmanager_prod_{}{ending}", stamp(i64::try_from(n).unwrap() + 1));
        script(&source, &folder, &command.replace("$NAME", &name));
    }
    let sealed = format!("shiftmanager_prod_{}.sql.gz.gpg", stamp(8));
    let home = tempfile::tempdir().unwrap();
    let gpg = gpg.replace("homedir .", &format!("homedir {}", home.path().display()));
    script(&source, &folder, &format!("pg_dump {{db}} | gzip > plain; {gpg} {sealed} plain 3< ../../words; rm plain"));

    let run = project.backstay(&adopt(&["--yes", "--json"])).env("GNUPGHOME", home.path()).run().expect(0);
    project.backstay(&["verify", "--deep"]).run().expect(0);
    let json = run.json();
    let dumps = json["dumps"].as_array().unwrap();
    assert_eq!(dumps.len(), kinds.len() + 1);
    for dump in dumps {
        let copy = Database::name_only(source.server, "kinds_copy");
        let id = dump["id"].as_str().unwrap();
        let restored = project.backstay(&["restore", "app", "--from", id, "--into", &copy.name]).run().expect(0);
        assert_same(&likeness, &Likeness::of(copy.server, &copy.name));
        let counts = !dump["rows"].is_null();
        assert_eq!(restored.stdout.contains("502 rows"), counts, "{dump} {restored:#?}");
    }
    let uncounted = dumps.iter().filter(|dump| dump["rows"].is_null()).count();
    assert_eq!(uncounted, 2, "SQL with INSERT, and tar: {json}");
}

const BUCKET: &str = "\
version: 1
name: test
storage:
  near: { type: filesystem, path: {folder}/near }
  far:
    type: s3
    bucket: old
    region: us-east-1
    endpoint: http://127.0.0.1:{port}
    credentials: { access_key_id: \"${file:{folder}/id}\", secret_access_key: \"${file:{folder}/secret}\" }
tiers:
  now:
    schedule: manual
    copies: [{ to: near, keep: 7d }, { to: far, keep: 7d }]
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [now]
";

#[test]
fn dumps_in_a_bucket_and_in_a_folder_are_copies_of_one_backup() {
    let source = source("bucket");
    let server = S3Server::start();
    let bucket = server.bucket("old");
    let project = Project::new(&source, "");
    project.write_policy(&BUCKET.replace("{port}", &server.port.to_string()));
    fs::write(project.path("id"), Login::root().id).unwrap();
    fs::write(project.path("secret"), Login::root().secret).unwrap();
    project.backstay(&["apply", "--only", "infra", "--yes"]).run().expect(0);
    let folder = project.path("near/production");
    let names: Vec<String> = [40, 3, 2, 1].iter().map(|days| dump_like_a_script(&source, &folder, *days)).collect();
    fs::create_dir_all(bucket.join("backups/prod")).unwrap();
    for entry in fs::read_dir(&folder).unwrap().flatten() {
        fs::copy(entry.path(), bucket.join("backups/prod").join(entry.file_name())).unwrap();
    }
    project.backstay(&adopt(&["--yes"])).run().expect(0);
    let words = ["adopt", "far", "backups/prod", "--pattern", PATTERN, "--database", "app", "--tier", "now", "--yes"];
    project.backstay(&words).run().expect(0);
    let list = project.backstay(&["list", "--json"]).run().expect(0);
    assert_eq!(list.json()["databases"][0]["backups"].as_array().unwrap().len(), 4, "{list:#?}");
    project.backstay(&["verify", "--deep", "--storage", "far"]).run().expect(0);
    let copy = Database::name_only(source.server, "bucket_copy");
    project.backstay(&["restore", "app", "--storage", "far", "--into", &copy.name]).run().expect(0);
    assert_same(&Likeness::of(source.server, &source.name), &Likeness::of(copy.server, &copy.name));
    project.backstay(&["prune", "--yes"]).run().expect(0);
    let mut left: Vec<String> = fs::read_dir(bucket.join("backups/prod"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert!(left.len() == 9 && left.iter().all(|file| !file.contains(&names[0])), "{left:?}");
}

#[test]
fn a_removal_that_is_killed_anywhere_leaves_a_backup_or_what_the_next_plan_names() {
    let source = source("killed");
    let project = Project::new(&source, "");
    let folder = project.path("near/production");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut n_leftovers = 0;
    for n in 1.. {
        let name = dump_like_a_script(&source, &folder, 1);
        project.backstay(&adopt(&["--yes"])).run().expect(0);
        let sound = project.repository("near");
        let store = Arc::new(FilesystemStore::new(project.path("near"), 0o700));
        let faulty = Repository::new("near", Arc::new(FaultyStore::new(store, Faults::From(n))));
        let done = runtime.block_on(async {
            let id = sound.read().await.unwrap().backups[0].id.clone();
            let removed = faulty.remove_backup("now", "app", &id, None).await;
            let contents = sound.read().await.unwrap();
            assert_eq!(contents.broken, []);
            for backup in &contents.backups {
                assert_eq!(backup.missing, Vec::<String>::new(), "a backup that exists is whole: {n}");
            }
            if contents.backups.is_empty() && removed.is_err() && folder.join(&name).exists() {
                assert_eq!(contents.leftovers.len(), 1, "{n}");
            }
            n_leftovers += contents.leftovers.len();
            for leftover in &contents.leftovers {
                sound.remove_leftover(leftover).await.unwrap();
            }
            if !contents.backups.is_empty() {
                sound.remove_backup("now", "app", &id, None).await.unwrap();
            }
            removed.is_ok()
        });
        let left: Vec<String> =
            project.files("near").into_iter().filter(|file| file.starts_with("production/")).collect();
        assert_eq!(left, Vec::<String>::new(), "{n}");
        assert!(project.files("near").iter().all(|file| !file.contains("removing")), "{:?}", project.files("near"));
        if done {
            break;
        }
    }
    assert!(n_leftovers >= 2, "the sweep met what is between manifest and data: {n_leftovers}");
}

#[test]
fn what_the_policy_does_not_cover_is_told_before_anything_is_read() {
    let source = source("told");
    let project = Project::new(&source, "");
    dump_like_a_script(&source, &project.path("near/production"), 1);
    let case = |words: &[&str], code: i32, said: &str| {
        let run = project.backstay(words).run().expect(code);
        assert!(run.stderr.contains(said), "{run:#?}");
    };
    let words = |storage, pattern, database, tier| {
        ["adopt", storage, "production", "--pattern", pattern, "--database", database, "--tier", tier, "--yes"]
    };
    case(&words("nera", PATTERN, "app", "now"), 1, "Did you mean `near`");
    case(&words("near", PATTERN, "ap", "now"), 1, "BS841");
    case(&words("near", PATTERN, "app", "daily"), 1, "It has `now`");
    case(&words("near", "shop_{timestamp}.sql", "app", "now"), 1, "There are `shiftmanager_prod_");
    case(&words("near", "shop.sql", "app", "now"), 64, "{timestamp}");
    project.edit_policy("copies: [{ to: near, keep: 7d }, ", "copies: [");
    case(&words("near", PATTERN, "app", "now"), 1, "keeps no copy at `near`");
    fs::remove_file(project.path("far/backstay.json")).unwrap();
    case(&words("far", PATTERN, "app", "now"), 1, "apply --only infra");
}
