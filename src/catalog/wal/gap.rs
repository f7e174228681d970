//! WAL that is missing between what is archived, and what that cuts off.

use super::cluster::ClusterWal;
use super::coverage::{NotCovered, Ranges, WalPosition};
use super::span::{Bounds, WalSpan, merged};
use super::window::{GoodBase, Window};
use crate::base::{BackupId, Lsn, Period, SegmentSize, SystemId, Timeline, WalFile, WalSegment};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The most files that are archived before the one that PostgreSQL asked for.
pub const READ_AHEAD: u32 = 64;

/// How long the segment after a missing one must have been there before the missing one is given up.
pub const SETTLED_AFTER: Period = Period::hours(1);

/// The same where WAL may wait in a spool, so that a server calls archived what no storage has yet.
const SPOOLED_AFTER: Period = Period::minutes(10);

/// WAL that is missing and that recovery from some base backup needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalGap {
    /// The cluster.
    pub system: SystemId,
    /// What is missing.
    pub span: WalSpan,
    /// The first segment that is missing.
    pub first: WalSegment,
    /// The last one.
    pub last: WalSegment,
    /// How many there are.
    pub n_segments: u64,
    /// The last moment before it that can be restored.
    pub lost_from: Option<Timestamp>,
    /// The first one after it; `None`: nothing after it can be restored.
    pub lost_until: Option<Timestamp>,
    /// It does not come any more, not all of it.
    pub is_settled: bool,
    /// The first base backup that began after it.
    pub closed_by: Option<BackupId>,
}

impl WalGap {
    /// Moments after it are out of reach until a base backup is taken.
    pub fn is_open(&self) -> bool {
        self.is_settled && self.closed_by.is_none()
    }
}

/// What tells that a missing segment does not come any more. Segments are stored several at a time and out of order.
#[derive(Debug, Clone, Copy)]
pub struct Settling<'a> {
    /// The moment of the question.
    pub now: Timestamp,
    /// The last segment that a server says it has archived, and of which cluster.
    pub archived: Option<(SystemId, WalSegment)>,
    /// What is known to be lost, because whoever archives gave it up.
    pub given_up: &'a [(SystemId, WalSpan)],
    /// Every storage of the archive could be read.
    pub is_whole: bool,
    /// What the server archived may wait in a spool.
    pub may_wait: bool,
}

/// What is missing of a cluster's WAL after some base backup, by timeline and position.
pub(super) fn gaps(
    wal: &ClusterWal,
    held: &Ranges<'_>,
    bases: &[GoodBase<'_>],
    windows: &[Window],
    settling: &Settling<'_>,
) -> Vec<WalGap> {
    let Some(size) = wal.objects().map(|object| object.segment_size).next() else { return Vec::new() };
    let bases: Vec<&GoodBase<'_>> = bases.iter().filter(|base| base.system == wal.system).collect();
    missing(wal, held, &bases).into_iter().map(|span| gap(wal, size, span, &bases, windows, settling)).collect()
}

/// What lacks on the ways from the base backups to the last segment of each timeline.
fn missing(wal: &ClusterWal, held: &Ranges<'_>, bases: &[&GoodBase<'_>]) -> Vec<WalSpan> {
    let mut all: BTreeMap<Timeline, Vec<Bounds>> = BTreeMap::new();
    for timeline in wal.timelines() {
        let Some(lsn) = held.end(timeline) else { continue };
        let end = WalPosition { timeline, lsn };
        for base in bases {
            let found = match held.covers(base.needs_from(), end) {
                Err(NotCovered::Elsewhere { .. }) => held.covers(base.consistent(), end),
                found => found,
            };
            if let Err(NotCovered::Missing(spans)) = found {
                spans.iter().for_each(|span| all.entry(span.timeline).or_default().push((span.start, span.end)));
            }
        }
    }
    let spans = all.into_iter().flat_map(|(timeline, bounds)| {
        merged(bounds).into_iter().map(move |(start, end)| WalSpan { timeline, start, end })
    });
    spans.collect()
}

fn gap(
    wal: &ClusterWal,
    size: SegmentSize,
    span: WalSpan,
    bases: &[&GoodBase<'_>],
    windows: &[Window],
    settling: &Settling<'_>,
) -> WalGap {
    let at = |lsn: Lsn| WalPosition { timeline: span.timeline, lsn };
    let after = bases.iter().filter(|base| wal.comes_by(at(span.end), base.needs_from()));
    let closing = after.min_by_key(|base| base.consistent().lsn);
    let left = windows.iter().filter(|window| window.system == wal.system);
    let left = left.filter(|window| wal.comes_by(window.until, at(span.start)));
    let (first, last) =
        (WalSegment::at(span.timeline, span.start, size), WalSegment::ending_at(span.timeline, span.end, size));
    let gap = WalGap {
        system: wal.system,
        span,
        first,
        last,
        n_segments: last.number(size).saturating_sub(first.number(size)) + 1,
        lost_from: left.map(|window| window.until_at).max(),
        lost_until: closing.map(|base| base.finished_at),
        is_settled: false,
        closed_by: closing.map(|base| base.id.clone()),
    };
    let is_settled = settling.is_whole && settling.has_given_up(wal, size, &gap);
    WalGap { is_settled, ..gap }
}

impl Settling<'_> {
    fn has_given_up(&self, wal: &ClusterWal, size: SegmentSize, gap: &WalGap) -> bool {
        let is_it = |(system, span): &(SystemId, WalSpan)| {
            *system == gap.system
                && span.timeline == gap.span.timeline
                && span.start < gap.span.end
                && gap.span.start < span.end
        };
        let is_archived = |(system, segment): (SystemId, WalSegment)| {
            system == gap.system && segment.timeline == gap.first.timeline && segment >= gap.first
        };
        if self.given_up.iter().any(is_it) {
            return true;
        }
        // PostgreSQL asks for one after the other, so what is further ahead than is archived unasked was asked for.
        let first = gap.first.number(size);
        let (mut is_passed, mut successor) = (self.archived.is_some_and(is_archived), None::<(u64, i64)>);
        for (file, objects) in &wal.files {
            let WalFile::Segment(segment) = file else { continue };
            let Some(stored) = objects.iter().map(|object| object.modified).min() else { continue };
            let number = segment.number(size);
            if segment.timeline < gap.span.timeline || segment.start(size) < gap.span.end {
                continue;
            }
            is_passed |= segment.timeline == gap.span.timeline && number > first.saturating_add(u64::from(READ_AHEAD));
            successor = Some(successor.map_or((number, stored), |known| known.min((number, stored))));
        }
        let stored = successor.and_then(|(_, stored)| Timestamp::from_second(stored).ok());
        let Some(age) = stored.map(|stored| Period::between(stored, self.now)) else { return is_passed };
        let is_soon = self.may_wait && age <= SPOOLED_AFTER;
        age > SETTLED_AFTER || (is_passed && !is_soon)
    }
}
