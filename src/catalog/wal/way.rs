//! Whether recovery gets from a base backup to a target, proven by what the archive holds before anything is touched.

use super::cluster::ClusterWal;
use super::coverage::{NotCovered, WalPosition};
use crate::base::{Lsn, Timeline, WalFile};
use crate::catalog::{Cluster, RecoveryTarget};
use jiff::Timestamp;

/// The way from a base backup to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The timeline that is followed.
    pub timeline: Timeline,
    /// How far the archive goes along it without a gap.
    pub until: Lsn,
    /// When the last segment before that was stored, or the next one given up; `None`: the archive has nothing after the backup.
    pub stored_until: Option<Timestamp>,
}

/// Why a target is out of reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWay {
    /// There is no archive for this cluster.
    #[error("no WAL of cluster {0} is archived, so nothing after the backup itself can be restored")]
    NoArchive(String),
    /// Timelines do not meet, or a history is missing.
    #[error(transparent)]
    NotCovered(#[from] NotCovered),
    /// WAL ends, or is missing, before the target.
    #[error("{target} is out of reach: WAL goes without a gap to {until} of timeline {}{}", .timeline.0, stored(.at))]
    Behind {
        /// The target.
        target: String,
        /// How far it goes.
        until: Lsn,
        /// On which timeline.
        timeline: Timeline,
        /// When the last segment was stored.
        at: Option<Timestamp>,
        /// Whether WAL after that is stored, so that there is a gap.
        is_gap: bool,
    },
}

fn stored(at: &Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!(", which was stored at {at}"))
}

/// The way to a target along a timeline, or along the one that is meant where none is named; see [`followed`]. What is behind a
/// transaction or a named point is not known before it is replayed, so that only the way as such is proven for these.
pub fn way(
    wal: Option<&ClusterWal>,
    cluster: &Cluster,
    target: &RecoveryTarget,
    timeline: Option<Timeline>,
) -> Result<Way, NoWay> {
    let Some(wal) = wal else { return Err(NoWay::NoArchive(cluster.system_identifier.clone())) };
    let timeline = timeline.unwrap_or_else(|| followed(wal, cluster, target));
    // The backup has the segments up to its end itself.
    let begin = cluster.needed_wal().1.end(cluster.wal_segment_bytes);
    let until = wal.reach(WalPosition { timeline: cluster.timeline, lsn: begin }, timeline)?;
    let until = if until == Lsn(u64::MAX) { begin } else { until };
    let end = WalPosition { timeline, lsn: Lsn(u64::MAX) };
    let segments = wal.objects().filter_map(|object| match object.file {
        WalFile::Segment(segment) => {
            let lsn = segment.start(object.segment_size);
            let is_on_it = lsn >= begin && wal.comes_by(WalPosition { timeline: segment.timeline, lsn }, end);
            is_on_it.then_some((lsn, object.modified))
        }
        _ => None,
    });
    let after: Vec<(Lsn, i64)> = segments.collect();
    let newest_before = after.iter().filter(|(start, _)| *start < until).map(|(_, at)| *at).max();
    let stored = newest_before.and_then(|at| Timestamp::from_second(at).ok());
    let written = stored.map(|at| wal.written_by(WalPosition { timeline, lsn: until }, at));
    let is_reached = match target {
        RecoveryTarget::Immediate | RecoveryTarget::Latest | RecoveryTarget::Xid(_) | RecoveryTarget::Name(_) => true,
        RecoveryTarget::Lsn(lsn) => *lsn <= until,
        // A segment that was stored later holds what was written until then.
        RecoveryTarget::Time(time) => written.is_some_and(|at| at >= *time),
    };
    if !is_reached {
        return Err(NoWay::Behind {
            target: target.to_string(),
            until,
            timeline,
            at: written,
            is_gap: after.iter().any(|(start, _)| *start > until),
        });
    }
    Ok(Way { timeline, until, stored_until: written })
}

