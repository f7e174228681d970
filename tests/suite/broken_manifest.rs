//! A backup whose manifest says nothing: every verb that would have named it says so, and what to run.

use crate::support::{Database, Project, Run, Server};
use std::fs;

fn broken(project: &Project, storage: &str, id: &str) {
    let path = project.path(&format!("{storage}/manifest/now/app/{id}.json"));
    let text = fs::read_to_string(&path).unwrap();
    // A disk that lost the end of it.
    fs::write(path, &text[..text.len() / 2]).unwrap();
}

fn is_told(run: &Run) {
    assert!(run.stderr.contains("error[BS510]") && run.stderr.contains("hint: Run `backstay sync`"), "{run:#?}");
    assert!(!run.stderr.contains("no storage holds") && !run.stderr.contains("was found in"), "{run:#?}");
}

#[test]
fn a_backup_whose_manifest_is_broken_is_not_said_to_be_absent() {
    let source = Database::create(Server::any(), "broken_manifest");
    source.psql("CREATE TABLE t AS SELECT 1 AS n");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let id = project.manifest("near").id.to_string();
    broken(&project, "far", &id);
    // One copy that is whole is enough to show it.
    project.backstay(&["show", &id]).run().expect(0);
    let restore = ["restore", "app", "--from", &id, "--into", "broken_manifest_new", "--dry-run"];
    project.backstay(&restore).run().expect(0);
    let plan = project.backstay(&["plan"]).run().expect(1);
    assert!(plan.stdout.contains("storage/far: [BS510] `manifest/now/app/"), "{plan:#?}");
    assert!(plan.stdout.contains("`backstay verify --deep` shows what else is damaged"), "{plan:#?}");

    broken(&project, "near", &id);
    is_told(&project.backstay(&["show", &id]).run().expect(8));
    is_told(&project.backstay(&restore).run().expect(8));
    let list = project.backstay(&["list"]).run().expect(0);
    assert!(list.stdout.contains("! storage `near`: [BS510] `manifest/now/app/"), "{list:#?}");
    let list = project.backstay(&["list", "--json"]).run().expect(0).json();
    assert_eq!(list["broken_files"][1]["code"], "BS510", "{list:#}");
    // An id that nobody ever gave is still unknown.
    let run = project.backstay(&["show", "20200101T000000Z-aaaa"]).run().expect(1);
    assert!(run.stderr.contains("no storage holds a backup"), "{run:#?}");
}
