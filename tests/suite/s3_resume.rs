//! Uploads of content that is known: one that was cut goes on from what arrived, and from nothing that was not compared.

use crate::support::{Fate, Moto, PART, Proxy, S3Server, s3_store};
use backstay::base::Sha256;
use backstay::resource::{LockMode, LockedUntil};
use backstay::storage::{ObjectStore, Placement, S3Store, StorageError, Upload};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::io::AsyncReadExt;

/// Four parts.
fn content() -> Bytes {
    (0..3 * PART as usize + 7).map(|n| (n % 251) as u8).collect::<Vec<_>>().into()
}

/// A bucket behind a proxy that passes everything.
fn bucket(hint: &str) -> (Proxy, S3Store, String) {
    let (moto, bucket) = (Moto::shared(), Moto::unique(hint));
    moto.aws(&["s3api", "create-bucket", "--bucket", &bucket]);
    let proxy = Proxy::before(moto.port);
    let store = s3_store(proxy.port, &bucket, "p/");
    (proxy, store, bucket)
}

/// Cuts every request that sends this part.
fn cut(proxy: &Proxy, part: u32) {
    let named = format!("partNumber={part}&");
    proxy.choose(move |_, line| if line.contains(&named) { Fate::CutRequest(100) } else { Fate::Pass });
}

fn sent_parts(proxy: &Proxy) -> Vec<String> {
    let part = |line: &String| Some(line.split_once("partNumber=")?.1.split(['&', ' ']).next()?.to_owned());
    let mut parts: Vec<_> = proxy.requests().iter().filter_map(part).collect();
    parts.sort();
    parts
}

async fn begin(store: &S3Store, bytes: &Bytes, placement: Placement) -> Box<dyn Upload> {
    let placement = Placement { expected: Some(bytes.len() as u64), ..placement };
    store.upload_known("k", &placement, &Sha256::of(bytes)).await.unwrap()
}

/// Writes everything; what cannot be written suspends the upload, as a copy does.
async fn bring(store: &S3Store, bytes: &Bytes) -> Result<u64, StorageError> {
    bring_with(store, bytes, Placement::default()).await
}

async fn bring_with(store: &S3Store, bytes: &Bytes, placement: Placement) -> Result<u64, StorageError> {
    let mut upload = begin(store, bytes, placement).await;
    for start in (0..bytes.len()).step_by(1 << 20) {
        if let Err(error) = upload.write(bytes.slice(start..bytes.len().min(start + (1 << 20)))).await {
            upload.suspend().await.unwrap();
            return Err(error);
        }
    }
    Ok(upload.complete().await?.size)
}

async fn read(store: &S3Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.get("k", None).await.unwrap().read_to_end(&mut bytes).await.unwrap();
    bytes
}

