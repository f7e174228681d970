//! Base backups and archives for tests.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::{ClusterWal, History, WalDigest, WalObject};
use crate::base::{BackupId, Lsn, SegmentSize, SystemId, Timeline, WalFile, WalSegment};
use crate::catalog::Backup;
use crate::catalog::recovery::tests::physical;
use jiff::Timestamp;

pub(super) const SIZE: SegmentSize = SegmentSize::DEFAULT;

/// The moment of a segment's number: ten minutes for each.
pub(super) fn moment(number: u64) -> Timestamp {
    Timestamp::from_second(i64::try_from(number).unwrap() * 600).unwrap()
}

/// A base backup within the segment of this number, which it brings along.
pub(super) fn base(system: u64, timeline: u32, number: u64) -> Backup {
    let mut backup = physical(BackupId::new(moment(number), timeline));
    if let Some(cluster) = &mut backup.cluster {
        cluster.system_identifier = system.to_string();
        cluster.timeline = Timeline(timeline);
        (cluster.start_lsn, cluster.stop_lsn) = (Lsn(number * SIZE.bytes() + 40), Lsn(number * SIZE.bytes() + 400));
    }
    backup
}

/// Segments by timeline and number, each stored at its moment, and histories.
pub(super) fn archive(
    system: u64,
    held: impl IntoIterator<Item = (u32, u64)>,
    histories: &[(u32, String)],
) -> ClusterWal {
    let object = |file, modified| WalObject {
        system: SystemId(system),
        file,
        digest: WalDigest::of(b""),
        segment_size: SIZE,
        layers: Vec::new(),
        stored_bytes: 1,
        modified,
        etag: String::new(),
        class: Default::default(),
    };
    let segments = held.into_iter().map(|(timeline, number)| {
        let segment = WalSegment::numbered(Timeline(timeline), number, SIZE);
        object(WalFile::Segment(segment), moment(number).as_second())
    });
    // A history makes the cluster known though nothing else is there.
    let mut wal = ClusterWal::of(segments.chain([object(WalFile::History(Timeline(2)), 0)])).remove(0);
    for (timeline, text) in histories {
        wal.learn(History::read(Timeline(*timeline), text).unwrap());
    }
    wal
}
