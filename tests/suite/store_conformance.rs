//! What every store promises, checked against each implementation.

use crate::support::{Moto, PART, S3Server, s3_store};
use backstay::storage::{
    Condition, Faults, FaultyStore, FilesystemStore, MemoryStore, ObjectMeta, ObjectStore, Placement, Protection,
    S3Store, StorageError,
};
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

type Store = Arc<dyn ObjectStore>;

async fn bytes(store: &Store, key: &str, range: Option<Range<u64>>) -> Vec<u8> {
    let mut out = Vec::new();
    store.get(key, range).await.unwrap().read_to_end(&mut out).await.unwrap();
    out
}

async fn put(store: &Store, key: &str, text: &'static str) {
    store.put(key, Bytes::from_static(text.as_bytes()), Condition::Always).await.unwrap();
}

async fn keys(store: &Store, prefix: &str) -> Vec<String> {
    store.list(prefix).await.unwrap().into_iter().map(|meta| meta.key).collect()
}

async fn what_is_written_is_read(store: Store) {
    put(&store, "a/b.json", "hello").await;
    assert_eq!(bytes(&store, "a/b.json", None).await, b"hello");
    assert_eq!(bytes(&store, "a/b.json", Some(1..3)).await, b"el");
    assert_eq!(bytes(&store, "a/b.json", Some(3..100)).await, b"lo");
    assert_eq!(bytes(&store, "a/b.json", Some(100..200)).await, b"");
    let meta = store.head("a/b.json").await.unwrap().unwrap();
    assert_eq!((meta.size, meta.key.as_str()), (5, "a/b.json"));
    assert_eq!(keys(&store, "a/").await, ["a/b.json"]);
    put(&store, "empty", "").await;
    assert_eq!(bytes(&store, "empty", None).await, b"");
}

async fn what_is_absent_is_absent(store: Store) {
    assert_eq!(store.head("a/b").await.unwrap(), None);
    assert!(matches!(store.get("a/b", None).await.map(|_| ()), Err(StorageError::NotFound { .. })));
    assert!(store.list("").await.unwrap().is_empty());
    assert!(store.list("a/b/").await.unwrap().is_empty());
    assert!(store.unfinished("").await.unwrap().is_empty());
    let outcomes = store.delete(&["none".to_owned(), "a/none".to_owned()]).await.unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
}

async fn folders_are_no_objects(store: Store) {
    put(&store, "a/b", "file").await;
    assert_eq!(store.head("a").await.unwrap(), None);
    assert_eq!(store.head("a/b/c").await.unwrap(), None);
    assert!(matches!(store.get("a", None).await.map(|_| ()), Err(StorageError::NotFound { .. })));
    assert!(matches!(store.get("a/b/c", None).await.map(|_| ()), Err(StorageError::NotFound { .. })));
}

async fn a_listing_tells_what_a_look_tells(store: Store) {
    put(&store, "a/b.json", "hello").await;
    let mut upload = store.upload("a/big", &Placement::default()).await.unwrap();
    upload.write(Bytes::from(vec![1; 3_000_000])).await.unwrap();
    let uploaded = upload.complete().await.unwrap();
    let looks = [store.head("a/b.json").await.unwrap().unwrap(), store.head("a/big").await.unwrap().unwrap()];
    assert_eq!(looks[1], uploaded);
    assert_eq!(store.list("a/").await.unwrap(), looks);
}

async fn conditions_hold(store: Store) {
    let first = store.put("k", Bytes::from_static(b"1"), Condition::IfAbsent).await.unwrap();
    let again = store.put("k", Bytes::from_static(b"2"), Condition::IfAbsent).await;
    assert!(matches!(again, Err(StorageError::AlreadyExists { .. })));
    assert_eq!(bytes(&store, "k", None).await, b"1");
    let second = store.put("k", Bytes::from_static(b"2"), Condition::IfMatch(first.etag.clone())).await.unwrap();
    assert_ne!(first.etag, second.etag);
    assert_eq!(store.head("k").await.unwrap().unwrap().etag, second.etag);
    let stale = store.put("k", Bytes::from_static(b"3"), Condition::IfMatch(first.etag.clone())).await;
    assert!(matches!(stale, Err(StorageError::Changed { .. })));
    assert_eq!(bytes(&store, "k", None).await, b"2");
    let absent = store.put("none/x", Bytes::from_static(b"3"), Condition::IfMatch(first.etag)).await;
    assert!(matches!(absent, Err(StorageError::Changed { .. })));
    assert!(store.unfinished("").await.unwrap().is_empty());
}

