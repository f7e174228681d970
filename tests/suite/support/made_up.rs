//! Made-up worlds, for what is judged without a clock and a disk.

use backstay::base::{BackupId, Lsn, SegmentSize, Sha256, SystemId, Timeline, WalFile, WalSegment};
use backstay::catalog::wal::{WalDigest, WalObject};
use backstay::catalog::{
    Backup, BackupObject, Cluster, Layer, Method, VerifyLevel, VerifyProblem, VerifyRecord, WalOfBackup,
};
use backstay::diag::Sources;
use backstay::plan::{Deed, FolderState, Live, LiveStorage, Plan, ReadStorage};
use backstay::policy::{self, Desired};
use backstay::resource::{Availability, StorageClass};
use jiff::{SignedDuration, Timestamp};

/// What a policy means.
pub fn desired(text: &str) -> Desired {
    let mut sources = Sources::default();
    let policy::Loaded { document, found, .. } =
        policy::load(&mut sources, "backstay.yaml", text.as_bytes(), &|_| Err("none".to_owned()));
    let document = document.unwrap_or_else(|| panic!("{found:?}"));
    policy::resolve(&document, "backstay.yaml", &sources)
}

/// A good backup.
pub fn backup(database: &str, tier: &str, started: Timestamp) -> Backup {
    Backup {
        id: BackupId::new(started, 7),
        policy: "shop".to_owned(),
        database: database.to_owned(),
        tier: tier.to_owned(),
        method: Method::Logical,
        started_at: started,
        finished_at: started,
        server_version: "15.18".to_owned(),
        table_count: 3,
        layers: vec![Layer::Zstd { level: 3 }],
        objects: vec![BackupObject {
            name: "dump.zst".to_owned(),
            stored_bytes: 1 << 20,
            plain_bytes: 4 << 20,
            stored_sha256: Sha256::of(b""),
            lock: None,
            key: None,
            class: StorageClass::Standard,
        }],
        cluster: None,
        verified: None,
        missing: Vec::new(),
        lacking: Vec::new(),
        availability: Availability::Ready,
        protection: None,
        manifest_etag: String::new(),
    }
}

/// A cluster of this system, whose base backup begins and ends in the segment of this position.
pub fn cluster(system: SystemId, start_lsn: Lsn) -> Cluster {
    Cluster {
        system_identifier: system.to_string(),
        timeline: Timeline(1),
        start_lsn,
        stop_lsn: Lsn(start_lsn.0 + 360),
        wal_segment_bytes: SegmentSize::DEFAULT,
        wal: WalOfBackup::Included,
        checksums: true,
        bad_pages: Vec::new(),
        tablespaces: Vec::new(),
        databases: Vec::new(),
        files: 1000,
        bytes: 1 << 30,
        incremental: None,
    }
}

/// An archived segment, by its number.
pub fn segment(system: SystemId, number: u64, stored_at: Timestamp) -> WalObject {
    WalObject {
        system,
        file: WalFile::Segment(WalSegment::numbered(Timeline(1), number, SegmentSize::DEFAULT)),
        digest: WalDigest::of(b""),
        segment_size: SegmentSize::DEFAULT,
        layers: Vec::new(),
        stored_bytes: 1 << 20,
        modified: stored_at.as_second(),
        etag: "e".to_owned(),
        class: StorageClass::Standard,
    }
}

/// A storage that was read and holds nothing.
pub fn empty(location: &str) -> ReadStorage {
    ReadStorage { location: location.to_owned(), ..ReadStorage::default() }
}

/// A world in which every place is as wanted and holds these backups.
pub fn world(local: Vec<Backup>, vault: Vec<Backup>) -> Live {
    let storage = |location: &str, marker: &str, backups| {
        let folder = FolderState { mode: 0o700, n_other_modes: 0, owner: "postgres".into(), group: "postgres".into() };
        let mut read = ReadStorage { folder: Some(folder), marker: Some(marker.to_owned()), ..empty(location) };
        read.contents.backups = backups;
        LiveStorage::Read(Box::new(read))
    };
    let mut live = Live::default();
    live.storages.insert("local".to_owned(), storage("/backups/local", "a1", local));
    live.storages.insert("vault".to_owned(), storage("/mnt/vault", "b2", vault));
    live
}

/// Backups of so many nights, the last one at `last`.
pub fn nights(tier: &str, last: Timestamp, count: i64) -> Vec<Backup> {
    (0..count).rev().map(|n| backup("app", tier, last - SignedDuration::from_hours(24 * n))).collect()
}

/// The same backup, looked at, with what was found wrong.
pub fn checked(mut backup: Backup, when: Timestamp, level: VerifyLevel, problems: &[&str]) -> Backup {
    let problem = |problem: &&str| VerifyProblem { key: "data/dump.zst".to_owned(), problem: (*problem).to_owned() };
    let problems = problems.iter().map(problem).collect();
    backup.verified = Some(VerifyRecord { format: 1, id: backup.id.clone(), at: when, level, problems });
    backup
}

/// Ids of the backups that a plan prunes.
pub fn pruned(plan: &Plan) -> Vec<String> {
    let id = |deed: &Deed| match deed {
        Deed::PruneBackup { id, .. } => Some(id.clone()),
        _ => None,
    };
    plan.actions.iter().filter_map(|action| id(&action.deed)).collect()
}
