//! Texts and files that come from outside, changed at random: no panic, an answer in bounded time.
//!
//! Each parser gets two seconds; `BACKSTAY_FUZZ_SECONDS=600` gives each ten minutes. What breaks one goes into
//! `tests/fixtures/fuzz`, which is where inputs begin.

use crate::support::{Dice, Fuzz, fixtures, lines};
use backstay::base::{
    BackupId, Lsn, Period, Secret, Sha256, Share, Size, Template, decode_component, encode_component,
};
use backstay::catalog::{
    Backup, JournalRecord, LockRecord, Manifest, VerifyLevel, VerifyRecord, restore_points, unseal,
};
use backstay::codec::archive::{Cut, Opening, Outline, Scan};
use backstay::codec::{Cipher, Keys, age_decrypt, age_encrypt, sniff};
use backstay::diag::Sources;
use backstay::event::Silent;
use backstay::plan::{Approval, Live, LiveStorage, SavedPlan, Scope, compare, plan, refused};
use backstay::policy::{self, Subject};
use backstay::postgres::Connection;
use backstay::report::{self, Style};
use backstay::repository::{LEASE_TTL, Repository, layout, this_process};
use backstay::restore::TableName;
use backstay::schedule::Schedule;
use backstay::storage::{Condition, MemoryStore, ObjectStore};
use backstay::stream::open_foreign;
use backstay::verify::{Means, Selection, verify};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::{Read, Write};
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// A policy, and everything that is made of one without the world.
#[test]
fn policies() {
    const WORDS: [&str; 26] = [
        "version: 1\n",
        "extends: base.yaml\n",
        "<<: *a\n",
        "&a ",
        "*a",
        "!!binary ",
        "? ",
        "- ",
        ": ",
        "{",
        "[",
        "|\n",
        "'",
        "\"\\x41\"",
        "\t",
        "\u{FEFF}",
        "\r\n",
        "---\n",
        "# backstay: ignore[BS201] because\n",
        "${env:X}",
        "${file:/x}",
        "null",
        "1y",
        "0 2 30 2 *",
        "match: { include: [\"*\"] }\n",
        "😀",
    ];
    let fuzz = Fuzz { name: "policies", corpus: fixtures("policy", ".yaml"), words: &WORDS };
    let base = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/policy/good/contract.yaml"));
    let base = base.unwrap_or_else(|_| b"version: 1\nname: base\n".to_vec());
    fuzz.run(|input| {
        let mut sources = Sources::default();
        let policy::Loaded { document, found, .. } = policy::load(&mut sources, "backstay.yaml", input, &|name| {
            if name.ends_with("self.yaml") { Ok(input.to_vec()) } else { Ok(base.clone()) }
        });
        let _ = report::diagnostics(&found, &sources, Style::PLAIN);
        let Some(document) = document else {
            assert!(found.has_errors());
            return;
        };
        let desired = policy::resolve(&document, "backstay.yaml", &sources);
        let subject = Subject { document: &document, desired: &desired, sources: &sources, now: now() };
        let advice = policy::lint(&subject);
        let _ = report::diagnostics(&advice, &sources, Style::PLAIN);
        let _ = report::explanation(&desired.explained, Style::PLAIN);
        let mut live = Live::default();
        for name in desired.storages.keys() {
            live.storages.insert(name.clone(), LiveStorage::Read(Box::default()));
        }
        let made = plan(&desired, &live, now(), &Scope::default());
        assert_eq!(made, plan(&desired, &live, now(), &Scope::default()));
        let _ = report::plan(&made, Style::PLAIN);
    });
}

/// The text of a sealed file without its seal, and any text sealed.
fn body(sealed: &[u8]) -> Vec<u8> {
    let at = memchr::memmem::rfind(sealed, b",\n  \"sha256\"").unwrap();
    sealed[..at].to_vec()
}

fn sealed(body: &[u8]) -> Vec<u8> {
    let tail = format!(",\n  \"sha256\": \"{}\"\n}}\n", Sha256::of(body));
    [body, tail.as_bytes()].concat()
}