async fn equal_bytes_are_another_write(store: Store) {
    let first = store.put("k", Bytes::from_static(b"2"), Condition::Always).await.unwrap();
    let same = store.put("k", Bytes::from_static(b"2"), Condition::Always).await.unwrap();
    assert_ne!(same.etag, first.etag, "written again with the same bytes");
}

async fn one_of_many_writers_wins(store: Store) {
    for round in 0..20 {
        let key = format!("race/{round}");
        let base = store.put("base", Bytes::from(key.clone()), Condition::Always).await.unwrap();
        let write = |n: u8, key: String, condition: Condition| {
            let store = store.clone();
            tokio::spawn(async move { store.put(&key, Bytes::from(vec![n; 100]), condition).await.is_ok() })
        };
        let absent: Vec<_> = (0..8).map(|n| write(n, key.clone(), Condition::IfAbsent)).collect();
        let matching: Vec<_> =
            (0..8).map(|n| write(n, "base".to_owned(), Condition::IfMatch(base.etag.clone()))).collect();
        for racers in [absent, matching] {
            let mut winners = 0;
            for racer in racers {
                winners += usize::from(racer.await.unwrap());
            }
            assert_eq!(winners, 1);
        }
        let content = bytes(&store, &key, None).await;
        assert!(content.len() == 100 && content.iter().all(|byte| *byte == content[0]));
    }
}

async fn listings_are_whole_and_sorted(store: Store) {
    let mut all = vec!["a-b", "a.b/c", "a/b", "a/b-c", "a/b.c/d", "a/c/d/e", "ab", "b", "%2E%2E", "a b/😀"];
    for key in &all {
        put(&store, key, "x").await;
    }
    all.sort_unstable();
    assert_eq!(keys(&store, "").await, all);
    for prefix in ["a", "a/", "a/b", "a/b.", "a/c/d/", "a/c/d/e", "b", "x", "a b/"] {
        let expected: Vec<_> = all.iter().filter(|key| key.starts_with(prefix)).copied().collect();
        assert_eq!(keys(&store, prefix).await, expected, "{prefix}");
    }
}

