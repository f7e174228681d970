//! What WAL base backups need: everything from where the oldest of them begins, whatever timeline it is on. By position within a
//! cluster, never by timeline, and one cluster says nothing of another: `pg_upgrade` begins anew at low positions.

use super::cluster::ClusterWal;
use super::object::WalObject;
use crate::base::{Lsn, SystemId, WalFile, WalSegment};
use crate::catalog::{Backup, Method};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What the base backups of one database need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalNeeds {
    clusters: BTreeMap<SystemId, ClusterNeeds>,
    /// When the oldest good one began.
    oldest_good: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ClusterNeeds {
    /// Where the first segment begins that any of them needs.
    from: Lsn,
    /// Some copy of some of them is good.
    has_good: bool,
}

/// Which WAL of a cluster need not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expendable {
    /// What ends before this position; histories stay.
    Before(Lsn),
    /// All of it: no base backup of the cluster is left, and it ended before the oldest one of another cluster began.
    All,
}

/// Why nothing can be said of what is needed, and so nothing is deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NeedsUnclear {
    /// There is no good base backup.
    #[error("there is no good base backup")]
    NoneGood,
    /// The newest base backup is not good.
    #[error("no copy of the newest base backup, {0}, is good")]
    NewestBad(String),
    /// A base backup does not say where it begins.
    #[error("base backup {0} does not say where it begins")]
    Unsaid(String),
}

impl WalNeeds {
    /// What these backups need: all copies that are kept of one database, in all storages; others than base backups are
    /// passed over. A damaged one needs its WAL, too.
    pub fn of<'a>(backups: impl IntoIterator<Item = &'a Backup>) -> Result<WalNeeds, NeedsUnclear> {
        let mut needs = WalNeeds::default();
        let mut newest: Option<(Timestamp, &str, bool)> = None;
        for backup in backups.into_iter().filter(|backup| backup.method == Method::Physical) {
            let unsaid = || NeedsUnclear::Unsaid(backup.id.to_string());
            let cluster = backup.cluster.as_ref().ok_or_else(unsaid)?;
            let system: SystemId = cluster.system_identifier.parse().map_err(|_| unsaid())?;
            let (first, _) = cluster.needed_wal();
            let from = first.start(cluster.wal_segment_bytes);
            let good = backup.is_good();
            let known = needs.clusters.entry(system).or_insert(ClusterNeeds { from, has_good: good });
            known.from = known.from.min(from);
            known.has_good |= good;
            if good {
                let oldest = needs.oldest_good.get_or_insert(backup.started_at);
                *oldest = backup.started_at.min(*oldest);
            }
            newest = Some(match newest {
                Some((at, id, was_good)) if at == backup.started_at => (at, id, was_good || good),
                Some(newer) if newer.0 > backup.started_at => newer,
                _ => (backup.started_at, backup.id.as_str(), good),
            });
        }
        match newest {
            Some((_, _, true)) => Ok(needs),
            Some((_, id, false)) => Err(NeedsUnclear::NewestBad(id.to_owned())),
            None => Err(NeedsUnclear::NoneGood),
        }
    }

    /// What of a cluster need not be kept; `None`: nothing that is known.
    pub fn expendable(&self, cluster: &ClusterWal) -> Option<Expendable> {
        match self.clusters.get(&cluster.system) {
            Some(needs) if needs.has_good => Some(Expendable::Before(needs.from)),
            Some(_) => None,
            None => {
                let newest = cluster.newest().and_then(|second| Timestamp::new(second, 0).ok())?;
                (newest < self.oldest_good?).then_some(Expendable::All)
            }
        }
    }
}

impl Expendable {
    /// True when everything that `other` means is expendable by this, too.
    pub fn includes(self, other: Expendable) -> bool {
        match (self, other) {
            (Expendable::All, _) => true,
            (Expendable::Before(_), Expendable::All) => false,
            (Expendable::Before(ours), Expendable::Before(theirs)) => theirs <= ours,
        }
    }

    /// The stored files that are meant.
    pub fn of(self, cluster: &ClusterWal) -> Vec<WalObject> {
        cluster.objects().filter(|object| self.means(object)).cloned().collect()
    }

