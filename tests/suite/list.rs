//! `backstay list` and `backstay show`.

use crate::support::{Database, Project, Server};
use std::fs;

fn project() -> (Database, Project) {
    let source = Database::create(Server::any(), "listed");
    source.psql("CREATE TABLE t AS SELECT generate_series(1, 1234) AS n");
    let project = Project::new(&source, "");
    (source, project)
}

#[test]
fn copies_are_one_line_and_damage_shows() {
    let (_source, project) = project();
    let run = project.backstay(&["list"]).run().expect(0);
    assert_eq!(run.stdout, "app\n  no backup yet\n");
    project.backstay(&["backup", "app"]).run().expect(0);
    project.backstay(&["backup", "app"]).run().expect(0);
    let view = project.backstay(&["list", "app", "--json"]).run().expect(0).json();
    let backups = view["databases"][0]["backups"].as_array().unwrap();
    assert_eq!((view["format_version"].as_u64(), backups.len()), (Some(1), 2));
    assert_eq!(backups[0]["copies"].as_array().unwrap().len(), 2);
    assert!(backups[0]["started_at"].as_str() > backups[1]["started_at"].as_str());
    let ids: Vec<&str> = backups.iter().map(|backup| backup["id"].as_str().unwrap()).collect();
    for storage in ["near", "far"] {
        fs::remove_file(project.path(storage).join(format!("data/now/app/{}/dump.zst", ids[1]))).unwrap();
    }
    fs::remove_file(project.path("far").join(format!("data/now/app/{}/dump.zst", ids[0]))).unwrap();
    let run = project.backstay(&["list"]).run().expect(0);
    assert!(run.stdout.contains("near, far (damaged)  unverified"), "{}", run.stdout);
    assert!(run.stdout.contains("damaged: `dump.zst` is missing"), "{}", run.stdout);
}

#[test]
fn one_backup_is_shown_in_full() {
    let (source, project) = project();
    let id = project.backstay(&["backup", "app", "--json"]).run().expect(0).json()["manifest"]["id"].clone();
    let id = id.as_str().unwrap();
    let run = project.backstay(&["show", id]).run().expect(0);
    for part in [source.name.as_str(), "zstd level 3", "public.t  1234", "1 tables with data, 1234 rows", "near", "far"]
    {
        assert!(run.stdout.contains(part), "{part} in {}", run.stdout);
    }
    let view = project.backstay(&["show", id, "--json"]).run().expect(0).json();
    assert_eq!(view["manifest"]["id"], id);
    // A manifest that is damaged at one storage is read from the other.
    fs::write(project.path(&format!("near/manifest/now/app/{id}.json")), "{}").unwrap();
    let view = project.backstay(&["show", id, "--json"]).run().expect(0).json();
    assert_eq!(view["manifest"]["id"], id);
    assert_eq!(view["copies"].as_array().unwrap().len(), 1);
}

#[test]
fn slips_are_understood() {
    let (_source, project) = project();
    let id = project.backstay(&["backup", "app", "--json"]).run().expect(0).json()["manifest"]["id"].clone();
    let id = id.as_str().unwrap();
    let run = project.backstay(&["list", "ap"]).run().expect(1);
    assert!(run.stderr.contains("knows a database `ap`"), "{}", run.stderr);
    let run = project.backstay(&["restore", "appp", "--in-place"]).run().expect(1);
    assert!(run.stderr.contains("Did you mean `app`?"), "{}", run.stderr);
    let near = format!("{}{}", &id[..id.len() - 1], if id.ends_with('a') { "b" } else { "a" });
    for arguments in [&["show", near.as_str()][..], &["show", &id[..id.len() - 1]]] {
        let run = project.backstay(arguments).run().expect(1);
        assert!(run.stderr.contains(&format!("Did you mean `{id}`?")), "{}", run.stderr);
    }
    let run = project.backstay(&["restore", "app", "--into", "x", "--from", "lates"]).run().expect(1);
    assert!(run.stderr.contains("Did you mean `latest`?"), "{}", run.stderr);
    let run = project.backstay(&["restore", "app", "--into", "x", "--from", &near]).run().expect(1);
    assert!(run.stderr.contains("BS540"), "{}", run.stderr);
    project.backstay(&["restore", "app"]).run().expect(64);
    project.backstay(&["restore", "app", "--into", "x", "--in-place"]).run().expect(64);
}

#[test]
fn a_database_that_left_the_policy_is_listed_beside() {
    let (_source, project) = project();
    project.backstay(&["backup", "app"]).run().expect(0);
    project.edit_policy("  app:\n", "  web:\n");
    let run = project.backstay(&["list"]).run().expect(0);
    assert!(run.stdout.starts_with("web\n  no backup yet\n\napp (not in the policy)\n"), "{}", run.stdout);
    let run = project.backstay(&["restore", "app", "--in-place"]).run().expect(1);
    assert!(run.stderr.contains("not in the policy any more"), "{}", run.stderr);
}
