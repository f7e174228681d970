//! Incremental physical backups: each comes back exactly, whatever changed; nothing that is needed goes; what is lost is
//! found.

use crate::support::{Database, Project, Server, Version, faketime, shell, until};
use backstay::catalog::Manifest;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

/// Every table that a test makes, and what is in it.
pub fn state(ask: impl Fn(&str) -> String) -> String {
    let tables =
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1";
    let content = |table: &str| {
        let digest = format!("SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t");
        format!("{table} {}\n", ask(&digest).trim())
    };
    ask(tables).lines().map(content).collect()
}

/// A policy whose tier takes a full backup every week and incremental ones between.
pub fn project(database: &Database, more: &str) -> Project {
    let project = Project::new(database, more);
    let lines = "    method: physical\n    incremental: { full_every: 7d }\n    schedule: manual";
    project.edit_policy("    schedule: manual", lines);
    project
}

/// Encrypted to a key that the policy names in its last line.
pub fn encrypted(database: &Database) -> Project {
    let lines = "    encryption: team\nencryption:\n  team:\n    type: age\n    recipients: [KEY]\n    identity: ${file:{folder}/key}\n";
    let project = project(database, lines);
    let printed = shell(database.server, &project.path("."), "age-keygen -o key 2>&1");
    let public = String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap().to_owned();
    project.edit_policy("KEY", &public);
    project
}

pub fn server(version: Version) -> &'static Server {
    Box::leak(Box::new(Server::start_with(version, &["autovacuum=off", "max_wal_size=2GB"])))
}

/// Takes a backup and reads its manifest.
pub fn back_up(project: &Project) -> (Manifest, String) {
    let run = project.backstay(&["backup", "app", "--json"]).run().expect(0);
    (serde_json::from_value(run.json()["manifest"].clone()).unwrap(), run.stderr)
}

/// The same, with the next one in a later second: ids sort by it.
fn back_up_in_a_second_of_its_own(project: &Project) -> Manifest {
    let (made, _) = back_up(project);
    let begun = made.id.started().as_second();
    until(|| jiff::Timestamp::now().as_second() > begun);
    made
}

/// The same so many hours ago: ids count seconds, and retention goes by them.
fn back_up_before(project: &Project, hours: i64) -> Manifest {
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
    let call = faketime(project.backstay(&["backup", "app", "--json"]), &then.strftime("%F %T").to_string());
    serde_json::from_value(call.run().expect(0).json()["manifest"].clone()).unwrap()
}

pub fn on(manifest: &Manifest) -> Option<String> {
    Some(manifest.cluster.as_ref()?.incremental.as_ref()?.on.to_string())
}

pub fn stored(manifest: &Manifest) -> u64 {
    manifest.objects.iter().map(|object| object.stored_bytes).sum()
}

