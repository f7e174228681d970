//! Streams: what goes into a store comes out again, and nothing that was changed does.

use backstay::base::{Blake3, Secret};
use backstay::catalog::Layer;
use backstay::codec::{Cipher, DumpFormat, Keys};
use backstay::policy::Compression;
use backstay::storage::Placement;
use backstay::storage::{FilesystemStore, MemoryStore, ObjectStore};
use backstay::stream::{
    Content, Decode, Encode, Encoded, Encoding, Expected, Progress, StreamError, complete_all, decode, encode,
    open_foreign,
};
use std::io::{Cursor, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

const KEY: &str = "dump";

/// A key pair made by the public tool.
pub fn age_pair() -> (String, String) {
    let output = Command::new("age-keygen").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let public = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    (text, public)
}

/// Bytes that compress somewhat.
fn sample(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8 & 0x3F
    };
    (0..length).map(|_| next()).collect()
}

async fn stored(
    source: Box<dyn Read + Send>,
    encoding: &Encoding,
    stores: &[&dyn ObjectStore],
) -> Result<Encoded, StreamError> {
    let mut uploads = Vec::new();
    for store in stores {
        uploads.push(store.upload(KEY, &Placement::default()).await.unwrap());
    }
    let job = Encode {
        source,
        what: "the sample".to_owned(),
        encoding: encoding.clone(),
        uploads,
        scan: None,
        progress: Progress::silent(),
        stop: CancellationToken::new(),
    };
    encode(job).await
}

async fn read_back(
    store: &dyn ObjectStore,
    layers: Vec<Layer>,
    keys: &Keys,
    expected: Option<Expected>,
    content: Content,
) -> Result<Vec<u8>, StreamError> {
    let job = Decode {
        source: store.get(KEY, None).await.unwrap(),
        what: KEY.to_owned(),
        layers,
        keys: keys.clone(),
        expected,
        content,
        scan: None,
        progress: Progress::silent(),
        stop: CancellationToken::new(),
    };
    decode(job, Vec::new()).await.map(|decoded| decoded.sink)
}

fn expected(encoded: &Encoded) -> Expected {
    Expected {
        stored_bytes: encoded.stored_bytes,
        stored_sha256: encoded.stored_sha256,
        plain_bytes: encoded.plain_bytes,
        plain_blake3: encoded.plain_blake3,
        frames: encoded.frames,
    }
}