    fn means(self, object: &WalObject) -> bool {
        let Expendable::Before(from) = self else { return true };
        let ends_before = |segment: WalSegment| segment.end(object.segment_size) <= from;
        match object.file {
            WalFile::Segment(segment) | WalFile::Partial(segment) | WalFile::BackupHistory(segment, _) => {
                ends_before(segment)
            }
            // A few bytes that say where timelines came from: PostgreSQL counts through them, one after the other.
            WalFile::History(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::{BackupId, SegmentSize, Timeline};
    use crate::catalog::wal::{WalDigest, WalPosition, sample};
    use proptest::prelude::*;

    const SIZE: SegmentSize = SegmentSize::DEFAULT;

    fn base(system: u64, day: i64, timeline: u32, start: u64, is_good: bool) -> Backup {
        let at = Timestamp::new(day * 86_400, 0).unwrap();
        let mut backup = sample::base(system, timeline, 0);
        backup.id = BackupId::new(at, 7);
        (backup.started_at, backup.finished_at) = (at, at);
        if let Some(cluster) = &mut backup.cluster {
            (cluster.start_lsn, cluster.stop_lsn) = (Lsn(start), Lsn(start + 100));
        }
        if !is_good {
            backup.missing.push("x".to_owned());
        }
        backup
    }

    fn file(system: u64, file: WalFile, day: i64) -> WalObject {
        WalObject {
            system: SystemId(system),
            file,
            digest: WalDigest::of(b""),
            segment_size: SIZE,
            layers: Vec::new(),
            stored_bytes: 1,
            modified: day * 86_400,
            etag: String::new(),
            class: Default::default(),
        }
    }

    fn segment(timeline: u32, number: u64) -> WalFile {
        WalFile::Segment(WalSegment::numbered(Timeline(timeline), number, SIZE))
    }

    #[test]
    fn a_cluster_that_was_upgraded_loses_its_wal_with_its_last_base_backup() {
        let old =
            || ClusterWal::of([file(1, segment(4, 900), 10), file(1, WalFile::History(Timeline(4)), 9)]).remove(0);
        let new = ClusterWal::of([file(2, segment(1, 3), 11)]).remove(0);
        // The new cluster begins at a low position of the first timeline: that says nothing of it.
        let both = WalNeeds::of(&[base(1, 8, 4, 800 << 24, true), base(2, 11, 1, 3 << 24, true)]).unwrap();
        assert_eq!(both.expendable(&old()), Some(Expendable::Before(Lsn(800 << 24))));
        assert_eq!(both.expendable(&new), Some(Expendable::Before(Lsn(3 << 24))));
        let one = WalNeeds::of(&[base(2, 11, 1, 3 << 24, true)]).unwrap();
        assert_eq!(one.expendable(&old()), Some(Expendable::All));
        assert_eq!(Expendable::All.of(&old()).len(), 2);
        // What was archived since then waits for its first base backup.
        let newer = ClusterWal::of([file(3, segment(1, 1), 12)]).remove(0);
        assert_eq!(one.expendable(&newer), None);
    }

    #[test]
    fn nothing_goes_while_nothing_is_known() {
        assert_eq!(WalNeeds::of(&[]), Err(NeedsUnclear::NoneGood));
        let bad = WalNeeds::of(&[base(1, 8, 1, 1 << 24, true), base(1, 9, 1, 9 << 24, false)]);
        assert!(matches!(bad, Err(NeedsUnclear::NewestBad(_))));
        let silent = Backup { cluster: None, ..base(1, 9, 1, 9 << 24, true) };
        assert!(matches!(WalNeeds::of(&[silent]), Err(NeedsUnclear::Unsaid(_))));
        // One storage has it whole.
        let copies = [base(1, 9, 1, 9 << 24, false), base(1, 9, 1, 9 << 24, true)];
        assert!(WalNeeds::of(&copies).is_ok());
    }

    proptest! {
        #[test]
        fn what_a_kept_base_backup_reaches_it_reaches_still(
            bases in proptest::collection::vec((1_i64..30, 0_u64..12, any::<bool>()), 1..5),
            held in proptest::collection::btree_set((1_u32..3, 0_u64..14), 0..25),
        ) {
            let bases: Vec<Backup> =
                bases.into_iter().map(|(day, number, good)| base(1, day, 1, (number << 24) + 40, good)).collect();
            let mut before = ClusterWal::of(
                held.iter().map(|(timeline, number)| file(1, segment(*timeline, *number), 1))
                    .chain([file(1, WalFile::History(Timeline(2)), 1)]),
            ).remove(0);
            let Ok(needs) = WalNeeds::of(&bases) else { return Ok(()) };
            let Some(expendable) = needs.expendable(&before) else { return Ok(()) };
            let gone = expendable.of(&before);
            let stays: Vec<WalObject> = before.objects().filter(|object| !gone.contains(object)).cloned().collect();
            let mut after = ClusterWal::of(stays).remove(0);
            let history = crate::catalog::wal::History::read(Timeline(2), "1\t0/C000100\tpromoted").unwrap();
            before.learn(history.clone());
            after.learn(history);
            for base in &bases {
                let from = WalPosition { timeline: Timeline(1), lsn: base.cluster.as_ref().unwrap().start_lsn };
                for timeline in [1, 2] {
                    let (was, is) = (before.reach(from, Timeline(timeline)), after.reach(from, Timeline(timeline)));
                    prop_assert_eq!(was, is);
                }
            }
        }
    }
}
