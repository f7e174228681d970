//! docs/format.md is true: its commands are run, and the schemas are those of the types.
//! `BLESS=1 cargo test --test suite format` writes the schemas anew.

use crate::support::{Database, Project, Server, shell};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The shell blocks of the page whose opening line is `opening`, in order, as one script.
fn script(opening: &str) -> String {
    let text = include_str!("../../docs/format.md");
    let blocks = text.split("\n```").collect::<Vec<_>>();
    let commands = blocks.iter().skip(1).step_by(2).filter_map(|block| block.strip_prefix(opening));
    let script = commands.collect::<Vec<_>>().join("\n");
    assert!(!script.is_empty());
    script
}

fn run(project: &Project, server: &Server, script: &str) -> String {
    run_for(project, server, &project.manifest("near"), script)
}

/// The script for one backup at `near`.
fn run_for(project: &Project, server: &Server, manifest: &backstay::catalog::Manifest, script: &str) -> String {
    let data = format!("near/data/{}/{}/{}", manifest.tier, manifest.database, manifest.id);
    let path = format!("{}:{}", server.bin.display(), std::env::var("PATH").unwrap());
    let mut command: Command = server.client("psql", "postgres");
    // The server's connection settings, for another program.
    let settings: Vec<_> =
        command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    command = Command::new("bash");
    for (name, value) in settings {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let output = command
        .args(["-euo", "pipefail", "-c", script])
        .env("PATH", path)
        .env("STORE", project.path("near"))
        .env("TIER", &manifest.tier)
        .env("DATABASE", &manifest.database)
        .env("ID", manifest.id.as_str())
        .env("KEY", project.path("key"))
        .env("PASSPHRASE", project.path("words"))
        .env("GNUPGHOME", project.path("."))
        .env("DATA", project.path(&data))
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn source() -> Database {
    let source = Database::create(Server::any(), "format");
    source.psql("CREATE TABLE kept AS SELECT n FROM generate_series(1, 100) n");
    source
}

#[test]
fn a_backup_is_read_with_the_commands_of_the_page() {
    let source = source();
    let lines = "    encryption: team\nencryption:\n  team: { type: age, recipients: [KEY] }\n";
    let project = Project::new(&source, lines);
    let printed = shell(source.server, &project.path("."), "age-keygen -o key 2>&1");
    let public = String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap().to_owned();
    project.edit_policy("KEY", &public);
    project.backstay(&["backup", "app"]).run().expect(0);
    let copy = Database::name_only(source.server, "format_copy");
    let script = format!("NEW_DATABASE={}\n{}", copy.name, script("sh\n"));
    let printed = run(&project, source.server, &script);
    assert!(printed.contains("dump.zst.age: OK") && printed.contains("TABLE DATA public kept"), "{printed}");
    assert!(printed.contains("CREATE ROLE"), "{printed}");
    assert_eq!(copy.psql("SELECT sum(n) FROM kept").trim(), "5050");
}

#[test]
fn a_cluster_is_read_with_the_commands_of_the_page() {
    let source = source();
    let lines = "    encryption: team\nencryption:\n  team: { type: age, recipients: [KEY] }\n";
    let project = Project::new(&source, lines);
    project.edit_policy("    schedule: manual", "    method: physical\n    schedule: manual");
    let printed = shell(source.server, &project.path("."), "age-keygen -o key 2>&1");
    let public = String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap().to_owned();
    project.edit_policy("KEY", &public);
    project.backstay(&["backup", "app"]).run().expect(0);
    let script = format!("CLUSTER='{}'\n{}", project.path("cluster").display(), script("sh cluster\n"));
    let printed = run(&project, source.server, &script);
    assert!(printed.contains("backup successfully verified") && printed.contains("\"blake3\""), "{printed}");
}

#[test]
fn an_incremental_backup_is_put_together_with_the_commands_of_the_page() {
    let server: &Server = Box::leak(Box::new(Server::start(crate::support::Version::Distribution)));
    let source = Database::create(server, "format");
    source.psql("CREATE TABLE kept AS SELECT n, md5(n::text) AS w FROM generate_series(1, 30000) n; CHECKPOINT");
    let lines = "    encryption: team\nencryption:\n  team: { type: age, recipients: [KEY] }\n";
    let project = Project::new(&source, lines);
    let physical = "    method: physical\n    incremental: { full_every: 7d }\n    schedule: manual";
    project.edit_policy("    schedule: manual", physical);
    let printed = shell(source.server, &project.path("."), "age-keygen -o key 2>&1");
    let public = String::from_utf8_lossy(&printed).trim().rsplit(' ').next().unwrap().to_owned();
    project.edit_policy("KEY", &public);
    project.backstay(&["backup", "app"]).run().expect(0);
    source.psql("UPDATE kept SET w = 'other' WHERE n % 700 = 0");
    project.backstay(&["backup", "app"]).run().expect(0);
    source.psql("UPDATE kept SET w = 'and another' WHERE n % 900 = 0");
    let made = project.backstay(&["backup", "app", "--json"]).run().expect(0).json();
    let manifest: backstay::catalog::Manifest = serde_json::from_value(made["manifest"].clone()).unwrap();
    assert_eq!(manifest.cluster.as_ref().unwrap().references().len(), 2, "{made:#}");
    fs::create_dir(project.path("work")).unwrap();
    let (cluster, work) = (project.path("cluster"), project.path("work"));
    let script = format!("CLUSTER='{}'\nWORK='{}'\n{}", cluster.display(), work.display(), script("sh incremental\n"));
    let printed = run_for(&project, source.server, &manifest, &script);
    assert!(printed.contains("backup successfully verified"), "{printed}");
}

#[test]
fn a_backup_with_gpg_is_read_with_the_commands_of_the_page() {
    let source = source();
    let lines = "    encryption: gpg\nencryption:\n  gpg: { type: gpg, passphrase: \"${file:{folder}/words}\" }\n";
    let project = Project::new(&source, lines);
    fs::write(project.path("words"), "correct horse\n").unwrap();
    project.backstay(&["backup", "app"]).run().expect(0);
    let printed = run(&project, source.server, &script("sh gpg\n"));
    assert!(printed.contains("TABLE DATA public kept"), "{printed}");
}

#[test]
fn the_schemas_are_those_of_the_types_and_hold_for_what_is_stored() {
    let source = source();
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    project.backstay(&["verify"]).run().expect(0);
    project.backstay(&["drill", "app"]).run().expect(0);
    let id = project.manifest("near").id;
    for (name, schema, file) in [
        ("manifest.v1.json", backstay::catalog::manifest_schema(), format!("{id}.json")),
        ("verified.v1.json", backstay::catalog::verified_schema(), format!("{id}.verified.json")),
        ("drills.v1.json", backstay::catalog::drills_schema(), "drills.json".to_owned()),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
        let wanted = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let stored = fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == wanted, "{} is old: run `BLESS=1 cargo test --test suite format`", path.display());
        let text = fs::read(project.path("near/manifest/now/app").join(file)).unwrap();
        let value: Value = serde_json::from_slice(&text).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{problems:?}");
        assert!(!validator.is_valid(&serde_json::json!({"format": 1})));
    }
}
