//! Every call of a store fails once: while `apply` takes a backup, brings a copy, prunes and clears. Whatever the
//! call, nothing only looks good afterwards, and the next run completes the work.

use crate::support::{Database, Environment, Sample, Server, desired};
use backstay::apply::{Hands, Outcome, apply, run_id};
use backstay::catalog::{Contents, JournalRecord, LockRecord, Owner, VerifyLevel, seal, unseal};
use backstay::codec::Keys;
use backstay::event::{Silent, StepEnd};
use backstay::observe::{Place, Places, observe};
use backstay::plan::{Approval, LiveStorage, Plan, Scope, plan, refused};
use backstay::policy::{Desired, StorageKind};
use backstay::repository::Repository;
use backstay::storage::{Condition, Faults, FaultyStore, MemoryStore, ObjectStore};
use backstay::verify::{Means, Selection, verify};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

/// Backups of `daily` exist; `fresh` is due, or on demand.
const POLICY: &str = "
version: 1
name: sample
storage:
  near: { type: filesystem, path: /near }
  far: { type: filesystem, path: /far }
tiers:
  daily:
    schedule: manual
    copies: [{ to: near, keep: { last: 2 } }, { to: far, keep: { last: 3 } }]
  fresh:
    schedule: SCHEDULE
    copies: [{ to: near, keep: 7d }, { to: far, keep: 7d }]
