//! Backups and locks of machines whose clock was wrong.

use crate::support::{Database, Project, Server, faketime};
use backstay::catalog::{Owner, seal, unseal};
use backstay::repository::{LEASE_TTL, Repository, RepositoryError, layout, this_process};
use backstay::storage::FilesystemStore;
use std::fs::{self, File};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[test]
fn what_is_dated_in_the_future_is_the_newest_only_where_nothing_else_is() {
    let source = Database::create(Server::any(), "ahead");
    source.psql("CREATE TABLE t AS SELECT 1 AS n");
    let project = Project::new(&source, "");
    let backup = |call: crate::support::Backstay| -> String {
        call.run().expect(0).json()["manifest"]["id"].as_str().unwrap().to_owned()
    };
    let ahead = backup(faketime(project.backstay(&["backup", "app", "--json"]), "2040-01-01 02:00:00"));
    let dry = ["restore", "app", "--into", "elsewhere", "--dry-run", "--json"];
    let only = project.backstay(&dry).run().expect(0).json();
    assert_eq!(only["origin"]["id"], ahead);
    assert!(only["origin"]["reasons"].to_string().contains("dated in the future"), "{only}");
    let shown = project.backstay(&dry[..5]).run().expect(0);
    assert!(shown.stdout.contains("in the future, tier"), "{shown:#?}");

    let real = backup(project.backstay(&["backup", "app", "--json"]));
    let newest = project.backstay(&dry).run().expect(0).json();
    assert_eq!(newest["origin"]["id"], real.as_str());
    assert_eq!(newest["origin"]["passed_over"][0], format!("{ahead} is dated in the future"));
    let list = project.backstay(&["list"]).run().expect(0);
    assert!(list.stdout.contains(&format!("{ahead}  -1")), "{list:#?}");
    // Whoever names it gets it.
    let named = ["restore", "app", "--into", "elsewhere", "--dry-run", "--json", "--from", &ahead];
    assert_eq!(project.backstay(&named).run().expect(0).json()["origin"]["id"], ahead.as_str());
}

fn written_ago(file: &std::path::Path, seconds: i64) {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let at = if seconds < 0 { SystemTime::now() + by } else { SystemTime::now() - by };
    File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_lock_holds_for_a_minute_whatever_its_date() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::new("local", Arc::new(FilesystemStore::new(folder.path(), 0o700)));
    let file = folder.path().join(layout::lock_key("app"));
    for (ago, holds) in [(0, true), (50, true), (70, false), (-30, true), (-40_000_000, false)] {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "garbage").unwrap();
        written_ago(&file, ago);
        let taken = repository.lock("app", this_process("r", "test"), LEASE_TTL).await;
        match taken {
            Ok(lease) if !holds => lease.release().await.unwrap(),
            Err(RepositoryError::Broken { .. }) if holds => {}
            other => panic!("{ago}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_another_machine_that_expires_in_years_is_given_up_after_an_hour_of_silence() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::new("local", Arc::new(FilesystemStore::new(folder.path(), 0o700)));
    let elsewhere = Owner { host: "elsewhere".to_owned(), boot_id: "another".into(), ..this_process("r", "backup") };
    let year = Duration::from_secs(366 * 86_400);
    let lease = repository.lock("app", elsewhere, year).await.unwrap();
    let file = folder.path().join(layout::lock_key("app"));
    let record: serde_json::Value = unseal(&fs::read(&file).unwrap()).unwrap();
    fs::write(&file, seal(&record)).unwrap();
    let take = || repository.lock("app", this_process("r2", "test"), LEASE_TTL);
    assert!(matches!(take().await, Err(RepositoryError::Locked { .. })));
    written_ago(&file, 3500);
    assert!(matches!(take().await, Err(RepositoryError::Locked { .. })));
    written_ago(&file, 3700);
    take().await.unwrap().release().await.unwrap();
    drop(lease);
}
