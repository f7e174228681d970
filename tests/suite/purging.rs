//! Purging objects of a bucket that keeps versions, or did.

use crate::support::{Moto, s3_store};
use backstay::storage::{Condition, ObjectMeta, ObjectStore, Protection, S3Store, StorageError};
use bytes::Bytes;

/// A bucket of its own, with a store in it.
fn bucket(more: &[&str]) -> (String, S3Store) {
    let name = Moto::unique("purging");
    let moto = Moto::shared();
    moto.aws(&[&["s3api", "create-bucket", "--bucket", &name], more].concat());
    let store = s3_store(moto.port, &name, "in/");
    (name, store)
}

fn versioning(bucket: &str, status: &str) {
    let status = format!("Status={status}");
    let words = ["s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", &status];
    Moto::shared().aws(&words);
}

/// How many versions and markers a bucket holds.
fn n_versions(bucket: &str) -> usize {
    let all = Moto::shared().aws(&["s3api", "list-object-versions", "--bucket", bucket]);
    ["Versions", "DeleteMarkers"].iter().map(|kind| all[kind].as_array().map_or(0, Vec::len)).sum()
}

async fn put(store: &S3Store, key: &str, text: &'static str) -> ObjectMeta {
    store.put(key, Bytes::from_static(text.as_bytes()), Condition::Always).await.unwrap()
}

/// Asserts that every one of these is purged.
async fn purged(store: &S3Store, objects: &[ObjectMeta]) {
    for (key, outcome) in store.purge(objects).await.unwrap() {
        assert_eq!(outcome, Ok(()), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_goes_and_so_do_markers() {
    let (name, store) = bucket(&[]);
    let before = [put(&store, "a/before", "1").await, put(&store, "a/other", "1").await];
    versioning(&name, "Enabled");
    put(&store, "b/twice", "1").await;
    let twice = put(&store, "b/twice", "2").await;
    let deleted = put(&store, "c/deleted", "1").await;
    store.delete(&["c/deleted".to_owned()]).await.unwrap();
    assert_eq!(n_versions(&name), 6);
    purged(&store, &[before[0].clone()]).await;
    assert_eq!(n_versions(&name), 5, "one alone that was written before");
    purged(&store, &[before[1].clone(), twice, deleted]).await;
    assert_eq!(n_versions(&name), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_no_longer_keeps_versions_keeps_none_of_what_is_purged() {
    let (name, store) = bucket(&[]);
    versioning(&name, "Enabled");
    put(&store, "a/x", "1").await;
    versioning(&name, "Suspended");
    let x = put(&store, "a/x", "2").await;
    let y = put(&store, "b/y", "1").await;
    purged(&store, &[x, y]).await;
    assert_eq!(n_versions(&name), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_object_of_the_same_key_stays_with_its_versions() {
    let (name, store) = bucket(&[]);
    versioning(&name, "Enabled");
    let old = put(&store, "a/x", "1").await;
    put(&store, "a/x", "2").await;
    let outcomes = store.purge(&[old]).await.unwrap();
    assert!(matches!(&outcomes[..], [(_, Err(StorageError::Changed { .. }))]), "{outcomes:?}");
    assert_eq!(n_versions(&name), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_object_stays_and_says_until_when() {
    let (name, store) = bucket(&["--object-lock-enabled-for-bucket"]);
    let (free, locked) = (put(&store, "a/free", "1").await, put(&store, "a/locked", "1").await);
    let retention = "Mode=GOVERNANCE,RetainUntilDate=2099-01-01T00:00:00Z";
    let words = ["s3api", "put-object-retention", "--bucket", &name, "--key", "in/a/locked", "--retention", retention];
    Moto::shared().aws(&words);
    assert_eq!(store.protection("a/free").await.unwrap(), Protection::Free);
    let until = "2099-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.protection("a/locked").await.unwrap(), Protection::Until(until));
    let outcomes = store.purge(&[free, locked]).await.unwrap();
    assert_eq!(outcomes[0].1, Ok(()));
    assert!(matches!(outcomes[1].1, Err(StorageError::Locked { .. })), "{outcomes:?}");
    assert_eq!(n_versions(&name), 1);
    let hold =
        ["s3api", "put-object-legal-hold", "--bucket", &name, "--key", "in/a/locked", "--legal-hold", "Status=ON"];
    Moto::shared().aws(&hold);
    assert_eq!(store.protection("a/locked").await.unwrap(), Protection::Held);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_call_takes_are_purged() {
    let (name, store) = bucket(&[]);
    versioning(&name, "Enabled");
    let mut objects = Vec::new();
    for n in 0..1_003 {
        objects.push(put(&store, &format!("a/{n:04}"), "1").await);
    }
    purged(&store, &objects).await;
    assert_eq!(n_versions(&name), 0);
}
