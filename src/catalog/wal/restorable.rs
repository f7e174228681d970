//! What of a database can be restored to any moment, from all base backups and all archived WAL that is known.

use super::cluster::ClusterWal;
use super::coverage::{Ranges, WalPosition};
use super::gap::{SETTLED_AFTER, Settling, WalGap, gaps};
use super::window::{GoodBase, Window, windows};
use crate::base::{Period, SegmentSize, SystemId, Timeline};
use jiff::Timestamp;
use std::fmt;

/// What can be restored to any moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restorable {
    /// The windows of every cluster that the database was, the oldest first.
    pub windows: Vec<Window>,
    /// What is missing between them, by cluster, timeline and position.
    pub gaps: Vec<WalGap>,
    /// Where the newest WAL ends; `None`: none is archived.
    pub head: Option<Head>,
    /// Why no base backup leads to the newest WAL, though it lies there for good.
    pub cut: Option<Cut>,
}

/// The end of the newest WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The cluster.
    pub system: SystemId,
    /// Where it ends.
    pub at: WalPosition,
    /// Length of its segments.
    pub segment_size: SegmentSize,
    /// When its newest segment was stored.
    pub stored_at: Timestamp,
}

/// What keeps every base backup from the newest WAL, so that nothing newer can be restored before another one is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// WAL is missing.
    Gap(Box<WalGap>),
    /// No base backup leads to the timeline.
    Timeline(Timeline),
    /// The WAL is of a cluster that has no base backup.
    Cluster(SystemId),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, after) = match self {
            Cut::Gap(gap) => {
                let (start, end) = (gap.span.start, gap.span.end);
                (format!("WAL is missing from {start} to {end} of timeline {}", gap.span.timeline.0), "after it")
            }
            Cut::Timeline(timeline) => (format!("no base backup leads to timeline {}", timeline.0), "on it"),
            Cut::Cluster(system) => {
                (format!("the server is another cluster, {system}, without a base backup"), "of it")
            }
        };
        write!(f, "{what}: moments {after} are restorable only from a new base backup")
    }
}