/// Small files whose seal is good: what somebody could write who knows how.
#[test]
fn sealed_files() {
    const WORDS: [&str; 14] = [
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"../../x\"",
        "\"\\u0000\"",
        "\"format\": 2,",
        "\"bytes\": 18446744073709551615,",
        "\"9999-12-31T23:59:59Z\"",
        "\"-009999-01-01T00:00:00Z\"",
        "\"20261120T020000Z-k3f9\"",
        "{\"type\": \"prune_backup\"}",
        ",",
    ];
    let corpus = fixtures("fuzz/sealed", ".json").iter().map(|text| body(text)).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    Fuzz { name: "sealed_files", corpus, words: &WORDS }.run(|input| {
        let text = sealed(input);
        let _ = (unseal::<serde_json::Value>(input), unseal::<serde_json::Value>(&text));
        let _ = (unseal::<VerifyRecord>(&text), unseal::<LockRecord>(&text), unseal::<JournalRecord>(&text));
        if let Ok(manifest) = unseal::<Manifest>(&text) {
            let backup = Backup::of(&manifest);
            let _ = (backup.is_good(), backup.stored_bytes());
        }
        if let Ok(saved) = unseal::<SavedPlan>(&text) {
            for plan in &saved.plans {
                let _ = report::plan(plan, Style::PLAIN);
                let stopped = refused(plan, &Approval::default());
                assert!(stopped.len() <= plan.actions.len());
                let standing = compare(plan, &saved.plans[0]);
                let _ = report::stale(plan, &saved.plans[0], &standing.differences, Style::PLAIN);
            }
        }
        runtime.block_on(everywhere(text));
    });
}

/// The same text in every place of a repository; the repository is read, verified and locked.
async fn everywhere(text: Vec<u8>) {
    let store = MemoryStore::default();
    let id: BackupId = "20261120T020000Z-k3f9".parse().unwrap();
    for key in [
        layout::marker_key(),
        layout::manifest_key("now", "app", &id),
        layout::verified_key("now", "app", &id),
        layout::lock_key("app"),
        layout::index_key("app"),
        layout::journal_key("run"),
    ] {
        store.put(&key, text.clone().into(), Condition::Always).await.unwrap();
    }
    let repository = Repository::new("near", Arc::new(store));
    let _ = repository.marker().await;
    let contents = repository.read().await.unwrap();
    for point in restore_points([("near", &contents)]) {
        let _ = report::show(&point, None, now(), Style::PLAIN);
    }
    let means = Means { keys: Keys::default(), observer: Arc::new(Silent), stop: CancellationToken::new() };
    verify(&repository, &Selection::default(), VerifyLevel::Deep, &means).await.unwrap();
    let _ = repository.lock("app", this_process("run", "apply"), LEASE_TTL).await;
}

/// Dumps in custom format: whatever the pieces they come in, they are judged alike.
#[test]
fn dumps() {
    let fuzz = Fuzz { name: "dumps", corpus: fixtures("fuzz/dump", ".dump"), words: &["PGDMP", "TABLE DATA", "BLOBS"] };
    fuzz.run(|input| {
        let scanned = |step: usize| {
            let mut scan = Scan::default();
            input.chunks(step).for_each(|chunk| scan.feed(chunk));
            scan.finish().map_err(|broken| broken.to_string())
        };
        let mut dice = Dice::of(input.len() as u64);
        assert_eq!(scanned(LARGE), scanned(1 + dice.below(50)));
        let Ok(Opening::Complete(outline, at)) = Outline::read(input) else { return };
        let cut_out = |step: usize| {
            let (mut out, mut cut) = Cut::begin(&outline, |entry| entry.dump_id % 2 == 0);
            for chunk in input[at..].chunks(step) {
                let mut kept = Vec::new();
                cut.feed(&bytes::Bytes::copy_from_slice(chunk), &mut kept).ok()?;
                kept.iter().for_each(|piece| out.extend_from_slice(piece));
            }
            assert_eq!(cut.blocks().1, out.len() as u64);
            cut.finish().ok().map(|()| out)
        };
        assert_eq!(cut_out(LARGE), cut_out(1 + dice.below(50)));
    });
}

const LARGE: usize = 1 << 20;

