//! WAL that was given up on purpose: a storage was away, the spool was full, and the policy says to go on.

use super::cluster::ClusterWal;
use super::coverage::WalPosition;
use super::span::WalSpan;
use crate::base::{SegmentSize, WalSegment};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A stretch of segments that one storage will never get from the server. Another storage may have them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// Version of the repository format.
    pub format: u32,
    /// The database entry.
    pub database: String,
    /// Whose WAL it is.
    pub system_identifier: String,
    /// The storage that was away.
    pub storage: String,
    /// The first segment.
    pub first: WalSegment,
    /// The last one; of the same timeline.
    pub last: WalSegment,
    /// Length of the cluster's segments in bytes.
    pub segment_bytes: SegmentSize,
    /// When the first was given up.
    pub began: Timestamp,
    /// When the last was.
    pub ended: Timestamp,
    /// How much the spool may hold, in bytes.
    pub spool_bytes: u64,
}

impl GivenUp {
    /// The same with one segment more, if that is the one that follows.
    pub fn with(&self, segment: WalSegment, now: Timestamp) -> Option<GivenUp> {
        let follows = self.last.next(self.segment_bytes) == segment;
        follows.then(|| GivenUp { last: segment, ended: now.max(self.began), ..self.clone() })
    }

    /// The stretch.
    pub fn span(&self) -> WalSpan {
        let (start, end) = (self.first.start(self.segment_bytes), self.last.end(self.segment_bytes));
        WalSpan { timeline: self.first.timeline, start, end }
    }

    /// How many segments it is.
    pub fn segments(&self) -> u64 {
        let number = |segment: WalSegment| segment.number(self.segment_bytes);
        number(self.last).saturating_sub(number(self.first)) + 1
    }
}

impl ClusterWal {
    /// By when the last WAL before a position was written, which was stored by then. What waits in a spool is stored late: where
    /// the next segment was given up, it was written before that.
    pub(super) fn written_by(&self, before: WalPosition, stored: Timestamp) -> Timestamp {
        let next = self.given_up.iter().filter(|record| {
            record.first.timeline == before.timeline && record.first.start(record.segment_bytes) == before.lsn
        });
        next.map(|record| record.began).fold(stored, Timestamp::min)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::Timeline;

    #[test]
    fn a_stretch_grows_by_what_follows_and_by_nothing_else() {
        let segment = |timeline, number| WalSegment::numbered(Timeline(timeline), number, SegmentSize::DEFAULT);
        let one = GivenUp {
            format: 1,
            database: "main".to_owned(),
            system_identifier: "7".to_owned(),
            storage: "far".to_owned(),
            first: segment(1, 255),
            last: segment(1, 255),
            segment_bytes: SegmentSize::DEFAULT,
            began: Timestamp::UNIX_EPOCH,
            ended: Timestamp::UNIX_EPOCH,
            spool_bytes: 7,
        };
        let later = Timestamp::from_second(60).unwrap();
        let two = one.with(segment(1, 256), later).unwrap();
        assert_eq!((two.segments(), two.last, two.ended, two.began), (2, segment(1, 256), later, one.began));
        for other in [segment(1, 256), segment(1, 258), segment(2, 257), segment(1, 1)] {
            assert_eq!(two.with(other, later), None, "{other}");
        }
        let read: GivenUp = serde_json::from_str(&serde_json::to_string(&two).unwrap()).unwrap();
        assert_eq!(read, two);
    }
}