/// Restores a backup into a folder, checks the files, starts a server on it and asks it.
pub fn state_of(project: &Project, source: &Database, id: &str, more: &[&str]) -> String {
    let server = source.server;
    let folder = server.socket_dir().join(format!("restored-{id}"));
    let words = ["restore", "app", "--from", id, "--target-dir", folder.to_str().unwrap()];
    let words: Vec<&str> = words.into_iter().chain(more.iter().copied()).collect();
    project.backstay(&words).run().expect(0);
    server.run_on(&folder, "pg_verifybackup", &["--no-parse-wal", "--ignore=tablespace_map"]).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let started = ["--delta", "--yes", "--start", "--port", &port, "--json"];
    let words: Vec<&str> = words.into_iter().chain(started).collect();
    let done = project.backstay(&words).run().expect(0).json();
    let found = state(|sql| {
        let mut command = server.client("psql", &source.name);
        command.env("PGHOST", done["recovered"]["socket"].as_str().unwrap()).env("PGPORT", &port);
        let output = command.args(["-XqAt", "-c", sql]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    server.run_on(&folder, "pg_ctl", &["stop", "-m", "fast", "-w", "-D"]).unwrap();
    server.run_on(&folder, "pg_controldata", &["-D"]).unwrap();
    found
}

fn manifests(project: &Project, storage: &str) -> Vec<String> {
    let is_manifest = |file: &String| file.starts_with("manifest/") && !file.contains(".verified.");
    project.files(storage).into_iter().filter(is_manifest).collect()
}

fn pack(project: &Project, storage: &str, id: &str) -> PathBuf {
    let files = project.files(storage);
    let found = files.iter().find(|file| file.contains(id) && file.contains("pack-000001") && !file.ends_with("256"));
    project.path(storage).join(found.unwrap())
}

#[test]
fn every_backup_of_a_chain_comes_back_as_the_cluster_was() {
    for version in [Version::Distribution, Version::Newer] {
        a_chain_comes_back(version);
    }
}

/// A full backup and two incremental ones.
pub fn a_chain_comes_back(version: Version) {
    let server = server(version);
    let place = server.socket_dir().join("far");
    fs::create_dir(&place).unwrap();
    server.own(&place);
    server.psql("postgres", &format!("CREATE TABLESPACE far LOCATION '{}'", place.display()));
    let source = Database::create(server, "shop");
    source.psql(
        "CREATE TABLE big AS SELECT n, md5(n::text) || repeat(md5((n+1)::text), 12) AS w FROM generate_series(1, 60000) n;
         CREATE INDEX ON big (n);
         CREATE TABLE away TABLESPACE far AS SELECT n, md5(n::text) AS w FROM generate_series(1, 40000) n;
         CREATE TABLE short AS SELECT n, md5(n::text) AS w FROM generate_series(1, 40000) n;
         CREATE TABLE gone AS SELECT n FROM generate_series(1, 30000) n; CREATE TABLE small AS SELECT 1 AS n; CHECKPOINT",
    );
    let project = encrypted(&source);
    let full = back_up_in_a_second_of_its_own(&project);
    let mut states = vec![(full.id.to_string(), state(|sql| source.psql(sql)))];
    assert_eq!(on(&full), None);

    // One row in a hundred; one relation ends earlier, one is gone, one is new, one is longer.
    for change in [
        "UPDATE big SET w = md5(w) WHERE n % 100 = 0",
        "DELETE FROM short WHERE n > 1000",
        "VACUUM short",
        "DROP TABLE gone",
        "CREATE TABLE fresh AS SELECT n, md5(n::text) AS w FROM generate_series(1, 5000) n",
        "INSERT INTO away SELECT n, 'more' FROM generate_series(1, 10000) n",
    ] {
        source.psql(change);
    }
    let first = back_up_in_a_second_of_its_own(&project);
    states.push((first.id.to_string(), state(|sql| source.psql(sql))));
    assert_eq!(on(&first), Some(full.id.to_string()), "{:#?}", first.cluster);
    assert!(stored(&first) * 2 < stored(&full), "{} of {}", stored(&first), stored(&full));

    // Not even a page of most relations.
    source.psql("UPDATE small SET n = 2; UPDATE away SET w = md5(w) WHERE n = 77; CHECKPOINT");
    let second = back_up_in_a_second_of_its_own(&project);
    states.push((second.id.to_string(), state(|sql| source.psql(sql))));
    assert_eq!(on(&second), Some(first.id.to_string()));
    let cluster = second.cluster.clone().unwrap();
    let referred: Vec<String> = cluster.references().iter().map(|other| other.backup.to_string()).collect();
    assert_eq!(referred, [full.id.to_string(), first.id.to_string()]);

    let verified = project.backstay(&["verify", "app", "--deep"]).run().expect(0);
    assert!(!verified.stdout.contains("damaged"), "{verified:#?}");
    let listed = project.backstay(&["list", "app"]).run().expect(0);
    assert_eq!(listed.stdout.matches("(incremental)").count(), 2, "{listed:#?}");
    let shown = project.backstay(&["show", second.id.as_str()]).run().expect(0);
    assert!(shown.stdout.contains(&format!("incremental on {}", first.id)), "{shown:#?}");

    let oid = cluster.tablespaces[0].oid;
    for (id, state) in &states {
        let map = format!("{oid}={}", server.socket_dir().join(format!("far-{id}")).display());
        assert_eq!(state_of(&project, &source, id, &["--tablespace-map", &map]), *state, "{id}");
    }
}

#[test]
fn who_has_only_public_keys_goes_by_what_this_machine_remembers() {
    let source = Database::create(server(Version::Distribution), "shop");
    source
        .psql("CREATE TABLE t AS SELECT n, repeat(md5(n::text), 20) AS w FROM generate_series(1, 20000) n; CHECKPOINT");
    let project = encrypted(&source);
    let identity = format!("    identity: ${{file:{}/key}}\n", project.path("").display()).replace("//", "/");
    project.edit_policy(&identity, "");
    let (full, _) = back_up(&project);
    let (second, _) = back_up(&project);
    assert_eq!(on(&second), Some(full.id.to_string()));
    let remembered: Vec<String> = project.files("state").into_iter().filter(|f| f.contains("/physical/")).collect();
    assert_eq!(remembered.len(), 4, "{remembered:?}");
    fs::remove_dir_all(project.path("state")).unwrap();
    let (third, said) = back_up(&project);
    assert_eq!(on(&third), None);
    assert!(said.contains("a full backup is taken") && said.contains("cannot be read here"), "{said}");
    let (fourth, _) = back_up(&project);
    assert_eq!(on(&fourth), Some(third.id.to_string()));
    // Who has the key reads what is stored.
    fs::remove_dir_all(project.path("state")).unwrap();
    project.edit_policy("    recipients:", &format!("{identity}    recipients:"));
    let (fifth, _) = back_up(&project);
    assert_eq!(on(&fifth), Some(fourth.id.to_string()));
    let expected = state(|sql| source.psql(sql));
    assert_eq!(state_of(&project, &source, fifth.id.as_str(), &[]), expected);
    // Another key reads nothing of what the earlier one locked.
    let printed = shell(source.server, &project.path("."), "age-keygen -o other 2>&1");
    let public = String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap().to_owned();
    project.edit_policy("recipients: [", &format!("recipients: [{public}, "));
    let (sixth, said) = back_up(&project);
    assert_eq!(on(&sixth), None);
    assert!(said.contains("encrypted otherwise"), "{said}");
}

#[test]
fn a_lost_pack_of_a_full_backup_is_found_in_all_that_refer_to_it_and_repaired() {
    let source = Database::create(server(Version::Distribution), "shop");
    source
        .psql("CREATE TABLE t AS SELECT n, repeat(md5(n::text), 20) AS w FROM generate_series(1, 20000) n; CHECKPOINT");
    let project = project(&source, "");
    let full = back_up_before(&project, 1);
    let (second, _) = back_up(&project);
    assert_eq!(on(&second), Some(full.id.to_string()));
    let expected = state(|sql| source.psql(sql));
    let (full, second) = (full.id.to_string(), second.id.to_string());
    project.backstay(&["verify", "app"]).run().expect(0);
    fs::remove_file(pack(&project, "near", &full)).unwrap();
    let verified = project.backstay(&["verify", "app", "--json"]).run().expect(8).json();
    let damaged: Vec<String> = verified["copies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|copy| copy["result"] == "damaged")
        .map(|copy| format!("{} {}", copy["storage"].as_str().unwrap(), copy["id"].as_str().unwrap()))
        .collect();
    assert_eq!(damaged, [format!("near {full}"), format!("near {second}")], "{verified:#}");
    let listed = project.backstay(&["list", "app"]).run().expect(0);
    assert!(listed.stdout.contains("near (damaged)"), "{listed:#?}");
    // What is whole elsewhere is restored from there; the next backup does without both.
    assert_eq!(state_of(&project, &source, &second, &[]), expected);
    let (third, said) = back_up(&project);
    assert_eq!(on(&third), None, "{said}");
    // Only the full one is brought: the other has all that is its own.
    let plan = project.backstay(&["plan", "--json"]).run().expect(0);
    assert!(plan.stdout.contains(&format!("copy/near/app/now/{full}")), "{plan:#?}");
    assert!(!plan.stdout.contains(&format!("copy/near/app/now/{second}")), "{plan:#?}");
    project.backstay(&["sync", "--yes"]).run().expect(0);
    let verified = project.backstay(&["verify", "app"]).run().expect(0);
    assert!(!verified.stdout.contains("damaged"), "{verified:#?}");

    // A storage that has nothing is given what is referred to first.
    fs::remove_dir_all(project.path("far/manifest")).unwrap();
    fs::remove_dir_all(project.path("far/data")).unwrap();
    let alone = ["sync", "--yes", "--target", &format!("copy/far/app/now/{second}")].map(str::to_owned);
    let alone: Vec<&str> = alone.iter().map(String::as_str).collect();
    let refused = project.backstay(&alone).run();
    assert_ne!(refused.code, Some(0), "{refused:#?}");
    assert!(refused.stdout.contains("BS872"), "{refused:#?}");
    assert!(manifests(&project, "far").is_empty(), "{:?}", project.files("far"));
    project.backstay(&["sync", "--yes"]).run().expect(0);
    project.backstay(&["verify", "app", "--storage", "far"]).run().expect(0);
    fs::remove_dir_all(project.path("near/data")).unwrap();
    fs::remove_dir_all(source.server.socket_dir().join(format!("restored-{second}"))).unwrap();
    assert_eq!(state_of(&project, &source, &second, &[]), expected);
}

#[test]
fn what_is_referred_to_stays_and_goes_after_what_refers_to_it() {
    let source = Database::create(server(Version::Distribution), "shop");
    source
        .psql("CREATE TABLE t AS SELECT n, repeat(md5(n::text), 20) AS w FROM generate_series(1, 20000) n; CHECKPOINT");
    let project = project(&source, "    safety: { max_prune: 100% }\n");
    project.edit_policy("{ to: near, keep: 7d }, { to: far, keep: 30d }", "{ to: near, keep: { last: 1 } }");
    let full = back_up_before(&project, 3);
    source.psql("CREATE TABLE more AS SELECT n, md5(n::text) AS w FROM generate_series(1, 20000) n");
    source.psql("VACUUM FREEZE more");
    let second = back_up_before(&project, 2);
    source.psql("UPDATE t SET w = 'changed' WHERE n = 19000");
    let third = back_up_before(&project, 1);
    assert_eq!((on(&second), on(&third)), (Some(full.id.to_string()), Some(second.id.to_string())));
    // The last one stays and keeps all of them.
    let plan = project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    assert!(!plan.stdout.contains("prune"), "{plan:#?}");
    // A full one lets them go.
    project.edit_policy("full_every: 7d", "full_every: 1s");
    let (fourth, said) = back_up(&project);
    assert_eq!(on(&fourth), None);
    assert!(said.contains("one is due every 1s"), "{said}");
    let plan = project.backstay(&["plan", "--json"]).run().expect(0).json();
    let order: Vec<&str> = plan["plans"][0]["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["address"].as_str().unwrap())
        .collect();
    let expected: Vec<String> =
        [&third, &second, &full].iter().map(|m| format!("prune/near/app/now/{}", m.id)).collect();
    assert_eq!(order, expected, "{plan:#}");
    // Alone, what others refer to does not go.
    let alone = project.backstay(&["prune", "--yes", "--target", &expected[2]]).run();
    assert_ne!(alone.code, Some(0), "{alone:#?}");
    assert!(alone.stdout.contains("BS873"), "{alone:#?}");
    assert_eq!(manifests(&project, "near").len(), 4);
    project.backstay(&["prune", "--yes"]).run().expect(0);
    assert_eq!(manifests(&project, "near"), [format!("manifest/now/app/{}.json", fourth.id)]);
    project.backstay(&["verify", "app"]).run().expect(0);
}

#[test]
fn a_plan_says_which_kind_is_due_and_why() {
    let source = Database::create(server(Version::Distribution), "shop");
    source
        .psql("CREATE TABLE t AS SELECT n, repeat(md5(n::text), 20) AS w FROM generate_series(1, 20000) n; CHECKPOINT");
    let project = project(&source, "");
    project.edit_policy("schedule: manual", "schedule: \"0 2 * * *\"");
    let now = jiff::Timestamp::now();
    let days = |n: i64| (now - jiff::SignedDuration::from_hours(24 * n)).strftime("%F %T").to_string();
    let then = |n: i64, words: &[&str]| faketime(project.backstay(words), &days(n)).run();
    let plan = then(6, &["plan"]);
    assert!(plan.stdout.contains("never backed up; full"), "{plan:#?}");
    then(6, &["apply", "--yes"]).expect(0);
    let full = project.manifest("near");
    let plan = then(3, &["plan", "--out", "saved"]).expect(0);
    assert!(plan.stdout.contains(&format!("; incremental on {}", full.id)), "{plan:#?}");
    then(3, &["apply", "saved"]).expect(0);
    let files = manifests(&project, "far");
    assert_eq!(files.len(), 2, "{files:?}");
    let text = fs::read(project.path("far").join(&files[1])).unwrap();
    let made: Manifest = backstay::catalog::unseal(&text).unwrap();
    assert_eq!(on(&made), Some(full.id.to_string()));
    // A storage that lacks both makes the next one full, and after a week one is due anyway.
    let plan = then(-3, &["plan"]);
    assert!(plan.stdout.contains("full: the last full one is 9d"), "{plan:#?}");
    for folder in ["far/manifest", "far/data"] {
        fs::remove_dir_all(project.path(folder)).unwrap();
    }
    let plan = then(1, &["plan"]);
    assert!(plan.stdout.contains(&format!("full: no backup since {} is whole", full.id)), "{plan:#?}");
}

#[test]
fn an_incremental_backup_that_is_interrupted_leaves_nothing() {
    let server = server(Version::Distribution);
    let source = Database::create(server, "shop");
    source.psql(
        "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 40) AS w FROM generate_series(1, 120000) n; CHECKPOINT",
    );
    let project = project(&source, "");
    let (full, _) = back_up(&project);
    let before = project.backup_files("near");
    let mut child = project.backstay(&["backup", "app"]).into_command().spawn().unwrap();
    while project.files("near").iter().all(|file| !file.contains(".tmp-")) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    server.kill();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(project.backup_files("near"), before);
    let listed = project.backstay(&["list", "app", "--json"]).run().expect(0).json();
    let backups = listed["databases"][0]["backups"].as_array().unwrap();
    assert_eq!((backups.len(), &backups[0]["id"]), (1, &full.id.to_string().into()), "{listed:#}");
}

#[test]
fn drills_and_rescues_work_on_them_whoever_read_the_files() {
    let source = Database::create(server(Version::Distribution), "shop");
    source
        .psql("CREATE TABLE t AS SELECT n, repeat(md5(n::text), 20) AS w FROM generate_series(1, 30000) n; CHECKPOINT");
    let checks = "    drill: { schedule: manual, checks: [{ sql: 'SELECT count(*) FROM t', expect: '= 30000' }] }\n";
    let project = project(&source, checks);
    let (full, _) = back_up(&project);
    project.edit_policy("    method: physical\n", "    method: physical\n    read: local\n");
    source.psql("UPDATE t SET w = 'changed' WHERE n % 100 = 3");
    let (second, _) = back_up(&project);
    assert_eq!(on(&second), Some(full.id.to_string()));
    assert!(stored(&second) * 2 < stored(&full), "{} of {}", stored(&second), stored(&full));
    let expected = state(|sql| source.psql(sql));
    let drilled = project.backstay(&["drill", "app", "--json"]).run().expect(0).json();
    assert_eq!(drilled["drills"][0]["id"], second.id.to_string(), "{drilled:#}");
    assert_eq!(drilled["drills"][0]["problems"].as_array().unwrap().len(), 0, "{drilled:#}");
    let digest = "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY n)) FROM ";
    let before = source.psql(&format!("{digest} t"));
    source.psql("UPDATE t SET w = 'spoiled'");
    let words = ["restore", "app", "--table", "t", "--immediate", "--into", &source.name, "--as", "t_before"];
    project.backstay(&words).run().expect(0);
    assert_eq!(source.psql(&format!("{digest} t_before t")), before);
    // Over a data directory of the backup before: what is as it was stays.
    let folder = source.server.socket_dir().join(format!("restored-{}", second.id));
    let words = ["restore", "app", "--from", full.id.as_str(), "--target-dir", folder.to_str().unwrap()];
    project.backstay(&words).run().expect(0);
    let words = ["restore", "app", "--from", second.id.as_str(), "--target-dir", folder.to_str().unwrap()];
    let words: Vec<&str> = words.into_iter().chain(["--delta", "--yes", "--json"]).collect();
    let done = project.backstay(&words).run().expect(0).json();
    assert!(done["kept_files"].as_u64().unwrap() > 900, "{done:#}");
    source.server.run_on(&folder, "pg_verifybackup", &["--no-parse-wal"]).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(state_of(&project, &source, second.id.as_str(), &[]), expected);
}