/// The timeline that a target means where none is named. For a moment it is the one whose WAL was being stored then, for
/// everything else the one whose WAL was stored last, and never one that ended before the backup. A copy of the cluster that
/// was started to be looked at, or a server that lives on after another one took over, may leave WAL of a timeline with a
/// higher number; the server itself would follow that.
fn followed(wal: &ClusterWal, cluster: &Cluster, target: &RecoveryTarget) -> Timeline {
    let then = match target {
        RecoveryTarget::Time(time) => wal.stored_from(time.as_second()),
        _ => None,
    };
    let timeline = then.or_else(|| wal.head().map(|head| head.at.timeline));
    timeline.map_or(cluster.timeline, |timeline| timeline.max(cluster.timeline))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::{SegmentSize, SystemId, WalSegment};
    use crate::catalog::wal::{History, WalDigest, WalObject, sample};
    use proptest::prelude::*;

    const SIZE: SegmentSize = SegmentSize::DEFAULT;

    fn base(start: u64, stop: u64) -> Cluster {
        let mut cluster = sample::base(7, 1, 0).cluster.unwrap();
        (cluster.start_lsn, cluster.stop_lsn) = (Lsn(start), Lsn(stop));
        cluster
    }

    /// Segments of timelines by number, each stored ten seconds after the one before it.
    fn archive(held: &[(u32, u64)], histories: &[(u32, &str)]) -> ClusterWal {
        let object = |(timeline, number): &(u32, u64)| WalObject {
            system: SystemId(7),
            file: WalFile::Segment(WalSegment::numbered(Timeline(*timeline), *number, SIZE)),
            digest: WalDigest::of(b""),
            segment_size: SIZE,
            layers: Vec::new(),
            stored_bytes: 1,
            modified: i64::try_from(*number).unwrap() * 10,
            etag: String::new(),
            class: Default::default(),
        };
        let mut wal = ClusterWal::of(held.iter().map(object)).pop().unwrap();
        for (timeline, text) in histories {
            wal.learn(History::read(Timeline(*timeline), text).unwrap());
        }
        wal
    }

    fn time(second: i64) -> RecoveryTarget {
        RecoveryTarget::Time(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn a_moment_needs_a_segment_that_was_stored_after_it() {
        let (cluster, wal) = (base(0x100_0028, 0x200_0000), archive(&[(1, 2), (1, 3), (1, 5)], &[]));
        let found = way(Some(&wal), &cluster, &time(30), None).unwrap();
        assert_eq!((found.until, found.stored_until.unwrap().as_second()), (Lsn(0x400_0000), 30));
        let behind = way(Some(&wal), &cluster, &time(31), None).unwrap_err();
        assert!(matches!(behind, NoWay::Behind { is_gap: true, until: Lsn(0x400_0000), .. }), "{behind}");
        assert!(way(Some(&wal), &cluster, &RecoveryTarget::Lsn(Lsn(0x400_0000)), None).is_ok());
        assert!(way(Some(&wal), &cluster, &RecoveryTarget::Lsn(Lsn(0x400_0001)), None).is_err());
        let none = way(None, &cluster, &RecoveryTarget::Latest, None).unwrap_err();
        assert!(matches!(none, NoWay::NoArchive(_)), "{none}");
    }

    #[test]
    fn the_newest_timeline_is_followed_unless_another_is_named() {
        let cluster = base(0x100_0028, 0x200_0000);
        let wal = archive(&[(1, 2), (1, 3), (2, 3), (2, 4)], &[(2, "1\t0/3000100\tno reason\n")]);
        let found = way(Some(&wal), &cluster, &RecoveryTarget::Latest, None).unwrap();
        assert_eq!((found.timeline, found.until), (Timeline(2), Lsn(0x500_0000)));
        let found = way(Some(&wal), &cluster, &RecoveryTarget::Latest, Some(Timeline(1))).unwrap();
        assert_eq!((found.timeline, found.until), (Timeline(1), Lsn(0x400_0000)));
    }

    #[test]
    fn a_copy_that_was_looked_at_is_not_followed() {
        let cluster = base(0x100_0028, 0x200_0000);
        // Timeline 1 goes on after timeline 2 began and ended.
        let wal = archive(&[(1, 2), (1, 3), (2, 2), (1, 4), (1, 5)], &[(2, "1\t0/2000100\tlooked at\n")]);
        let along = |target: &RecoveryTarget| way(Some(&wal), &cluster, target, None).unwrap().timeline;
        assert_eq!(along(&RecoveryTarget::Latest), Timeline(1));
        assert_eq!(along(&time(50)), Timeline(1));
        assert_eq!(along(&RecoveryTarget::Lsn(Lsn(0x500_0000))), Timeline(1));
    }

    #[test]
    fn a_moment_is_of_the_timeline_that_was_written_then() {
        let cluster = base(0x100_0028, 0x200_0000);
        let wal = archive(&[(1, 2), (1, 3), (2, 3), (2, 4), (2, 5)], &[(2, "1\t0/3000100\tback to a moment\n")]);
        let along = |target: &RecoveryTarget| way(Some(&wal), &cluster, target, None).unwrap().timeline;
        assert_eq!((along(&time(25)), along(&time(35))), (Timeline(1), Timeline(2)));
        // What was stored of timeline 2 says nothing of how far timeline 1 goes.
        let behind = way(Some(&wal), &cluster, &time(35), Some(Timeline(1))).unwrap_err();
        assert!(matches!(behind, NoWay::Behind { timeline: Timeline(1), is_gap: false, .. }), "{behind}");
    }

    proptest! {
        #[test]
        fn a_position_is_in_reach_exactly_when_every_segment_up_to_it_is_there(
            held in prop::collection::btree_set(1_u64..9, 1..9),
            lsn in 0x200_0000_u64..0x900_0000,
        ) {
            let all: Vec<(u32, u64)> = held.iter().map(|number| (1, *number)).collect();
            let (cluster, wal) = (base(0x100_0028, 0x200_0000), archive(&all, &[]));
            let needed = 2..lsn.div_ceil(SIZE.bytes());
            let is_there = needed.into_iter().all(|number| held.contains(&number));
            let found = way(Some(&wal), &cluster, &RecoveryTarget::Lsn(Lsn(lsn)), None);
            prop_assert_eq!(found.is_ok(), is_there, "{:?}", found);
        }
    }
}
