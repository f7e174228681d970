//! Whether WAL is complete between two positions, as recovery will read it.

use super::cluster::ClusterWal;
use super::span::{Bounds, WalSpan, lacking, merged};
use crate::base::{Lsn, Timeline, WalFile};
use std::collections::BTreeMap;

/// A position on a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalPosition {
    /// The timeline.
    pub timeline: Timeline,
    /// The first byte that is not needed yet, or any more.
    pub lsn: Lsn,
}

/// Why recovery would not get from one position to another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCovered {
    /// The history of the goal's timeline is not there, or could not be read.
    #[error("the history of timeline {} is not in the archive", _0.0)]
    NoHistory(Timeline),
    /// The goal's timeline does not come by the start.
    #[error("timeline {} does not go through {lsn} of timeline {}", to.0, from.0)]
    Elsewhere {
        /// Timeline of the start.
        from: Timeline,
        /// The start.
        lsn: Lsn,
        /// Timeline of the goal.
        to: Timeline,
    },
    /// WAL is missing.
    #[error("WAL is missing: {}", _0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Missing(Vec<WalSpan>),
}

/// A timeline of the way from one position to another.
struct Leg {
    timeline: Timeline,
    /// What of it is read.
    bounds: Bounds,
    /// Timelines that come after it on the way.
    younger: Vec<Timeline>,
}

/// What an archive holds, put together once for many questions: its contiguous stretches by timeline.
pub(super) struct Ranges<'a> {
    wal: &'a ClusterWal,
    held: BTreeMap<Timeline, Vec<Bounds>>,
}

impl<'a> Ranges<'a> {
    pub(super) fn of(wal: &'a ClusterWal) -> Ranges<'a> {
        let mut held: BTreeMap<Timeline, Vec<Bounds>> = BTreeMap::new();
        for (file, objects) in &wal.files {
            if let (WalFile::Segment(segment), Some(object)) = (file, objects.first()) {
                let bounds = (segment.start(object.segment_size), segment.end(object.segment_size));
                held.entry(segment.timeline).or_default().push(bounds);
            }
        }
        Ranges { wal, held: held.into_iter().map(|(timeline, bounds)| (timeline, merged(bounds))).collect() }
    }

    /// See [`ClusterWal::covers`].
    pub(super) fn covers(&self, from: WalPosition, to: WalPosition) -> Result<(), NotCovered> {
        let legs = self.wal.legs(from, to.timeline)?;
        let mut missing = Vec::new();
        for leg in &legs {
            let (start, end) = (leg.bounds.0, leg.bounds.1.min(to.lsn));
            let timeline = leg.timeline;
            let gaps = lacking((start, end), &self.held(leg));
            missing.extend(gaps.into_iter().map(|(start, end)| WalSpan { timeline, start, end }));
        }
        if missing.is_empty() { Ok(()) } else { Err(NotCovered::Missing(missing)) }
    }

    /// How far recovery comes from a position along a timeline: the first byte that is missing, with the timeline that it is
    /// missing on, which is the one that is followed or an ancestor of it.
    pub(super) fn reach(&self, from: WalPosition, timeline: Timeline) -> Result<WalPosition, NotCovered> {
        for leg in &self.wal.legs(from, timeline)? {
            if let Some((missing, _)) = lacking(leg.bounds, &self.held(leg)).first() {
                return Ok(WalPosition { timeline: leg.timeline, lsn: *missing });
            }
        }
        Ok(WalPosition { timeline, lsn: Lsn(u64::MAX) })
    }

    /// The end of the last segment of a timeline.
    pub(super) fn end(&self, timeline: Timeline) -> Option<Lsn> {
        self.held.get(&timeline)?.last().map(|(_, end)| *end)
    }

    fn held(&self, leg: &Leg) -> Vec<Bounds> {
        let own = self.held.get(&leg.timeline).cloned().unwrap_or_default();
        let copied = self.wal.copied(&leg.younger, leg.bounds.1);
        if copied.is_empty() { own } else { merged(own.into_iter().chain(copied).collect()) }
    }
}

impl ClusterWal {
    /// Whether everything is there that recovery reads from one position, where a base backup begins, to another. Says
    /// what is missing.
    pub fn covers(&self, from: WalPosition, to: WalPosition) -> Result<(), NotCovered> {
        Ranges::of(self).covers(from, to)
    }

