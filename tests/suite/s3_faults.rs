//! A bucket behind a line that breaks: what a store makes of lost answers, cuts, refusals and slowness.

use crate::support::{Fate, Moto, PART, Proxy, S3Server, s3_store};
use backstay::storage::{Budget, Condition, ObjectStore, Placement, S3Store, StorageError};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

struct Line {
    proxy: Proxy,
    store: S3Store,
    _server: S3Server,
}

/// A store behind a proxy. That the server knows conditions has been found out already.
async fn line() -> Line {
    let server = S3Server::start();
    server.bucket("bucket");
    let proxy = Proxy::before(server.port);
    let store = s3_store(proxy.port, "bucket", "");
    store.put("first", Bytes::from_static(b"x"), Condition::IfAbsent).await.unwrap();
    Line { proxy, store, _server: server }
}

async fn read(store: &S3Store, key: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.get(key, None).await.unwrap().read_to_end(&mut bytes).await.unwrap();
    bytes
}

fn content(length: usize) -> Bytes {
    (0..length).map(|n| (n % 251) as u8).collect::<Vec<_>>().into()
}

/// The fate of the first request whose line contains all of `words`; the others pass.
fn once(words: &'static [&'static str], fate: Fate) -> impl FnMut(usize, &str) -> Fate + Send + 'static {
    let mut is_over = false;
    move |_, line| {
        if is_over || !words.iter().all(|word| line.contains(word)) {
            return Fate::Pass;
        }
        is_over = true;
        fate
    }
}