async fn deletion_says_how_each_key_went(store: Store) {
    for key in ["d/1", "d/2", "d/e/3"] {
        put(&store, key, "x").await;
    }
    let asked: Vec<String> = ["d/1", "../x", "d/e/3"].map(str::to_owned).to_vec();
    let outcomes = store.delete(&asked).await.unwrap();
    assert_eq!(outcomes.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(), asked);
    assert_eq!(outcomes.iter().map(|(_, outcome)| outcome.is_ok()).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(keys(&store, "").await, ["d/2"]);
}

async fn what_was_written_again_since_is_not_purged(store: Store) {
    for key in ["p/1", "p/2", "p/e/3"] {
        put(&store, key, "x").await;
    }
    let listed = store.list("p/").await.unwrap();
    put(&store, "p/2", "y").await;
    let absent = ObjectMeta { key: "p/none".to_owned(), ..listed[0].clone() };
    let asked: Vec<ObjectMeta> = listed.into_iter().chain([absent]).collect();
    for _ in 0..2 {
        let outcomes = store.purge(&asked).await.unwrap();
        assert!(outcomes.iter().map(|(key, _)| key).eq(asked.iter().map(|meta| &meta.key)));
        let good: Vec<bool> = outcomes.iter().map(|(_, outcome)| outcome.is_ok()).collect();
        assert_eq!(good, [true, false, true, true]);
        assert!(matches!(outcomes[1].1, Err(StorageError::Changed { .. })));
    }
    assert_eq!(keys(&store, "").await, ["p/2"]);
    assert_eq!(store.protection("p/2").await.unwrap(), Protection::Free);
    assert_eq!(store.protection("p/none").await.unwrap(), Protection::Free);
}

/// Where listings hold no etags: another length tells, too.
async fn what_was_written_longer_since_is_not_purged(store: Store) {
    for key in ["p/1", "p/2", "q/3"] {
        put(&store, key, "x").await;
    }
    let listed: Vec<ObjectMeta> = store.list("").await.unwrap();
    put(&store, "p/2", "longer").await;
    put(&store, "q/3", "longer").await;
    let outcomes = store.purge(&listed).await.unwrap();
    let good: Vec<bool> = outcomes.iter().map(|(_, outcome)| outcome.is_ok()).collect();
    assert_eq!(good, [true, false, false], "{outcomes:?}");
    assert_eq!(keys(&store, "").await, ["p/2", "q/3"]);
    let told = store.newly_lacking();
    assert!(told.iter().any(|told| told.contains("etags")), "{told:?}");
    assert!(!store.newly_lacking().iter().any(|told| told.contains("etags")), "it is told once");
    assert!(store.purge(&store.list("").await.unwrap()).await.unwrap().iter().all(|(_, outcome)| outcome.is_ok()));
    assert!(keys(&store, "").await.is_empty());
}

async fn uploads_are_seen_when_complete(store: Store) {
    let mut upload = store.upload("u/big", &Placement::default()).await.unwrap();
    upload.write(Bytes::from(vec![1; 3_000_000])).await.unwrap();
    assert!(store.list("").await.unwrap().is_empty());
    upload.write(Bytes::from(vec![2; 10])).await.unwrap();
    let meta = upload.complete().await.unwrap();
    assert_eq!(keys(&store, "").await, ["u/big"]);
    assert_eq!(meta.size, 3_000_010);
    assert_eq!(bytes(&store, "u/big", Some(2_999_999..3_000_002)).await, [1, 2, 2]);
    let mut second = store.upload("u/big", &Placement::default()).await.unwrap();
    second.write(Bytes::from_static(b"x")).await.unwrap();
    assert!(matches!(second.complete().await, Err(StorageError::AlreadyExists { .. })));
    assert_eq!(store.head("u/big").await.unwrap().unwrap(), meta);
}

async fn uploads_given_up_leave_nothing(store: Store) {
    let mut upload = store.upload("u/x", &Placement::default()).await.unwrap();
    upload.write(Bytes::from_static(b"x")).await.unwrap();
    upload.abort().await.unwrap();
    assert!(store.list("").await.unwrap().is_empty() && store.unfinished("").await.unwrap().is_empty());
}

async fn uploads_of_the_dead_are_named_and_cleared(store: Store) {
    let found = dead_uploads(store, 5, 5).await;
    assert_eq!(found.size, 5);
}

/// What is smaller than a part is only in the memory of the writer, and dies with it.
async fn large_uploads_of_the_dead_are_named_and_cleared(store: Store) {
    dead_uploads(store, 5 * PART as usize + 5, PART).await;
}

/// `whole`: so many bytes are seen at once, or a multiple of them.
async fn dead_uploads(store: Store, length: usize, whole: u64) -> ObjectMeta {
    let mut upload = store.upload("u/v/x.zst", &Placement::default()).await.unwrap();
    upload.write(Bytes::from(vec![1; length])).await.unwrap();
    drop(upload);
    assert!(store.list("").await.unwrap().is_empty());
    let found = store.unfinished("").await.unwrap();
    assert_eq!(found.iter().map(|meta| meta.key.as_str()).collect::<Vec<_>>(), ["u/v/x.zst"]);
    assert!(found[0].size % whole == 0 && found[0].size <= length as u64, "{found:?}");
    // A part that was on its way when the writer died may still arrive.
    let named = |all: Vec<ObjectMeta>| all.into_iter().map(|meta| (meta.key, meta.etag)).collect::<Vec<_>>();
    for prefix in ["u/", "u/v/x", "u/v/x.zst"] {
        assert_eq!(named(store.unfinished(prefix).await.unwrap()), named(found.clone()), "{prefix}");
    }
    assert!(store.unfinished("w/").await.unwrap().is_empty());
    store.abort_unfinished(&found[0]).await.unwrap();
    store.abort_unfinished(&found[0]).await.unwrap();
    assert!(store.unfinished("").await.unwrap().is_empty());
    found[0].clone()
}

async fn large_objects_come_back_as_they_were(store: Store) {
    // Not a multiple of anything, and larger than what is fetched at once.
    let length = 21_000_001;
    let all: Vec<u8> = (0..length).map(|n: u32| (n % 251) as u8).collect();
    let mut upload = store.upload("u/big", &Placement::default()).await.unwrap();
    for chunk in all.chunks(1_234_567) {
        upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    let meta = upload.complete().await.unwrap();
    assert_eq!(meta.size, u64::from(length));
    assert!(bytes(&store, "u/big", None).await == all);
    assert!(bytes(&store, "u/big", Some(3..20_000_000)).await == all[3..20_000_000]);
    assert!(bytes(&store, "u/big", Some(20_999_999..30_000_000)).await == all[20_999_999..]);
    let mut given_up = store.upload("u/other", &Placement::default()).await.unwrap();
    given_up.write(Bytes::from(all)).await.unwrap();
    given_up.abort().await.unwrap();
    assert_eq!(keys(&store, "").await, ["u/big"]);
    assert!(store.unfinished("").await.unwrap().is_empty());
}

async fn keys_that_lead_out_are_refused(store: Store) {
    for key in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a/.", "nul\0"] {
        assert!(store.put(key, Bytes::new(), Condition::Always).await.is_err(), "put {key:?}");
        assert!(store.upload(key, &Placement::default()).await.is_err(), "upload {key:?}");
        assert!(store.get(key, None).await.is_err(), "get {key:?}");
        assert!(store.head(key).await.is_err(), "head {key:?}");
    }
    assert!(store.list("../").await.is_err() && store.list("/").await.is_err());
}

macro_rules! conformance {
    ($name:ident: $subject:expr; $($claim:ident)*) => {
        mod $name {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $claim() {
                let (store, _guard) = $subject;
                super::$claim(Arc::new(store)).await;
            })*
        }
    };
}