    /// How far recovery comes from a position along a timeline: the first byte that is missing.
    pub fn reach(&self, from: WalPosition, timeline: Timeline) -> Result<Lsn, NotCovered> {
        Ranges::of(self).reach(from, timeline).map(|position| position.lsn)
    }

    /// True when recovery that goes to one position comes by another one.
    pub fn comes_by(&self, by: WalPosition, to: WalPosition) -> bool {
        (by.timeline != to.timeline || by.lsn <= to.lsn) && self.legs(by, to.timeline).is_ok()
    }

    /// The timelines that hold WAL which a timeline does not come by, each with where it ends.
    pub fn beside(&self, timeline: Timeline) -> Vec<(Timeline, Lsn)> {
        let end = WalPosition { timeline, lsn: Lsn(u64::MAX) };
        let mut others: BTreeMap<Timeline, Lsn> = BTreeMap::new();
        for object in self.objects() {
            let WalFile::Segment(segment) = object.file else { continue };
            let start = WalPosition { timeline: segment.timeline, lsn: segment.start(object.segment_size) };
            if segment.timeline != timeline && !self.comes_by(start, end) {
                let until = segment.end(object.segment_size);
                let known = others.entry(segment.timeline).or_insert(until);
                *known = until.max(*known);
            }
        }
        others.into_iter().collect()
    }