fn ciphers() -> Vec<(Cipher, Keys)> {
    let (identity, public) = age_pair();
    let (_, other) = age_pair();
    let with = |identity: &str| Keys { age_identities: vec![Secret::new(identity)], ..Keys::default() };
    let passphrase = || Secret::new("tr0ub4dor & \"co\"");
    vec![
        (Cipher::None, Keys::default()),
        (Cipher::AgeRecipients(vec![other, public]), with(&identity)),
        (Cipher::AgePassphrase(passphrase()), Keys { age_passphrases: vec![passphrase()], ..Keys::default() }),
        (
            Cipher::GpgPassphrase(passphrase()),
            Keys {
                gpg_passphrases: vec![Secret::new("another"), passphrase(), Secret::new("third")],
                ..Keys::default()
            },
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_compression_and_encryption_reads_back() {
    for (cipher, keys) in ciphers() {
        for compression in [Compression::Zstd(3), Compression::Gzip(1), Compression::None] {
            let encoding = Encoding { compression, cipher: cipher.clone() };
            for length in [0, 1, (9 << 20) + 17] {
                let is_costly = matches!(cipher, Cipher::AgePassphrase(_) | Cipher::GpgPassphrase(_));
                if is_costly && (length == 1 || compression != Compression::Zstd(3)) {
                    continue; // Each reading derives a key, which takes up to seconds by design.
                }
                let plain = sample(length);
                let (one, two) = (MemoryStore::default(), MemoryStore::default());
                let encoded = stored(Box::new(Cursor::new(plain.clone())), &encoding, &[&one, &two]).await.unwrap();
                let facts = expected(&encoded);
                assert_eq!((facts.plain_bytes, facts.plain_blake3), (length as u64, Blake3::of(&plain)));
                for done in complete_all(encoded.uploads).await {
                    assert_eq!(done.unwrap().size, facts.stored_bytes);
                }
                for (store, content) in [(&one, Content::Digested), (&two, Content::AsStored)] {
                    let back = read_back(store, encoding.layers(), &keys, Some(facts), content).await;
                    assert!(back.unwrap() == plain, "{encoding:?} {length}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn public_programs_read_what_is_stored() {
    let (identity, public) = age_pair();
    let folder = tempfile::tempdir().unwrap();
    let plain = sample((5 << 20) + 3);
    let store = FilesystemStore::new(folder.path(), 0o700);
    let encoding = Encoding { compression: Compression::Zstd(3), cipher: Cipher::AgeRecipients(vec![public]) };
    let encoded = stored(Box::new(Cursor::new(plain.clone())), &encoding, &[&store]).await.unwrap();
    complete_all(encoded.uploads).await.pop().unwrap().unwrap();
    std::fs::write(folder.path().join("key"), identity).unwrap();
    let output = Command::new("sh")
        .args(["-c", "age -d -i key dump | zstd -d"])
        .current_dir(folder.path())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.stdout == plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_changed_byte_is_damage_and_a_wrong_key_is_not() {
    for (cipher, keys) in ciphers() {
        if matches!(cipher, Cipher::AgePassphrase(_)) {
            continue;
        }
        // Finding the one that fits is shown elsewhere.
        let keys = Keys { gpg_passphrases: keys.gpg_passphrases.into_iter().skip(1).take(1).collect(), ..keys };
        let encoding = Encoding { compression: Compression::Zstd(3), cipher: cipher.clone() };
        let store = MemoryStore::default();
        let encoded = stored(Box::new(Cursor::new(sample(300_000))), &encoding, &[&store]).await.unwrap();
        let facts = expected(&encoded);
        complete_all(encoded.uploads).await.pop().unwrap().unwrap();
        if !matches!(cipher, Cipher::None) {
            for keys in [Keys::default(), ciphers()[1].1.clone()] {
                let result = read_back(&store, encoding.layers(), &keys, Some(facts), Content::AsStored).await;
                assert!(matches!(result, Err(StreamError::NoKey(_))), "{cipher:?}: {result:?}");
            }
        }
        let mut bytes = Vec::new();
        store.get(KEY, None).await.unwrap().read_to_end(&mut bytes).await.unwrap();
        let places = [0, 20, 150, 210, bytes.len() / 2, bytes.len() - 1];
        for at in places {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            for wrong in [changed, bytes[..at].to_vec()] {
                let store = MemoryStore::default();
                store.put(KEY, wrong.into(), backstay::storage::Condition::Always).await.unwrap();
                for content in [Content::Digested, Content::AsStored] {
                    let result = read_back(&store, encoding.layers(), &keys, Some(facts), content).await;
                    assert!(matches!(result, Err(StreamError::Damaged(_))), "{cipher:?} at {at}: {result:?}");
                }
            }
        }
    }
}

/// Gives its bytes, then waits until it is released.
struct Stuck(Cursor<Vec<u8>>, CancellationToken);

impl Read for Stuck {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match Read::read(&mut self.0, buffer)? {
            0 => {
                while !self.1.is_cancelled() {
                    std::thread::yield_now();
                }
                Ok(0)
            }
            n => Ok(n),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_stop_leaves_nothing() {
    let store = MemoryStore::default();
    let stop = CancellationToken::new();
    let job = Encode {
        source: Box::new(Stuck(Cursor::new(sample(9 << 20)), stop.clone())),
        what: "the sample".to_owned(),
        encoding: Encoding { compression: Compression::Zstd(3), cipher: Cipher::None },
        uploads: vec![store.upload(KEY, &Placement::default()).await.unwrap()],
        scan: None,
        progress: Progress::silent(),
        stop: stop.clone(),
    };
    let running = tokio::spawn(encode(job));
    stop.cancel();
    assert!(matches!(running.await.unwrap().map(|_| ()), Err(StreamError::Cancelled)));
    assert!(store.list("").await.unwrap().is_empty() && store.unfinished("").await.unwrap().is_empty());
}

fn made_by(script: &str, folder: &Path) {
    let status = Command::new("bash").args(["-ec", script]).current_dir(folder).status().unwrap();
    assert!(status.success(), "{script}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_of_other_tools_are_opened_by_their_bytes() {
    let (identity, public) = age_pair();
    let folder = tempfile::tempdir().unwrap();
    let text = b"--\n-- PostgreSQL database dump\n--\n".repeat(40_000);
    std::fs::write(folder.path().join("d.sql"), &text).unwrap();
    std::fs::write(folder.path().join("d.dump"), [b"PGDMP", &text[..]].concat()).unwrap();
    let gpg = "GNUPGHOME=$(mktemp -d) gpg -q --batch --pinentry-mode loopback --passphrase-fd 0 -c";
    made_by(
        &format!(
            "for tool in gzip zstd xz bzip2; do $tool -qk d.sql d.dump; done
            (head -c 1000 d.sql | gzip; tail -c +1001 d.sql | gzip) > two.sql.gz
            (head -c 1000 d.sql | zstd; tail -c +1001 d.sql | zstd) > two.sql.zst
            age -r {public} -o d.sql.gz.age d.sql.gz; age -a -r {public} -o armored.age d.sql
            echo pw | {gpg} -o d.sql.gz.gpg d.sql.gz; cp d.sql.gz.gpg nameless
            for file in *; do sha256sum $file > $file.sha256; done"
        ),
        folder.path(),
    );
    let keys = Keys {
        age_identities: vec![Secret::new(identity)],
        gpg_passphrases: vec![Secret::new("pw")],
        ..Keys::default()
    };
    for entry in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name.ends_with(".sha256") {
            continue;
        }
        let dump = open_foreign(&entry.path(), &keys).await.unwrap();
        assert!(dump.sha256.is_some(), "{name}");
        let is_custom = name.starts_with("d.dump");
        assert_eq!(dump.format, if is_custom { DumpFormat::Custom } else { DumpFormat::Sql }, "{name}");
        let mut body = dump.body;
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).await.unwrap();
        assert!(bytes.strip_prefix(b"PGDMP").unwrap_or(&bytes) == text, "{name}");
        // Cut in the middle: an error, wherever something is around it.
        if !dump.wrappings.is_empty() {
            let whole = std::fs::read(entry.path()).unwrap();
            let cut = folder.path().join("cut");
            std::fs::write(&cut, &whole[..whole.len() * 2 / 3]).unwrap();
            let is_error = match open_foreign(&cut, &keys).await {
                Ok(dump) => {
                    let mut body = dump.body;
                    body.read_to_end(&mut Vec::new()).await.is_err()
                }
                Err(_) => true,
            };
            assert!(is_error, "{name} cut");
            std::fs::remove_file(cut).unwrap();
        }
    }
    std::fs::write(folder.path().join("d.sql"), "changed").unwrap();
    let changed = open_foreign(&folder.path().join("d.sql"), &keys).await;
    assert!(matches!(changed.map(|_| ()), Err(StreamError::Damaged(_))));
    let no_key = open_foreign(&folder.path().join("nameless"), &Keys::default()).await;
    assert!(matches!(no_key.map(|_| ()), Err(StreamError::NoKey(_))));
}
