//! The catalog at rest: what is read is what was written, whatever dies in between.

use crate::support::Sample;
use backstay::catalog::{FORMAT, JournalOutcome, JournalState, LeftoverKind, LockState, VerifyLevel, VerifyRecord};
use backstay::diag::Explain;
use backstay::repository::{Journal, LEASE_TTL, Repository, RepositoryError, layout, this_process};
use backstay::storage::Placement;
use backstay::storage::{Condition, Faults, FaultyStore, FilesystemStore, MemoryStore, ObjectStore};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;

fn in_memory() -> Repository {
    Repository::new("local", Arc::new(MemoryStore::default()))
}

fn verified(sample: &Sample) -> VerifyRecord {
    VerifyRecord {
        format: FORMAT,
        id: sample.id(),
        at: Timestamp::now(),
        level: VerifyLevel::Deep,
        problems: Vec::new(),
    }
}

async fn change(repository: &Repository, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::new();
    repository.store.get(key, None).await.unwrap().read_to_end(&mut bytes).await.unwrap();
    change(&mut bytes);
    repository.store.put(key, bytes.into(), Condition::Always).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_marker_is_made_once() {
    let repository = in_memory();
    assert_eq!(repository.marker().await.unwrap(), None);
    let marker = repository.create_marker(7, Timestamp::now()).await.unwrap();
    assert_eq!(repository.create_marker(8, Timestamp::now()).await.unwrap(), marker);
    assert_eq!(repository.marker().await.unwrap(), Some(marker.clone()));
    change(&repository, "backstay.json", |bytes| bytes[20] ^= 1).await;
    assert!(matches!(repository.marker().await, Err(RepositoryError::Broken { .. })));
    let newer = backstay::catalog::seal(&serde_json::json!({"format": FORMAT + 1, "shape": "another"}));
    repository.store.put("backstay.json", newer.into(), Condition::Always).await.unwrap();
    assert!(matches!(repository.marker().await, Err(RepositoryError::Newer { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_read_with_what_is_known_of_them() {
    let folder = tempfile::tempdir().unwrap();
    for store in
        [Arc::new(MemoryStore::default()) as Arc<dyn ObjectStore>, Arc::new(FilesystemStore::new(folder.path(), 0o700))]
    {
        let repository = Repository::new("local", store);
        let samples: Vec<Sample> =
            [("app", 2), ("app", 1), ("my db/😀", 3)].map(|(database, n)| Sample::new(database, n)).into();
        for sample in &samples {
            sample.write(&repository).await.unwrap();
        }
        repository.write_verified("daily", "app", &verified(&samples[0])).await.unwrap();
        let contents = repository.read().await.unwrap();
        let seen: Vec<_> = contents.backups.iter().map(|b| (b.database.as_str(), b.id.clone())).collect();
        assert_eq!(seen, [("app", samples[1].id()), ("app", samples[0].id()), ("my db/😀", samples[2].id())]);
        assert!(contents.backups.iter().all(|backup| backup.is_good()));
        assert_eq!(contents.backups[1].verified.as_ref().unwrap().level, VerifyLevel::Deep);
        assert!(contents.leftovers.is_empty() && contents.broken.is_empty() && contents.index_stale.is_empty());
        let manifest = repository.manifest("daily", "app", &samples[0].id()).await.unwrap();
        assert_eq!(manifest.objects[0].stored_bytes, contents.backups[1].stored_bytes());
        let freed = repository.remove_backup("daily", "app", &samples[0].id(), None).await.unwrap();
        assert!(freed > contents.backups[1].stored_bytes());
        repository.remove_backup("daily", "app", &samples[0].id(), None).await.unwrap();
        let contents = repository.read().await.unwrap();
        assert_eq!(contents.backups.len(), 2);
        assert!(contents.leftovers.is_empty() && contents.index_stale.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_saves_reads_and_is_never_believed() {
    let counting = FaultyStore::new(Arc::new(MemoryStore::default()), Faults::Never);
    let repository = Repository::new("local", Arc::new(counting.clone()));
    for number in 0..20 {
        Sample::new("app", number).write(&repository).await.unwrap();
    }
    let expected = repository.read().await.unwrap();
    assert!(expected.index_stale.is_empty());
    let reads = async || {
        let before = counting.n_calls();
        let contents = repository.read().await.unwrap();
        (counting.n_calls() - before, contents)
    };
    assert!(reads().await.0 < 10);
    let index = layout::index_key("app");
    for damage in [vec![], b"{}".to_vec(), b"nonsense".to_vec()] {
        repository.store.put(&index, damage.into(), Condition::Always).await.unwrap();
        let (n, contents) = reads().await;
        assert!(n > 20);
        assert_eq!(contents.backups, expected.backups);
        assert_eq!(contents.index_stale, ["app"]);
        assert_eq!(contents.broken.len(), 1);
    }
    repository.write_indexes(&["app".to_owned()]).await.unwrap();
    let (n, contents) = reads().await;
    assert!(n < 10 && contents == expected);
    // A manifest that was written again behind the index's back.
    let key = layout::manifest_key("daily", "app", &expected.backups[3].id);
    change(&repository, &key, |_| {}).await;
    assert_eq!(reads().await.1.index_stale, ["app"]);
    repository.store.delete(&[key]).await.unwrap();
    let contents = reads().await.1;
    assert_eq!((contents.backups.len(), contents.leftovers.len()), (19, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let repository = in_memory();
    let samples: Vec<Sample> = (0..5).map(|n| Sample::new("app", n)).collect();
    for sample in &samples {
        sample.write(&repository).await.unwrap();
    }
    let object = |n: usize| layout::object_key("daily", "app", &samples[n].id(), "dump.zst");
    let manifest = |n: usize| layout::manifest_key("daily", "app", &samples[n].id());
    repository.store.delete(&[object(0)]).await.unwrap();
    change(&repository, &object(1), |bytes| bytes.truncate(3)).await;
    change(&repository, &manifest(2), |bytes| bytes[100] ^= 1).await;
    repository.store.delete(&[manifest(3)]).await.unwrap();
    repository.write_verified("daily", "app", &verified(&samples[3])).await.unwrap();
    // A manifest moved to where another should be.
    let mut text = Vec::new();
    repository.store.get(&manifest(4), None).await.unwrap().read_to_end(&mut text).await.unwrap();
    let elsewhere = layout::manifest_key("weekly", "app", &samples[4].id());
    repository.store.put(&elsewhere, text.into(), Condition::Always).await.unwrap();
    drop(repository.upload("daily", "app", &samples[4].id(), "more", &Placement::default()).await.unwrap());
    repository.store.put("data/daily/app/of-others/x", "x".into(), Condition::Always).await.unwrap();
    repository.store.put("readme", "x".into(), Condition::Always).await.unwrap();

    let contents = repository.read().await.unwrap();
    let missing: Vec<_> = contents.backups.iter().map(|backup| backup.missing.join()).collect();
    assert_eq!(contents.backups.len(), 3);
    assert_eq!(missing[0], "`dump.zst` is missing");
    assert!(missing[1].starts_with("`dump.zst` has 3 bytes instead of "), "{}", missing[1]);
    assert_eq!(missing[2], "");
    let broken: Vec<_> = contents.broken.iter().map(|file| file.key.clone()).collect();
    assert_eq!(broken, [manifest(2), elsewhere]);
    let kinds: Vec<_> = contents.leftovers.iter().map(|l| (l.kind, l.id.clone())).collect();
    let (three, four) = (samples[3].id().to_string(), samples[4].id().to_string());
    assert_eq!(
        kinds,
        [
            (LeftoverKind::Data, three.clone()),
            (LeftoverKind::RecordWithoutManifest, three),
            (LeftoverKind::UnfinishedUpload, four)
        ]
    );
    for leftover in &contents.leftovers {
        assert!(!leftover.in_use);
        repository.remove_leftover(leftover).await.unwrap();
        repository.remove_leftover(leftover).await.unwrap();
    }
    assert!(repository.read().await.unwrap().leftovers.is_empty());
    // A leftover whose manifest came meanwhile is a backup.
    let data = &contents.leftovers[0];
    samples[3].write(&repository).await.unwrap();
    assert!(matches!(repository.remove_leftover(data).await, Err(RepositoryError::NotLeftover { .. })));
}

trait Join {
    fn join(&self) -> String;
}

impl Join for Vec<String> {
    fn join(&self) -> String {
        self.as_slice().join("; ")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_run_dies_nothing_only_looks_good() {
    let faults: [fn(u64) -> Faults; 3] = [Faults::From, Faults::At, Faults::AfterwardsAt];
    for fault in faults {
        for at in 1.. {
            let memory: Arc<dyn ObjectStore> = Arc::new(MemoryStore::default());
            let sound = Repository::new("local", memory.clone());
            let old = Sample::new("app", 1);
            old.write(&sound).await.unwrap();
            let faulty = FaultyStore::new(memory.clone(), fault(at));
            let dying = Repository::new("local", Arc::new(faulty.clone()));
            let new = Sample::new("app", 2);
            let written = new.write(&dying).await;
            let removed = dying.remove_backup("daily", "app", &old.id(), None).await;
            let contents = sound.read().await.unwrap();
            assert!(contents.broken.is_empty() && contents.backups.iter().all(|backup| backup.is_good()), "{at}");
            let has = |sample: &Sample| contents.backups.iter().any(|backup| backup.id == sample.id());
            assert!(written.is_err() || has(&new), "{at}");
            assert!(removed.is_err() || !has(&old), "{at}");
            for leftover in &contents.leftovers {
                sound.remove_leftover(leftover).await.unwrap();
            }
            if !has(&new) {
                new.write(&sound).await.unwrap();
            }
            sound.remove_backup("daily", "app", &old.id(), None).await.unwrap();
            sound.write_indexes(&sound.read().await.unwrap().index_stale).await.unwrap();
            let contents = sound.read().await.unwrap();
            assert_eq!(
                (contents.backups.len(), contents.leftovers.len(), contents.index_stale.len()),
                (1, 0, 0),
                "{at}"
            );
            if faulty.n_calls() < at {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_at_a_time_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::new("local", Arc::new(FilesystemStore::new(folder.path(), 0o700)));
    let lease = repository.lock("app", this_process("one", "backup"), LEASE_TTL).await.unwrap();
    assert!(lease.is_held() && lease.check().is_ok());
    let second = repository.lock("app", this_process("two", "apply"), LEASE_TTL).await.unwrap_err();
    assert!(matches!(&second, RepositoryError::Locked { owner, .. } if owner.run == "one"));
    assert_eq!(second.code().id, "BS512");
    let other = repository.lock("other", this_process("two", "apply"), LEASE_TTL).await.unwrap();
    Sample::new("app", 1).write_data(&repository).await.unwrap();
    let contents = repository.read().await.unwrap();
    assert!(contents.leftovers[0].in_use);
    assert_eq!(contents.locks.iter().map(|lock| lock.state).collect::<Vec<_>>(), [LockState::Live; 2]);
    lease.release().await.unwrap();
    other.release().await.unwrap();
    let contents = repository.read().await.unwrap();
    assert!(contents.locks.is_empty() && !contents.leftovers[0].in_use);
    drop(repository.lock("app", this_process("two", "apply"), LEASE_TTL).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_of_the_dead_is_taken_over_and_of_the_living_is_not() {
    let repository = in_memory();
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let owner = |run: &str| this_process(run, "apply");
    let mut dead = owner("dead");
    (dead.pid, dead.process_started) = (child.id(), 1);
    child.wait().unwrap();
    let old = repository.lock("app", dead, LEASE_TTL).await.unwrap();
    assert_eq!(repository.read().await.unwrap().locks[0].state, LockState::Dead);
    let new = repository.lock("app", owner("new"), LEASE_TTL).await.unwrap();
    old.release().await.unwrap();
    assert!(new.check().is_ok());
    assert_eq!(repository.read().await.unwrap().locks[0].owner.run, "new", "only its holder gives a lock back");
    new.release().await.unwrap();

    // On another machine nothing can be proved: the lock holds until it expires.
    let mut far = owner("far");
    far.boot_id = "another".to_owned();
    let far = repository.lock("app", far, LEASE_TTL).await.unwrap();
    assert!(repository.lock("app", owner("new"), LEASE_TTL).await.is_err());
    far.release().await.unwrap();
    for expired in [Duration::ZERO, Duration::from_nanos(1)] {
        let _short = repository.lock("app", owner("short"), expired).await;
        let taken = repository.lock("app", owner("new"), LEASE_TTL).await.unwrap();
        taken.release().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_prolonged_and_its_loss_is_noticed() {
    let repository = in_memory();
    let ttl = Duration::from_millis(600);
    let lease = repository.lock("app", this_process("one", "backup"), ttl).await.unwrap();
    let until = repository.read().await.unwrap().locks[0].expires_at;
    let prolonged = async {
        while repository.read().await.unwrap().locks[0].expires_at == until {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), prolonged).await.unwrap();
    assert!(lease.is_held());
    repository.store.delete(&[layout::lock_key("app")]).await.unwrap();
    let thief = repository.lock("app", this_process("thief", "backup"), LEASE_TTL).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), lease.lost().cancelled()).await.unwrap();
    assert!(!lease.is_held());
    assert!(matches!(lease.check(), Err(RepositoryError::LeaseLost { .. })));
    lease.release().await.unwrap();
    assert!(thief.is_held());
    assert_eq!(repository.read().await.unwrap().locks[0].owner.run, "thief");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_shows_until_another_finishes() {
    let repository = in_memory();
    let steps = ["a", "b"].map(str::to_owned);
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let mut dead = this_process("dead", "apply");
    (dead.pid, dead.process_started) = (child.id(), 1);
    child.wait().unwrap();
    let mut journal = Journal::begin(&repository, "plan", dead, steps.clone()).await.unwrap();
    journal.record(vec![("a".to_owned(), JournalOutcome::Done)]).await.unwrap();
    let journals = repository.read().await.unwrap().journals;
    assert_eq!((journals.len(), journals[0].state, journals[0].n_settled()), (1, JournalState::Interrupted, 1));

    for run in 0..25 {
        let owner = this_process(&format!("run {run}"), "apply");
        let mut journal = Journal::begin(&repository, "plan", owner, steps.clone()).await.unwrap();
        let problem = "it broke".to_owned();
        journal.record(vec![("b".to_owned(), JournalOutcome::Failed { problem })]).await.unwrap();
        assert!(repository.read().await.unwrap().journals.iter().any(|j| j.state == JournalState::Running));
        journal.finish().await.unwrap();
    }
    let journals = repository.read().await.unwrap().journals;
    assert_eq!((journals.len(), journals[0].state), (1, JournalState::Finished));
    assert_eq!(journals[0].run, "run 24");
    assert_eq!(repository.store.list("journal/").await.unwrap().len(), 20);
}