    fn legs(&self, from: WalPosition, to: Timeline) -> Result<Vec<Leg>, NotCovered> {
        let ancestors = match self.histories.get(&to) {
            Some(history) => history.ancestors.as_slice(),
            // Who starts there needs no history, and the first timeline has none.
            None if from.timeline == to || to == Timeline(1) => &[],
            None => return Err(NotCovered::NoHistory(to)),
        };
        let elsewhere = NotCovered::Elsewhere { from: from.timeline, lsn: from.lsn, to };
        let mut way: Vec<(Timeline, Bounds)> = Vec::new();
        let mut begin = Lsn(0);
        for ancestor in ancestors {
            way.push((ancestor.timeline, (begin, ancestor.end)));
            begin = ancestor.end;
        }
        way.push((to, (begin, Lsn(u64::MAX))));
        let Some(first) = way.iter().position(|(timeline, _)| *timeline == from.timeline) else {
            return Err(elsewhere);
        };
        way.drain(..first);
        if from.lsn > way[0].1.1 {
            return Err(elsewhere);
        }
        // A base backup may begin, on its own timeline, before the timeline does: its segment is a copy.
        way[0].1.0 = from.lsn;
        let timelines: Vec<Timeline> = way.iter().map(|(timeline, _)| *timeline).collect();
        let leg = |(index, (timeline, bounds)): (usize, (Timeline, Bounds))| Leg {
            timeline,
            bounds,
            younger: timelines[index + 1..].to_vec(),
        };
        Ok(way.into_iter().enumerate().map(leg).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::{SegmentSize, SystemId, WalSegment};
    use crate::catalog::wal::{History, WalDigest, WalObject};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const SIZE: SegmentSize = SegmentSize::DEFAULT;

    fn object(file: WalFile) -> WalObject {
        WalObject {
            system: SystemId(7),
            file,
            digest: WalDigest::of(b""),
            segment_size: SIZE,
            layers: Vec::new(),
            stored_bytes: 1,
            modified: 0,
            etag: String::new(),
            class: Default::default(),
        }
    }

    fn cluster(held: &BTreeSet<(u32, u64)>, histories: &[(u32, &str)]) -> ClusterWal {
        let name = |(timeline, number): &(u32, u64)| {
            object(WalFile::Segment(WalSegment::numbered(Timeline(*timeline), *number, SIZE)))
        };
        let mut objects: Vec<_> = held.iter().map(name).collect();
        objects.push(object(WalFile::History(Timeline(9))));
        let mut cluster = ClusterWal::of(objects).pop().unwrap();
        for (timeline, text) in histories {
            cluster.learn(History::read(Timeline(*timeline), text).unwrap());
        }
        cluster
    }

    fn at(timeline: u32, lsn: u64) -> WalPosition {
        WalPosition { timeline: Timeline(timeline), lsn: Lsn(lsn) }
    }

    #[test]
    fn a_segment_of_the_parent_is_not_needed_where_the_child_has_its_copy() {
        let held: BTreeSet<_> = [(1, 1), (1, 2), (2, 3), (2, 4)].into();
        let wal = cluster(&held, &[(2, "1\t0/3000158\tpromoted")]);
        assert_eq!(wal.covers(at(1, 0x100_0028), at(2, 0x480_0000)), Ok(()));
        assert_eq!(wal.reach(at(1, 0x100_0028), Timeline(2)), Ok(Lsn(0x500_0000)));
        assert_eq!(wal.gaps(Timeline(1)), []);
        // On its own the parent ends where its last whole segment does.
        assert_eq!(wal.reach(at(1, 0x100_0028), Timeline(1)), Ok(Lsn(0x300_0000)));
        let missing = wal.covers(at(1, 0x100_0028), at(2, 0x500_0001));
        let span = WalSpan { timeline: Timeline(2), start: Lsn(0x500_0000), end: Lsn(0x500_0001) };
        assert_eq!(missing, Err(NotCovered::Missing(vec![span])));
    }

    #[test]
    fn a_way_that_does_not_exist_is_told() {
        let held: BTreeSet<_> = [(1, 1), (1, 2), (1, 3), (1, 4), (2, 3), (3, 9)].into();
        let wal = cluster(&held, &[(2, "1\t0/3000158\tpromoted")]);
        assert_eq!(wal.covers(at(1, 0x100_0000), at(3, 0x900_0001)), Err(NotCovered::NoHistory(Timeline(3))));
        assert_eq!(wal.covers(at(3, 0x900_0000), at(3, 0x900_0001)), Ok(()));
        // The backup was taken on timeline 1 after timeline 2 had left it.
        assert!(matches!(wal.covers(at(1, 0x400_0000), at(2, 0x400_0001)), Err(NotCovered::Elsewhere { .. })));
        assert!(matches!(wal.covers(at(2, 0x300_0000), at(1, 0x400_0000)), Err(NotCovered::Elsewhere { .. })));
        assert_eq!(wal.gaps(Timeline(3)), []);
    }

    #[test]
    fn gaps_are_told_up_to_where_others_branched_off() {
        let held: BTreeSet<_> = [(1, 1), (1, 3), (2, 6)].into();
        let wal = cluster(&held, &[(2, "1\t0/5000158\tpromoted")]);
        let span = |timeline, start, end| WalSpan { timeline: Timeline(timeline), start: Lsn(start), end: Lsn(end) };
        assert_eq!(wal.gaps(Timeline(1)), [span(1, 0x200_0000, 0x300_0000), span(1, 0x400_0000, 0x500_0158)]);
        assert_eq!(wal.gaps(Timeline(2)), [span(2, 0x500_0158, 0x600_0000)]);
        assert_eq!(wal.ranges(Timeline(1)).len(), 2);
    }

    /// The file that recovery opens for the segment with this number: of the youngest timeline on its way that had begun
    /// by then.
    fn opened(number: u64, branch: u64, held: &BTreeSet<(u32, u64)>, needs_child: bool) -> bool {
        let child = number >= branch / SIZE.bytes() && held.contains(&(2, number));
        child || (!needs_child && held.contains(&(1, number)))
    }

    proptest! {
        #[test]
        fn what_recovery_would_open_is_what_is_covered(
            held in proptest::collection::btree_set((1_u32..3, 0_u64..8), 0..14),
            branch in 1_u64..7 * (16 << 20),
            from in 0_u64..7 * (16 << 20),
            to in 0_u64..8 * (16 << 20),
        ) {
            prop_assume!(from <= branch);
            let history = format!("1\t{}\tpromoted", Lsn(branch));
            let wal = cluster(&held, &[(2, &history)]);
            let covered = wal.covers(at(1, from), at(2, to));
            let size = SIZE.bytes();
            let segments = if to > from { from / size..to.div_ceil(size) } else { 0..0 };
            let expected = segments.clone().all(|number| {
                let last = to.min((number + 1) * size) - 1;
                opened(number, branch, &held, last >= branch)
            });
            prop_assert_eq!(covered.is_ok(), expected, "{:?}", covered);
            // What is covered is reached, and the first missing byte is not.
            let reach = wal.reach(at(1, from), Timeline(2)).unwrap();
            prop_assert_eq!(covered.is_ok(), to <= reach.0 || to <= from);
        }
    }
}
