//! Where receiving begins, so that nothing is missing between what is held and what comes. Pure.

use crate::base::{Lsn, SegmentSize, Timeline, WalSegment};
use crate::catalog::wal::Branch;
use std::collections::BTreeSet;

/// What is known when a connection stands.
#[derive(Debug, Clone)]
pub(super) struct Known<'a> {
    /// Timeline that the server writes.
    pub(super) timeline: Timeline,
    /// The timelines before it, each with its end.
    pub(super) ancestors: &'a [Branch],
    /// How far the server is.
    pub(super) flushed: Lsn,
    /// Length of segments.
    pub(super) size: SegmentSize,
    /// Whole segments that some store has or that wait to be stored.
    pub(super) somewhere: &'a BTreeSet<WalSegment>,
    /// Whole segments that every store has or that wait to be stored.
    pub(super) everywhere: &'a BTreeSet<WalSegment>,
    /// The segment that grew when the last connection broke, or an earlier run ended.
    pub(super) growing: Option<WalSegment>,
    /// From where on the slot keeps WAL.
    pub(super) slot: Option<Lsn>,
}

/// The segment to begin with. On the server's own way through its timelines: the one after the newest that is held, or
/// the first that the slot keeps and some store lacks, whichever is older; where nothing is held, the one that the server
/// writes now.
pub(super) fn first_segment(known: &Known<'_>) -> WalSegment {
    let way = Way::of(known);
    let after = way.newest(known.somewhere, known.growing);
    let lacking = known.slot.map(|slot| {
        let mut segment = way.settle(way.at(slot));
        while known.everywhere.contains(&segment) {
            segment = way.settle(segment.next(known.size));
        }
        segment
    });
    let number = |segment: &WalSegment| segment.number(known.size);
    let first = after.into_iter().chain(lacking).min_by_key(number);
    first.unwrap_or_else(|| WalSegment::at(known.timeline, known.flushed, known.size))
}

/// The timelines that led to where the server is, oldest first, with their ends.
struct Way {
    legs: Vec<(Timeline, Lsn)>,
    size: SegmentSize,
}

impl Way {
    fn of(known: &Known<'_>) -> Way {
        let mut legs: Vec<_> = known.ancestors.iter().map(|branch| (branch.timeline, branch.end)).collect();
        legs.push((known.timeline, Lsn(u64::MAX)));
        Way { legs, size: known.size }
    }

    /// The segment that holds a position.
    fn at(&self, lsn: Lsn) -> WalSegment {
        let leg = self.legs.iter().find(|(_, end)| lsn < *end).or(self.legs.last());
        WalSegment::at(leg.map_or(Timeline(1), |(timeline, _)| *timeline), lsn, self.size)
    }

    /// The same segment of the timeline on which it was completed: one that a timeline ended in goes on in the next.
    fn settle(&self, segment: WalSegment) -> WalSegment {
        let mut segment = segment;
        for (timeline, end) in &self.legs {
            if segment.timeline == *timeline && segment.end(self.size) <= *end {
                return segment;
            }
            if segment.timeline == *timeline {
                let next = self.legs.iter().skip_while(|(leg, _)| leg != timeline).nth(1);
                segment.timeline = next.map_or(segment.timeline, |(timeline, _)| *timeline);
            }
        }
        segment
    }