async fn upload(store: &S3Store, key: &str, bytes: &Bytes) -> Result<u64, StorageError> {
    let mut upload = store.upload(key, &Placement::default()).await?;
    for start in (0..bytes.len()).step_by(1 << 20) {
        if let Err(error) = upload.write(bytes.slice(start..bytes.len().min(start + (1 << 20)))).await {
            let _ = upload.abort().await;
            return Err(error);
        }
    }
    Ok(upload.complete().await?.size)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_known_again() {
    let Line { proxy, store, _server } = line().await;
    proxy.choose(once(&["PUT "], Fate::LoseAnswer));
    let made = store.put("k", Bytes::from_static(b"1"), Condition::IfAbsent).await.unwrap();
    proxy.choose(once(&["PUT "], Fate::LoseAnswer));
    let changed = store.put("k", Bytes::from_static(b"2"), Condition::IfMatch(made.etag.clone())).await.unwrap();
    assert_eq!(store.head("k").await.unwrap().unwrap().etag, changed.etag);
    assert_eq!(read(&store, "k").await, b"2");
    // What someone else wrote is not ours.
    let theirs = store.put("k", Bytes::from_static(b"3"), Condition::IfAbsent).await;
    assert!(matches!(theirs, Err(StorageError::AlreadyExists { .. })), "{theirs:?}");
    let stale = store.put("k", Bytes::from_static(b"3"), Condition::IfMatch(made.etag)).await;
    assert!(matches!(stale, Err(StorageError::Changed { .. })), "{stale:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_last_answer_was_lost_is_complete() {
    let Line { proxy, store, _server } = line().await;
    let bytes = content(2 * PART as usize + 7);
    proxy.choose(once(&["POST ", "uploadId="], Fate::LoseAnswer));
    assert_eq!(upload(&store, "large", &bytes).await.unwrap(), bytes.len() as u64);
    assert!(read(&store, "large").await == bytes);
    proxy.choose(once(&["PUT "], Fate::LoseAnswer));
    assert_eq!(upload(&store, "small", &bytes.slice(..9)).await.unwrap(), 9);
    assert!(matches!(upload(&store, "large", &bytes).await, Err(StorageError::AlreadyExists { .. })));
    assert!(matches!(upload(&store, "small", &bytes.slice(..9)).await, Err(StorageError::AlreadyExists { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_cut_at_any_request_comes_through() {
    let Line { proxy, store, _server } = line().await;
    let bytes = content(2 * PART as usize + 7);
    // Begin, three parts, complete, and the look at what is there.
    for number in 1..=6 {
        for (kind, fate) in [Fate::CutRequest(300), Fate::CutAnswer(20), Fate::Status(503)].into_iter().enumerate() {
            let key = format!("cut/{number}/{kind}");
            proxy.choose(move |n, _| if n == number { fate } else { Fate::Pass });
            let sent = upload(&store, &key, &bytes).await;
            assert_eq!(sent.unwrap_or_else(|e| panic!("{fate:?} at {number}: {e}")), bytes.len() as u64);
            assert!(proxy.requests().len() > number, "request {number} was made again");
            proxy.choose(|_, _| Fate::Pass);
            assert!(read(&store, &key).await == bytes, "{fate:?} at {number}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_it_broke() {
    let Line { proxy, store, _server } = line().await;
    let bytes = content(30_000_000);
    upload(&store, "large", &bytes).await.unwrap();
    for number in 1..=4 {
        proxy.choose(move |n, _| if n == number { Fate::CutAnswer(3_000_000) } else { Fate::Pass });
        assert!(read(&store, "large").await == bytes, "cut at {number}");
        assert!(proxy.requests().len() == 5, "only the rest of one range was asked for again: {:?}", proxy.requests());
    }
    proxy.choose(|_, _| Fate::CutAnswer(100));
    let broken = async {
        let mut all = Vec::new();
        store.get("large", None).await.map_err(std::io::Error::other)?.read_to_end(&mut all).await
    };
    assert!(broken.await.is_err(), "a line that always breaks is an error and not a short object");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_takes_long_keeps_those_after_it_from_nothing() {
    let Line { proxy, store, _server } = line().await;
    let store = store.with_parts(Budget::of(128 << 20), PART);
    let bytes = content(60_000_000);
    upload(&store, "large", &bytes).await.unwrap();
    // The first answer tells how long it is; one of the ranges after it hangs, mostly the next one.
    let (asked, held) = (Arc::new(Mutex::new(Vec::new())), Duration::from_secs(5));
    proxy.choose({
        let asked = asked.clone();
        move |number, _| {
            asked.lock().unwrap().push(Instant::now());
            if number == 2 { Fate::Wait(held) } else { Fate::Pass }
        }
    });
    assert!(read(&store, "large").await == bytes);
    // Meanwhile at least five of the others were asked for, though only four go at once.
    let asked = asked.lock().unwrap();
    let n_meanwhile = asked[2..].iter().filter(|at| **at - asked[1] < held).count();
    assert!(asked.len() == 8 && n_meanwhile >= 5, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_changes_while_it_is_read_is_not_mixed() {
    let Line { proxy, store, _server } = line().await;
    store.put("large", content(30_000_000), Condition::Always).await.unwrap();
    proxy.choose(|_, _| Fate::Pass);
    let mut body = store.get("large", None).await.unwrap();
    let other = Bytes::from(vec![255; 30_000_000]);
    store.put("large", other, Condition::Always).await.unwrap();
    let mut all = Vec::new();
    assert!(body.read_to_end(&mut all).await.is_err());
    assert!(!all.contains(&255));
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_busy_or_slow_are_waited_for() {
    let Line { proxy, store, _server } = line().await;
    proxy.choose(|n, _| if n <= 3 { Fate::Status(503) } else { Fate::Pass });
    store.put("k", Bytes::from_static(b"1"), Condition::IfAbsent).await.unwrap();
    assert_eq!(proxy.requests().len(), 4);
    proxy.choose(|n, _| if n <= 2 { Fate::Status(500) } else { Fate::Wait(Duration::from_millis(300)) });
    assert_eq!(store.list("").await.unwrap().len(), 2);
    proxy.choose(|_, _| Fate::Status(503));
    let tried = store.head("k").await;
    assert!(matches!(tried, Err(StorageError::Failed { transient: true, .. })), "{tried:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_share_one_budget_and_never_wait_in_a_circle() {
    let Line { proxy, store, _server } = line().await;
    // Room for one part: whatever many uploads want, the next part begins when the one before has arrived.
    let store = store.with_parts(Budget::of(PART), PART);
    let began = Arc::new(Mutex::new(Vec::new()));
    let held = Duration::from_millis(100);
    proxy.choose({
        let began = began.clone();
        move |_, line| {
            if !line.contains("partNumber=") {
                return Fate::Pass;
            }
            began.lock().unwrap().push(Instant::now());
            Fate::Wait(held)
        }
    });
    let bytes = content(2 * PART as usize + 1);
    let uploads = (0..3).map(|n| {
        let (store, bytes) = (store.clone(), bytes.clone());
        tokio::spawn(async move { upload(&store, &format!("many/{n}"), &bytes).await.unwrap() })
    });
    for upload in uploads.collect::<Vec<_>>() {
        assert_eq!(upload.await.unwrap(), bytes.len() as u64);
    }
    let began = began.lock().unwrap();
    // Last parts of one byte take a sixtieth of the budget, but come only after a whole one.
    assert_eq!(began.len(), 9);
    let whole = began.windows(2).filter(|pair| pair[1] - pair[0] >= held - Duration::from_millis(5)).count();
    assert!(whole >= 5, "{began:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_what_to_do() {
    let server = S3Server::start();
    let moto = Moto::shared();
    let missing = s3_store(moto.port, &Moto::unique("nobody-made-this"), "");
    let error = missing.put("k", Bytes::new(), Condition::Always).await.unwrap_err();
    assert!(matches!(error, StorageError::BucketMissing { .. }), "{error:?}");
    let error = missing.list("").await.unwrap_err();
    assert!(matches!(error, StorageError::BucketMissing { .. }), "{error:?}");
    // Another server does not know the key that moto takes from everyone.
    server.bucket("bucket");
    let stranger = s3_store(server.port, "bucket", "");
    stranger.list("").await.unwrap();
    let login = backstay::storage::Login::Key {
        id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: backstay::base::Secret::new("wrong"),
    };
    let endpoint = Some(format!("http://127.0.0.1:{}", server.port));
    let settings = backstay::storage::AwsSettings { region: None, endpoint: endpoint.clone(), path_style: true, login };
    let place = backstay::resource::BucketPlace { bucket: "bucket".to_owned(), endpoint, ..Default::default() };
    let at = backstay::storage::S3Place { place, is_ours: false };
    let stranger = S3Store::new(backstay::storage::AwsConnection::new(settings), at);
    for error in [stranger.list("").await.unwrap_err(), stranger.head("k").await.unwrap_err()] {
        assert!(matches!(error, StorageError::NotLoggedIn { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ignores_conditions_is_found_out_and_looked_at_first() {
    // This server checks no signature, which would not hold for a head that was changed.
    let (moto, bucket) = (Moto::shared(), Moto::unique("without-conditions"));
    moto.aws(&["s3api", "create-bucket", "--bucket", &bucket]);
    let proxy = Proxy::before(moto.port);
    proxy.forget_headers(&["if-none-match", "if-match"]);
    let store = s3_store(proxy.port, &bucket, "");
    assert!(store.capabilities().conditional_writes, "nothing is held against it before it is asked");
    let first = store.put("lock/app.json", Bytes::from_static(b"1"), Condition::IfAbsent).await.unwrap();
    assert!(!store.capabilities().conditional_writes);
    assert_eq!(first.etag, store.head("lock/app.json").await.unwrap().unwrap().etag);
    let again = store.put("lock/app.json", Bytes::from_static(b"2"), Condition::IfAbsent).await;
    assert!(matches!(again, Err(StorageError::AlreadyExists { .. })));
    let changed = store.put("lock/app.json", Bytes::from_static(b"2"), Condition::IfMatch(first.etag.clone())).await;
    assert!(changed.is_ok());
    let stale = store.put("lock/app.json", Bytes::from_static(b"3"), Condition::IfMatch(first.etag)).await;
    assert!(matches!(stale, Err(StorageError::Changed { .. })));
    assert!(matches!(upload(&store, "lock/app.json", &content(9)).await, Err(StorageError::AlreadyExists { .. })));
    assert_eq!(read(&store, "lock/app.json").await, b"2");
}