/// Names of files, keys, tables and backups, and the small values of policies.
#[test]
fn names() {
    const WORDS: [&str; 12] = ["/", "..", "%2F", "%00", ".gz", ".gpg", ".sha256", "\"", "\"\"", "$", "${", "\u{1F600}"];
    let fuzz = Fuzz { name: "names", corpus: lines(&fixtures("fuzz/name", ".txt")), words: &WORDS };
    fuzz.run(|input| {
        let text = String::from_utf8_lossy(input).into_owned();
        assert_eq!(decode_component(&encode_component(&text)).as_ref(), Some(&text));
        if let Some(layout::Key::Manifest(place)) = layout::parse(&text) {
            let again = layout::manifest_key(&place.tier, &place.database, &place.id);
            assert_eq!(layout::parse(&again), Some(layout::Key::Manifest(place)));
        }
        if let Ok(wrapping) = sniff(input, &text) {
            assert!(text.starts_with(wrapping.strip(&text)));
        }
        if let Ok(table) = text.parse::<TableName>() {
            let _ = (table.to_string(), table.fits("public", "t"), table.is_exactly(&text, &text));
        }
        if let Ok(id) = text.parse::<BackupId>() {
            assert_eq!(id.as_str(), text);
            let _ = id.started();
        }
        if let Ok(schedule) = text.parse::<Schedule>() {
            let zone = TimeZone::get("Europe/Berlin").unwrap();
            let last = schedule.last_at_or_before(now(), &zone);
            assert!(last.is_none_or(|last| last <= now()));
            assert!(schedule.next_after(now(), &zone).is_none_or(|next| next > now()));
            let _ = schedule.longest_interval(now(), &zone);
        }
        if let Ok(template) = text.parse::<Template>() {
            assert_eq!(template.source(), text);
            let _ = template.resolve(&crate::support::Environment::plain());
        }
        for shown in [
            text.parse::<Period>().map(|value| value.human()).ok(),
            text.parse::<Size>().map(|value| value.to_string()).ok(),
            text.parse::<Share>().map(|value| value.of(u64::MAX).to_string()).ok(),
            text.parse::<Lsn>().map(|value| value.to_string()).ok(),
        ]
        .into_iter()
        .flatten()
        {
            assert!(!shown.is_empty());
        }
    });
}

/// URLs of databases. Whatever is wrong with one, its password is not said.
#[test]
fn urls() {
    const WORDS: [&str; 10] = ["postgresql://", "@", ":", "/", "?", "&", "=", "%", "[::1]", "password="];
    let fuzz = Fuzz { name: "urls", corpus: lines(&fixtures("fuzz/url", ".txt")), words: &WORDS };
    fuzz.run(|input| {
        let text = String::from_utf8_lossy(input).into_owned();
        let _ = Connection::from_url(&Secret::new(&*text));
        match Connection::from_url(&Secret::new(format!("postgresql://app:hush@{text}"))) {
            Ok(connection) => assert!(!format!("{connection:?}").contains("hush")),
            Err(error) => assert!(!error.to_string().contains("hush"), "{error}"),
        }
    });
}

/// Files of age, and texts of identities.
#[test]
fn encrypted_files() {
    let printed = std::process::Command::new("age-keygen").output().unwrap();
    let identity = String::from_utf8(printed.stdout).unwrap();
    let public = identity.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    let secret = identity.lines().find_map(|line| Some(&line.strip_prefix("AGE-SECRET-KEY-1")?[..10])).unwrap();
    let mut writer = age_encrypt(&Cipher::AgeRecipients(vec![public]), Vec::new()).unwrap().unwrap();
    let plain = b"what was encrypted ".repeat(8000);
    writer.write_all(&plain).unwrap();
    let file = writer.finish().unwrap();
    let keys = |text: &str| Keys { age_identities: vec![Secret::new(text)], ..Keys::default() };
    let good = keys(&identity);
    let corpus = vec![file.clone(), identity.clone().into_bytes()];
    Fuzz { name: "encrypted_files", corpus, words: &["AGE-SECRET-KEY-1", "-> X25519 ", "---", "\n"] }.run(|input| {
        let mut read = Vec::new();
        let decrypted = age_decrypt(&good, input).map(|reader| reader.take(1 << 24).read_to_end(&mut read));
        if matches!(decrypted, Ok(Ok(_))) {
            assert_eq!(read, plain, "only what was encrypted comes out as a whole");
        }
        assert!(plain.starts_with(&read), "only what was encrypted comes out");
        let text = String::from_utf8_lossy(input);
        if let Err(error) = age_decrypt(&keys(&text), &file[..]) {
            assert!(!error.to_string().contains(secret), "{error}");
        }
    });
}

/// Dumps of other tools in every wrapping.
#[test]
fn foreign_dumps() {
    let sql = b"CREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\n\\.\n".repeat(20);
    let mut corpus = fixtures("fuzz/dump", ".dump");
    for program in ["gzip", "xz", "bzip2", "zstd"] {
        let script = format!("{program} -c");
        let mut child = std::process::Command::new("/bin/sh")
            .args(["-c", &script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&sql).unwrap();
        corpus.push(child.wait_with_output().unwrap().stdout);
    }
    corpus.push(sql);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump.sql.gz");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    Fuzz { name: "foreign_dumps", corpus, words: &["\x1F\u{8B}", "BZh9", "ustar", "PGDMP"] }.run(|input| {
        std::fs::write(&path, input).unwrap();
        runtime.block_on(async {
            let Ok(dump) = open_foreign(&path, &Keys::default()).await else { return };
            let mut read = Vec::new();
            let _ = dump.body.take(1 << 26).read_to_end(&mut read).await;
        });
    });
}