    /// The segment after the newest one that is held, or the one that grew after that. What lies beside the way, on a
    /// branch that the server did not take, does not count.
    fn newest(&self, held: &BTreeSet<WalSegment>, growing: Option<WalSegment>) -> Option<WalSegment> {
        let is_on_way = |segment: &&WalSegment| {
            self.legs.iter().any(|(timeline, end)| segment.timeline == *timeline && segment.start(self.size) < *end)
        };
        let held = held.iter().filter(is_on_way).map(|segment| self.settle(segment.next(self.size)));
        let growing = growing.as_ref().filter(is_on_way).map(|segment| self.settle(*segment));
        held.chain(growing).max_by_key(|segment| segment.number(self.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: SegmentSize = SegmentSize::DEFAULT;

    fn segment(timeline: u32, number: u64) -> WalSegment {
        WalSegment::numbered(Timeline(timeline), number, SIZE)
    }

    fn set(held: &[(u32, u64)]) -> BTreeSet<WalSegment> {
        held.iter().map(|(timeline, number)| segment(*timeline, *number)).collect()
    }

    fn branch(timeline: u32, end: u64) -> Branch {
        Branch { timeline: Timeline(timeline), end: Lsn(end) }
    }

    struct Case<'a> {
        timeline: u32,
        ancestors: &'a [Branch],
        somewhere: &'a [(u32, u64)],
        everywhere: &'a [(u32, u64)],
        growing: Option<(u32, u64)>,
        slot: Option<u64>,
    }

    const PLAIN: Case<'_> =
        Case { timeline: 1, ancestors: &[], somewhere: &[], everywhere: &[], growing: None, slot: None };

    fn first(case: &Case<'_>) -> WalSegment {
        first_segment(&Known {
            timeline: Timeline(case.timeline),
            ancestors: case.ancestors,
            flushed: Lsn(0x900_0123),
            size: SIZE,
            somewhere: &set(case.somewhere),
            everywhere: &set(case.everywhere),
            growing: case.growing.map(|(timeline, number)| segment(timeline, number)),
            slot: case.slot.map(Lsn),
        })
    }

    #[test]
    fn it_goes_on_where_it_stopped() {
        assert_eq!(first(&PLAIN), segment(1, 9));
        assert_eq!(first(&Case { somewhere: &[(1, 3), (1, 4)], ..PLAIN }), segment(1, 5));
        assert_eq!(first(&Case { somewhere: &[(1, 3)], growing: Some((1, 4)), ..PLAIN }), segment(1, 4));
        assert_eq!(first(&Case { slot: Some(0x500_0028), ..PLAIN }), segment(1, 5));
    }

    #[test]
    fn a_store_that_lacks_one_gets_it_while_the_slot_keeps_it() {
        let case = Case { somewhere: &[(1, 3), (1, 4), (1, 5)], everywhere: &[(1, 3), (1, 5)], ..PLAIN };
        assert_eq!(first(&Case { slot: Some(0x300_0000), ..case }), segment(1, 4));
        // A new slot keeps less than what is missing: the gap shows as an error of the server, and is not passed over.
        let case = Case { somewhere: &[(1, 3)], everywhere: &[(1, 3)], slot: Some(0x800_0000), ..PLAIN };
        assert_eq!(first(&case), segment(1, 4));
    }

    #[test]
    fn it_follows_the_timelines_of_the_server() {
        let ancestors = [branch(1, 0x580_0000)];
        let case = Case { timeline: 2, ancestors: &ancestors, ..PLAIN };
        assert_eq!(first(&Case { somewhere: &[(1, 3)], ..case }), segment(1, 4));
        // The segment in which the timeline ended is whole on the next one only.
        assert_eq!(first(&Case { somewhere: &[(1, 4)], ..case }), segment(2, 5));
        assert_eq!(first(&Case { growing: Some((1, 5)), ..case }), segment(2, 5));
        assert_eq!(first(&Case { somewhere: &[(2, 5)], ..case }), segment(2, 6));
        // What the old primary wrote after it was left is beside the way.
        assert_eq!(first(&Case { somewhere: &[(1, 4), (1, 5), (1, 6)], growing: Some((1, 7)), ..case }), segment(2, 6));
        assert_eq!(first(&Case { growing: Some((1, 7)), ..case }), segment(2, 9));
        assert_eq!(first(&Case { slot: Some(0x400_0000), everywhere: &[(1, 4)], ..case }), segment(2, 5));
        // Exactly between two segments.
        let ancestors = [branch(1, 0x500_0000)];
        let case = Case { timeline: 2, ancestors: &ancestors, ..PLAIN };
        assert_eq!(first(&Case { somewhere: &[(1, 4)], ..case }), segment(2, 5));
        assert_eq!(first(&Case { growing: Some((1, 4)), ..case }), segment(1, 4));
    }

    proptest! {
        #[test]
        fn nothing_between_is_left_out(
            fork in 1_u64..8 * (16 << 20),
            held in proptest::collection::btree_set((1_u32..3, 0_u64..8), 0..10),
            slot in 0_u64..8 * (16 << 20),
        ) {
            let held: Vec<(u32, u64)> = held.into_iter().collect();
            let ancestors = [branch(1, fork)];
            let case = Case { timeline: 2, ancestors: &ancestors, somewhere: &held, everywhere: &held, growing: None, slot: Some(slot) };
            let first = first(&case).number(SIZE);
            // Every segment that the slot keeps and that lies before the first is held, on the timeline that completed it.
            let size = SIZE.bytes();
            for number in slot / size..first {
                let timeline = if (number + 1) * size <= fork { 1 } else { 2 };
                prop_assert!(held.contains(&(timeline, number)), "{number} before {first}");
            }
        }
    }
}