/// What can be restored from these base backups and archives; `clusters` each with all that any storage holds of it.
pub fn restorable(clusters: &[ClusterWal], bases: &[GoodBase<'_>], settling: &Settling<'_>) -> Restorable {
    let mut found = Restorable::default();
    for wal in clusters {
        let held = Ranges::of(wal);
        let own = windows(wal, &held, bases);
        found.gaps.extend(gaps(wal, &held, bases, &own, settling));
        found.windows.extend(own);
        let head = wal.head();
        found.head = found.head.into_iter().chain(head).max_by_key(|head| head.stored_at);
    }
    // A cluster of which nothing is archived has its base backups.
    for base in bases.iter().filter(|base| clusters.iter().all(|wal| wal.system != base.system)) {
        found.windows.push(Window {
            system: base.system,
            bases: vec![base.id.clone()],
            from: base.consistent(),
            from_at: base.finished_at,
            until: base.consistent(),
            until_at: base.finished_at,
        });
    }
    found.windows.sort_by_key(|window| window.from_at);
    found.cut = found.cut(clusters, bases, settling);
    found
}

impl Restorable {
    /// The last moment that can be restored.
    pub fn newest(&self) -> Option<Timestamp> {
        self.windows.iter().map(|window| window.until_at).max()
    }

    /// The first moment that can be restored.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.windows.iter().map(|window| window.from_at).min()
    }

    /// True when some base backup leads to the end of the newest WAL.
    pub fn reaches_head(&self) -> bool {
        let Some(head) = self.head else { return false };
        self.windows.iter().any(|window| window.system == head.system && window.until == head.at)
    }

    fn cut(&self, clusters: &[ClusterWal], bases: &[GoodBase<'_>], settling: &Settling<'_>) -> Option<Cut> {
        let head = self.head.filter(|_| settling.is_whole && !self.reaches_head())?;
        let newest = bases.iter().max_by_key(|base| base.started_at)?;
        let theirs: Vec<&GoodBase<'_>> = bases.iter().filter(|base| base.system == head.system).collect();
        if theirs.is_empty() {
            return (newest.started_at < head.stored_at).then_some(Cut::Cluster(head.system));
        }
        let wal = clusters.iter().find(|wal| wal.system == head.system)?;
        let leads = |base: &&GoodBase<'_>| wal.comes_by(base.consistent(), head.at);
        if !theirs.iter().any(leads) {
            // One that was just taken may be ahead of what is archived.
            let is_ahead = |base: &&GoodBase<'_>| wal.comes_by(head.at, base.consistent());
            let is_old = Period::between(head.stored_at, settling.now) > SETTLED_AFTER;
            return (is_old && !theirs.iter().any(is_ahead)).then_some(Cut::Timeline(head.at.timeline));
        }
        let on_the_way = |gap: &&WalGap| {
            let end = WalPosition { timeline: gap.span.timeline, lsn: gap.span.end };
            gap.system == head.system && gap.is_open() && wal.comes_by(end, head.at)
        };
        self.gaps.iter().rfind(on_the_way).map(|gap| Cut::Gap(Box::new(gap.clone())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::super::sample::{SIZE, archive, base, moment};
    use super::*;
    use crate::base::{Lsn, WalSegment};
    use crate::catalog::Backup;
    use crate::catalog::wal::{WalSpan, good_bases};
    use jiff::SignedDuration;
    use proptest::prelude::*;

    fn judged(clusters: &[ClusterWal], backups: &[Backup], now: Timestamp) -> Restorable {
        restorable(
            clusters,
            &good_bases(backups),
            &Settling { now, archived: None, given_up: &[], is_whole: true, may_wait: false },
        )
    }

    fn later(number: u64) -> Timestamp {
        moment(number) + SignedDuration::from_hours(2)
    }

    #[test]
    fn a_gap_is_open_until_a_base_backup_began_after_it() {
        let wal = [archive(7, [(1, 3), (1, 4), (1, 6), (1, 7)], &[])];
        let found = judged(&wal, &[base(7, 1, 2)], later(7));
        assert_eq!(found.gaps.len(), 1, "{found:#?}");
        let gap = &found.gaps[0];
        assert_eq!((gap.first.to_string().as_str(), gap.n_segments), ("000000010000000000000005", 1));
        assert_eq!((gap.lost_from, gap.lost_until), (Some(moment(4)), None));
        assert!(gap.is_open() && !found.reaches_head());
        let cut = found.cut.unwrap().to_string();
        assert_eq!(
            cut,
            "WAL is missing from 0/5000000 to 0/6000000 of timeline 1: moments after it are restorable only from a new base \
             backup"
        );
        // One that brings the missing segment along does it, too.
        for number in [5, 6] {
            let closed = judged(&wal, &[base(7, 1, 2), base(7, 1, number)], later(7));
            assert_eq!(closed.gaps.len(), 1, "{closed:#?}");
            let gap = &closed.gaps[0];
            assert_eq!((gap.lost_from, gap.lost_until), (Some(moment(4)), Some(moment(number))));
            assert!(!gap.is_open() && closed.cut.is_none() && closed.reaches_head());
            assert_eq!(closed.windows.len(), 2);
            assert_eq!((closed.oldest(), closed.newest()), (Some(moment(2)), Some(moment(7))));
        }
        // Before the oldest base backup nothing is needed.
        assert_eq!(judged(&wal, &[base(7, 1, 6)], later(7)).gaps, []);
        assert_eq!(judged(&wal, &[], later(7)).cut, None);
    }

    #[test]
    fn what_may_be_on_its_way_is_no_loss_yet() {
        let wal = [archive(7, [(1, 3), (1, 4), (1, 6), (1, 7)], &[])];
        let bases = [base(7, 1, 2)];
        let soon = moment(6) + SignedDuration::from_mins(60);
        let found = judged(&wal, &bases, soon);
        assert!(found.cut.is_none() && found.gaps.len() == 1 && !found.gaps[0].is_settled, "{found:#?}");
        assert!(judged(&wal, &bases, soon + SignedDuration::from_secs(1)).cut.is_some());
        // The server says that it has archived it, or one before it.
        let said = |number| Settling {
            now: soon,
            archived: Some((SystemId(7), WalSegment::numbered(Timeline(1), number, SIZE))),
            given_up: &[],
            is_whole: true,
            may_wait: false,
        };
        assert!(restorable(&wal, &good_bases(&bases), &said(5)).cut.is_some());
        assert!(restorable(&wal, &good_bases(&bases), &said(4)).cut.is_none());
        // Where it may wait in a spool, not before a while.
        let waits =
            |minutes| Settling { may_wait: true, now: moment(6) + SignedDuration::from_mins(minutes), ..said(5) };
        assert!(restorable(&wal, &good_bases(&bases), &waits(10)).cut.is_none());
        assert!(restorable(&wal, &good_bases(&bases), &waits(11)).cut.is_some());
        // Whoever archives gave it up.
        let span = WalSpan { timeline: Timeline(1), start: Lsn(5 * SIZE.bytes()), end: Lsn(6 * SIZE.bytes()) };
        let given_up = [(SystemId(7), span)];
        let settling = Settling { now: soon, archived: None, given_up: &given_up, is_whole: true, may_wait: false };
        assert!(restorable(&wal, &good_bases(&bases), &settling).cut.is_some());
        // It may lie in a storage that cannot be read.
        let settling =
            Settling { now: later(7), archived: None, given_up: &given_up, is_whole: false, may_wait: false };
        assert!(restorable(&wal, &good_bases(&bases), &settling).cut.is_none());
        // So many are never archived unasked.
        let ahead = |n: u64| judged(&[archive(7, [(1, 3), (1, 5 + n)], &[])], &[base(7, 1, 2)], moment(0)).cut;
        assert!(ahead(63).is_none() && ahead(64).is_some());
    }

    #[test]
    fn another_cluster_or_timeline_without_a_base_backup_is_cut_off() {
        let old = archive(7, [(1, 3), (1, 4)], &[]);
        let new = archive(8, [(1, 5), (1, 6)], &[]);
        let both = [old.clone(), new];
        let cut = judged(&both, &[base(7, 1, 2)], later(6)).cut;
        assert_eq!(cut, Some(Cut::Cluster(SystemId(8))));
        let found = judged(&both, &[base(7, 1, 2), base(8, 1, 5)], later(6));
        assert!(found.cut.is_none() && found.windows.len() == 2 && found.reaches_head());
        // Its history is missing, so that nobody knows where it came from.
        let unknown = [archive(7, [(1, 3), (1, 4), (2, 5)], &[])];
        assert_eq!(judged(&unknown, &[base(7, 1, 2)], later(6)).cut, Some(Cut::Timeline(Timeline(2))));
        assert_eq!(judged(&unknown, &[base(7, 1, 2)], moment(5)).cut, None);
        // A base backup that was just taken is ahead of what is archived.
        assert_eq!(judged(&[old], &[base(7, 1, 9)], later(9)).cut, None);
    }

    proptest! {
        #[test]
        fn only_a_base_backup_after_the_last_gap_leads_to_the_newest_wal(
            held in proptest::collection::btree_set(1_u64..12, 1..11),
            bases in proptest::collection::btree_set(0_u64..12, 1..4),
        ) {
            let last = *held.last().unwrap();
            let wal = [archive(7, held.iter().map(|number| (1, *number)), &[])];
            let backups: Vec<Backup> = bases.iter().map(|number| base(7, 1, *number)).collect();
            let found = judged(&wal, &backups, later(20));
            let leads = |base: &u64| *base <= last && (base + 1..=last).all(|number| held.contains(&number));
            // One in the last segment itself needs nothing else; one beyond it is ahead of the archive.
            let is_reached = bases.iter().any(leads);
            let is_ahead = bases.iter().any(|base| *base > last);
            prop_assert_eq!(found.cut.is_none(), is_reached || is_ahead, "{:#?}", found);
            for gap in &found.gaps {
                prop_assert!(!held.contains(&gap.first.number(SIZE)) && !held.contains(&gap.last.number(SIZE)));
                prop_assert_eq!(gap.closed_by.is_some(), gap.lost_until.is_some());
            }
            // With one more base backup now, nothing is cut off: it is asked for once.
            let mut more = backups;
            more.push(base(7, 1, last));
            prop_assert!(judged(&wal, &more, later(20)).cut.is_none());
        }
    }
}