async fn is_clean(store: &S3Store) -> bool {
    store.unfinished("").await.unwrap().is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_is_not_sent_again() {
    let (proxy, store, _) = bucket("resumed");
    let bytes = content();
    cut(&proxy, 3);
    bring(&store, &bytes).await.unwrap_err();
    let left = store.unfinished("").await.unwrap();
    assert!(left.len() == 1 && left[0].key == "k" && left[0].size >= 2 * PART, "{left:?}");
    // The last part is small and may have arrived.
    proxy.choose(|_, _| Fate::Pass);
    assert_eq!(bring(&store, &bytes).await.unwrap(), bytes.len() as u64);
    let sent = sent_parts(&proxy);
    assert!(sent == ["3"] || sent == ["3", "4"], "{sent:?}");
    assert!(!proxy.requests().iter().any(|line| line.starts_with("POST") && line.contains("uploads")), "no new upload");
    assert!(read(&store).await == bytes && is_clean(&store).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_writer_and_a_lost_last_answer_are_gone_on_from_too() {
    let (proxy, store, _) = bucket("killed");
    let bytes = content();
    // Nobody suspends anything: the process is gone.
    let mut upload = begin(&store, &bytes, Placement::default()).await;
    upload.write(bytes.slice(..2 * PART as usize)).await.unwrap();
    loop {
        let left = store.unfinished("").await.unwrap();
        if left.first().is_some_and(|upload| upload.size == 2 * PART) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    drop(upload);
    let mut is_over = false;
    proxy.choose(move |_, line| {
        let is_last = line.starts_with("POST ") && line.contains("uploadId=") && !is_over;
        is_over |= is_last;
        if is_last { Fate::LoseAnswer } else { Fate::Pass }
    });
    assert_eq!(bring(&store, &bytes).await.unwrap(), bytes.len() as u64);
    assert_eq!(sent_parts(&proxy), ["3", "4"]);
    assert!(read(&store).await == bytes && is_clean(&store).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_not_the_same_is_sent_again() {
    let (proxy, store, _) = bucket("other");
    let bytes = content();
    cut(&proxy, 4);
    bring(&store, &bytes).await.unwrap_err();
    // Same length and same place, another byte in the second part.
    let mut other = bytes.to_vec();
    other[PART as usize + 99] ^= 1;
    let other = Bytes::from(other);
    proxy.choose(|_, _| Fate::Pass);
    bring(&store, &other).await.unwrap();
    assert_eq!(sent_parts(&proxy), ["2", "4"]);
    assert!(read(&store).await == other && is_clean(&store).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_open_uploads_one_goes_on_and_the_others_go() {
    let (proxy, store, bucket) = bucket("several");
    let bytes = content();
    cut(&proxy, 3);
    bring(&store, &bytes).await.unwrap_err();
    for key in ["p/k", "p/kk"] {
        let made = ["s3api", "create-multipart-upload", "--bucket", &bucket, "--key", key];
        Moto::shared().aws(&[made.as_slice(), &["--checksum-algorithm", "CRC32"]].concat());
    }
    proxy.choose(|_, _| Fate::Pass);
    bring(&store, &bytes).await.unwrap();
    assert!(!sent_parts(&proxy).contains(&"1".to_owned()));
    let left = store.unfinished("").await.unwrap();
    assert!(read(&store).await == bytes && left.len() == 1 && left[0].key == "kk", "only its own: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lists_no_checksums_gets_everything_again_and_keeps_nothing() {
    let (proxy, store, _) = bucket("unchecked");
    // This server forgets which checksum was asked for, and lists none.
    proxy.forget_headers(&["x-amz-checksum-algorithm"]);
    let bytes = content();
    cut(&proxy, 3);
    bring(&store, &bytes).await.unwrap_err();
    proxy.choose(|_, _| Fate::Pass);
    bring(&store, &bytes).await.unwrap();
    assert_eq!(sent_parts(&proxy), ["1", "2", "3", "4"]);
    assert!(read(&store).await == bytes && is_clean(&store).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lists_no_uploads_is_left_without_one() {
    let server = S3Server::start();
    server.bucket("bucket");
    let proxy = Proxy::before(server.port);
    let store = s3_store(proxy.port, "bucket", "p/");
    let bytes = content();
    cut(&proxy, 3);
    bring(&store, &bytes).await.unwrap_err();
    assert!(proxy.requests().iter().any(|line| line.starts_with("DELETE ") && line.contains("uploadId=")));
    proxy.choose(|_, _| Fate::Pass);
    bring(&store, &bytes).await.unwrap();
    assert_eq!(sent_parts(&proxy), ["1", "2", "3", "4"]);
    assert!(read(&store).await == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_counts_from_the_attempt_that_completed() {
    let (moto, bucket) = (Moto::shared(), Moto::unique("relocked"));
    moto.aws(&["s3api", "create-bucket", "--bucket", &bucket, "--object-lock-enabled-for-bucket"]);
    let proxy = Proxy::before(moto.port);
    let store = s3_store(proxy.port, &bucket, "p/");
    let bytes = content();
    let locked = |hours| {
        let until = Timestamp::now() + SignedDuration::from_hours(hours);
        Placement { lock: Some(LockedUntil { mode: LockMode::Governance, until }), ..Placement::default() }
    };
    cut(&proxy, 3);
    bring_with(&store, &bytes, locked(24)).await.unwrap_err();
    proxy.choose(|_, _| Fate::Pass);
    let late = locked(48);
    bring_with(&store, &bytes, late).await.unwrap();
    assert!(!sent_parts(&proxy).contains(&"1".to_owned()));
    let retention = moto.aws(&["s3api", "get-object-retention", "--bucket", &bucket, "--key", "p/k"]);
    let until: Timestamp = retention["Retention"]["RetainUntilDate"].as_str().unwrap().parse().unwrap();
    assert_eq!(Some(until.as_second()), late.lock.map(|lock| lock.until.as_second()));
}