databases:
  app: { connection: \"${env:DATABASE_URL}\", tiers: [daily, fresh] }
";

const STORAGES: [&str; 2] = ["near", "far"];

/// Two stores in which there is everything to do: `near` has three backups of which one goes, and files of a run that
/// died; `far` lacks the newest.
struct World {
    stores: [Arc<dyn ObjectStore>; 2],
    folder: tempfile::TempDir,
    desired: Desired,
    lookup: Arc<Environment>,
}

impl World {
    async fn new(schedule: &str, lookup: &Arc<Environment>) -> World {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let stores = [0, 1].map(|_| Arc::new(MemoryStore::default()) as Arc<dyn ObjectStore>);
        let desired = desired(&POLICY.replace("SCHEDULE", schedule));
        let world = World { stores, folder, desired, lookup: lookup.clone() };
        for (storage, numbers) in STORAGES.into_iter().zip([&[1, 2, 3][..], &[1, 2]]) {
            let repository = world.sound(storage);
            repository.create_marker(7, Timestamp::UNIX_EPOCH).await.unwrap();
            for number in numbers {
                Sample::new("app", *number).write(&repository).await.unwrap();
            }
        }
        let sound = world.sound("near");
        Sample::new("app", 4).write_data(&sound).await.unwrap();
        drop(
            sound
                .upload(
                    "daily",
                    "app",
                    &Sample::new("app", 5).id(),
                    "dump.zst",
                    &backstay::storage::Placement::default(),
                )
                .await
                .unwrap(),
        );
        world
    }

    fn sound(&self, storage: &str) -> Repository {
        let at = STORAGES.iter().position(|name| *name == storage).unwrap();
        Repository::new(storage, self.stores[at].clone())
    }

    /// The places of the policy, with faults in some of the stores.
    fn places(&self, faults: [Faults; 2]) -> (Places, [FaultyStore; 2]) {
        let faulty = [0, 1].map(|at| FaultyStore::new(self.stores[at].clone(), faults[at]));
        let mut places = Places::default();
        for (storage, store) in STORAGES.into_iter().zip(&faulty) {
            let StorageKind::Filesystem(spec) = &self.desired.storages[storage].kind else { panic!("{storage}") };
            let place = Place {
                repository: Repository::new(storage, Arc::new(store.clone())),
                ground: backstay::observe::Ground::Folder {
                    path: self.folder.path().to_owned(),
                    spec: spec.clone(),
                    mounted_at: None,
                },
            };
            places.0.insert(storage.to_owned(), Ok(place));
        }
        (places, faulty)
    }

    async fn plan(&self) -> Plan {
        let live = observe(&self.desired, &self.places([Faults::Never; 2]).0, self.lookup.as_ref()).await;
        plan(&self.desired, &live, Timestamp::now(), &Scope::default())
    }

    /// Carries out a plan. Returns its outcome and how many calls each store had.
    async fn apply(&self, plan: &Plan, faults: [Faults; 2]) -> (Outcome, [u64; 2]) {
        let (places, faulty) = self.places(faults);
        let hands = Hands {
            desired: &self.desired,
            places: &places,
            lookup: self.lookup.clone(),
            observer: Arc::new(Silent),
            cancel: CancellationToken::new(),
            run: run_id(Timestamp::now()),
            verb: "apply",
            root: std::path::PathBuf::from("/"),
            state: None,
            print_key: None,
        };
        let outcome = apply(plan, &BTreeSet::new(), &refused(plan, &Approval::default()), &hands).await;
        (outcome, faulty.map(|store| store.n_calls()))
    }

    async fn contents(&self) -> [Contents; 2] {
        [self.sound("near").read().await.unwrap(), self.sound("far").read().await.unwrap()]
    }

    /// The process that worked here is gone: whatever it held or wrote down names a dead one now.
    async fn bury(&self) {
        for store in &self.stores {
            for meta in [store.list("lock/").await.unwrap(), store.list("journal/").await.unwrap()].concat() {
                let mut bytes = Vec::new();
                store.get(&meta.key, None).await.unwrap().read_to_end(&mut bytes).await.unwrap();
                let sealed = if meta.key.starts_with("lock/") {
                    let mut record: LockRecord = unseal(&bytes).unwrap();
                    die(&mut record.owner);
                    seal(&record)
                } else {
                    let mut record: JournalRecord = unseal(&bytes).unwrap();
                    die(&mut record.owner);
                    seal(&record)
                };
                store.put(&meta.key, sealed.into(), Condition::Always).await.unwrap();
            }
        }
    }

    /// Everything that is listed is whole, down to every row.
    async fn assert_whole(&self, what: &str) {
        let means = Means { keys: Keys::default(), observer: Arc::new(Silent), stop: CancellationToken::new() };
        for storage in STORAGES {
            let repository = self.sound(storage);
            let contents = repository.read().await.unwrap();
            assert!(contents.broken.is_empty(), "{what}: {:?}", contents.broken);
            assert!(contents.backups.iter().all(|backup| backup.is_good()), "{what}: {:?}", contents.backups);
            let found = verify(&repository, &Selection::default(), VerifyLevel::Deep, &means).await.unwrap();
            assert!(found.damage().is_empty() && !found.is_partial(), "{what}: {found:#?}");
            assert_eq!(found.copies.len(), contents.backups.len(), "{what}");
        }
    }
}

fn die(owner: &mut Owner) {
    // The first process lives, and did not start then.
    (owner.pid, owner.process_started) = (1, u64::MAX);
}

fn n_fresh(contents: &Contents) -> usize {
    contents.backups.iter().filter(|backup| backup.tier == "fresh").count()
}

/// One run with a fault, everything that must hold after it, and the run that completes it.
async fn one(schedule: &str, lookup: &Arc<Environment>, faults: [Faults; 2]) {
    let what = format!("{schedule} {faults:?}");
    let world = World::new(schedule, lookup).await;
    let first = world.plan().await;
    let (outcome, _) = world.apply(&first, faults).await;
    world.bury().await;
    world.assert_whole(&what).await;
    let contents = world.contents().await;
    for step in outcome.steps.iter().filter(|step| step.address.starts_with("backup/")) {
        let fresh = [n_fresh(&contents[0]), n_fresh(&contents[1])];
        match &step.end {
            StepEnd::Done(_) => assert_eq!(fresh, [1, 1], "{what}: {step:?}"),
            StepEnd::Partly(_) => assert_eq!(fresh[0] + fresh[1], 1, "{what}: {step:?}"),
            // Of a store that fails for good nobody knows what the last write did.
            StepEnd::Failed(_) if faults.iter().all(|faults| !matches!(faults, Faults::From(_))) => {
                assert_eq!(fresh, [0, 0], "{what}: {step:?}");
            }
            StepEnd::Failed(_) | StepEnd::AlreadyDone | StepEnd::Deferred(_) | StepEnd::Skipped(_) => {}
        }
    }
    let kept = [2, 3].map(|number| Sample::new("app", number).id());
    assert!(kept.iter().all(|id| contents[0].backups.iter().any(|backup| backup.id == *id)), "{what}: {contents:?}");

    let second = world.plan().await;
    let (outcome, _) = world.apply(&second, [Faults::Never; 2]).await;
    let done = |end: &StepEnd| matches!(end, StepEnd::Done(_) | StepEnd::AlreadyDone);
    assert!(outcome.steps.iter().all(|step| done(&step.end)), "{what}: {outcome:#?}");
    let third = world.plan().await;
    assert!(third.is_empty() && !third.has_problems(), "{what}: {:#?} {:#?}", third.actions, third.notes);
    world.assert_whole(&what).await;
    let contents = world.contents().await;
    for (contents, n) in contents.iter().zip([2, 3]) {
        // The lock of a dead holder keeps nobody out; it goes when the database is next worked on.
        let is_live = contents.locks.iter().any(LockRecord::is_live);
        assert!(contents.leftovers.is_empty() && !is_live, "{what}: {contents:#?}");
        let fresh = usize::from(schedule != "manual");
        assert_eq!((n_fresh(contents), contents.backups.len()), (fresh, n + fresh), "{what}");
    }
}

/// Runs the sweep over every call of each store, some worlds at once.
async fn sweep(schedule: &str, lookup: &Arc<Environment>, kinds: &[fn(u64) -> Faults]) {
    let world = World::new(schedule, lookup).await;
    let (outcome, n_calls) = world.apply(&world.plan().await, [Faults::Never; 2]).await;
    assert!(outcome.steps.iter().all(|step| matches!(step.end, StepEnd::Done(_))), "{outcome:#?}");
    let mut all = Vec::new();
    for kind in kinds {
        // Both stores from one moment on: the machine dies. One of them: a disk or a network does.
        if matches!(kind(1), Faults::From(_)) {
            all.extend((1..=n_calls[0].max(n_calls[1])).map(|at| [kind(at), kind(at)]));
        }
        all.extend((1..=n_calls[0]).map(|at| [kind(at), Faults::Never]));
        all.extend((1..=n_calls[1]).map(|at| [Faults::Never, kind(at)]));
    }
    println!("{schedule}: {} runs over {n_calls:?} calls", all.len());
    stream::iter(all).for_each_concurrent(3, |faults| one(schedule, lookup, faults)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_and_deletions_survive_every_fault() {
    let lookup = Arc::new(Environment::plain());
    sweep("manual", &lookup, &[Faults::From, Faults::At, Faults::AfterwardsAt]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_survive_every_fault() {
    let (source, bin) = tokio::task::spawn_blocking(|| {
        let source = Database::create(Server::any(), "swept");
        source.psql("CREATE TABLE t AS SELECT n FROM generate_series(1, 10) n");
        let bin = source.server.bin.to_str().unwrap().to_owned();
        (source, bin)
    })
    .await
    .unwrap();
    let lookup = Environment::plain().with("DATABASE_URL", &source.url()).with("BACKSTAY_PG_BIN", &bin);
    sweep("\"0 0 1 1 *\"", &Arc::new(lookup), &[Faults::From, Faults::At, Faults::AfterwardsAt]).await;
    tokio::task::spawn_blocking(|| drop(source)).await.unwrap();
}

/// What is planned on half a reading could delete the other half.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_read_whole_or_not_at_all() {
    let lookup = Arc::new(Environment::plain());
    let world = World::new("manual", &lookup).await;
    // Without its index every manifest is read.
    world.stores[0].delete(&["index/app.json".to_owned()]).await.unwrap();
    let (places, counting) = world.places([Faults::Never; 2]);
    let whole = observe(&world.desired, &places, lookup.as_ref()).await;
    let [near, far] = ["near", "far"].map(|name| format!("{:?}", whole.storages[name]));
    let n_calls = counting[0].n_calls();
    assert!(n_calls > 8, "{n_calls}");
    for at in 1..=n_calls {
        for kind in [Faults::From, Faults::At] {
            let places = world.places([kind(at), Faults::Never]).0;
            let live = observe(&world.desired, &places, lookup.as_ref()).await;
            assert_eq!(format!("{:?}", live.storages["far"]), far);
            // The last question is how much room there is, which nothing is planned on.
            if at == n_calls {
                assert_eq!(format!("{:?}", live.storages["near"]), near);
                continue;
            }
            assert!(matches!(live.storages["near"], LiveStorage::Unreadable(_)), "{at}: {:?}", live.storages["near"]);
            let plan = plan(&world.desired, &live, Timestamp::now(), &Scope::default());
            let touches = plan.actions.iter().filter(|action| action.deed.storages().contains(&"near"));
            assert_eq!(touches.count(), 0, "{at}: {:?}", plan.actions);
            assert!(plan.has_problems());
        }
    }
}