conformance! { memory: (MemoryStore::default(), ());
    what_is_written_is_read
    what_is_absent_is_absent
    folders_are_no_objects
    a_listing_tells_what_a_look_tells
    conditions_hold
    equal_bytes_are_another_write
    one_of_many_writers_wins
    listings_are_whole_and_sorted
    deletion_says_how_each_key_went
    what_was_written_again_since_is_not_purged
    uploads_are_seen_when_complete
    uploads_given_up_leave_nothing
    uploads_of_the_dead_are_named_and_cleared
    large_objects_come_back_as_they_were
    keys_that_lead_out_are_refused
}

conformance! { filesystem: folder();
    what_is_written_is_read
    what_is_absent_is_absent
    folders_are_no_objects
    a_listing_tells_what_a_look_tells
    conditions_hold
    equal_bytes_are_another_write
    one_of_many_writers_wins
    listings_are_whole_and_sorted
    deletion_says_how_each_key_went
    uploads_are_seen_when_complete
    uploads_given_up_leave_nothing
    uploads_of_the_dead_are_named_and_cleared
    large_objects_come_back_as_they_were
    keys_that_lead_out_are_refused
}

conformance! { faulty_without_faults: (FaultyStore::new(Arc::new(MemoryStore::default()), Faults::Never), ());
    what_is_written_is_read
    what_is_absent_is_absent
    folders_are_no_objects
    a_listing_tells_what_a_look_tells
    conditions_hold
    equal_bytes_are_another_write
    one_of_many_writers_wins
    listings_are_whole_and_sorted
    deletion_says_how_each_key_went
    uploads_are_seen_when_complete
    uploads_given_up_leave_nothing
    uploads_of_the_dead_are_named_and_cleared
    large_objects_come_back_as_they_were
    keys_that_lead_out_are_refused
}

// S3's etags are digests: equal bytes keep them. This server judges a condition and writes in two steps, so of many
// writers several may win; its list of parts has a name that no client knows, so the size of what is not finished shows
// as 0.
conformance! { s3_on_moto: on_moto();
    what_is_written_is_read
    what_is_absent_is_absent
    folders_are_no_objects
    a_listing_tells_what_a_look_tells
    conditions_hold
    listings_are_whole_and_sorted
    deletion_says_how_each_key_went
    uploads_are_seen_when_complete
    uploads_given_up_leave_nothing
    large_uploads_of_the_dead_are_named_and_cleared
    large_objects_come_back_as_they_were
    keys_that_lead_out_are_refused
}

// Neither is this one's condition and write one step; it cannot list what was not finished, leaves etags out of listings, and fails where a folder has the name that is asked for.
conformance! { s3_on_s3s: on_s3s();
    what_is_written_is_read
    what_is_absent_is_absent
    conditions_hold
    listings_are_whole_and_sorted
    deletion_says_how_each_key_went
    what_was_written_longer_since_is_not_purged
    uploads_are_seen_when_complete
    uploads_given_up_leave_nothing
    large_objects_come_back_as_they_were
    keys_that_lead_out_are_refused
}

fn folder() -> (FilesystemStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (FilesystemStore::new(folder.path().join("store"), 0o700), folder)
}

/// A prefix in a bucket of its own, beside an object of someone else.
fn on_moto() -> (S3Store, ()) {
    let bucket = Moto::unique("conformance");
    Moto::shared().aws(&["s3api", "create-bucket", "--bucket", &bucket]);
    Moto::shared().aws(&["s3api", "put-object", "--bucket", &bucket, "--key", "back/x"]);
    (s3_store(Moto::shared().port, &bucket, "back/up/"), ())
}

fn on_s3s() -> (S3Store, S3Server) {
    let server = S3Server::start();
    server.bucket("bucket");
    (s3_store(server.port, "bucket", "back/up/"), server)
}
