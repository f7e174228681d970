//! Stretches of a cluster's life to any moment of which it can be restored: from where a base backup is consistent to where
//! archived WAL ends or is missing.
//!
//! Positions are exact. Of time only this is known: when a base backup was finished, and when the last segment was stored. What
//! was written before a segment was stored may be in the next one, so that the last moments of a window are not in it when
//! segments arrive late.

use super::cluster::ClusterWal;
use super::coverage::{NotCovered, Ranges, WalPosition};
use super::restorable::Head;
use crate::base::{BackupId, Lsn, SystemId, Timeline, WalFile, WalSegment};
use crate::catalog::{Backup, Cluster, Method, WalOfBackup};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A base backup with a good copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoodBase<'a> {
    /// Its id.
    pub id: &'a BackupId,
    /// Whose it is.
    pub system: SystemId,
    /// What it says of the cluster.
    pub cluster: &'a Cluster,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it was finished.
    pub finished_at: Timestamp,
}

/// A stretch to any moment of which a cluster can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The cluster.
    pub system: SystemId,
    /// The base backups that recovery to a moment in it may begin with, the oldest first; at least one.
    pub bases: Vec<BackupId>,
    /// Where the oldest of them is consistent.
    pub from: WalPosition,
    /// When that one was finished.
    pub from_at: Timestamp,
    /// The first byte that recovery does not get.
    pub until: WalPosition,
    /// When the last segment before that was stored, or the next one given up if that was before, or the newest base backup
    /// finished, whichever is later.
    pub until_at: Timestamp,
}

/// The base backups of which some copy is good, each once, the oldest first.
pub fn good_bases<'a>(backups: impl IntoIterator<Item = &'a Backup>) -> Vec<GoodBase<'a>> {
    let mut bases: BTreeMap<(Timestamp, &BackupId), GoodBase<'a>> = BTreeMap::new();
    for backup in backups.into_iter().filter(|backup| backup.method == Method::Physical && backup.is_good()) {
        let Some(cluster) = &backup.cluster else { continue };
        let Ok(system) = cluster.system_identifier.parse() else { continue };
        let (id, started_at, finished_at) = (&backup.id, backup.started_at, backup.finished_at);
        bases.entry((started_at, id)).or_insert(GoodBase { id, system, cluster, started_at, finished_at });
    }
    bases.into_values().collect()
}

impl GoodBase<'_> {
    /// Where it is consistent.
    pub(super) fn consistent(&self) -> WalPosition {
        WalPosition { timeline: self.cluster.timeline, lsn: self.cluster.stop_lsn }
    }

    /// Where it needs the archive from: it has the segments up to its end itself.
    pub(super) fn needs_from(&self) -> WalPosition {
        let end = self.cluster.needed_wal().1.end(self.cluster.wal_segment_bytes);
        WalPosition { timeline: self.cluster.timeline, lsn: end }
    }

    /// How far the archive leads along a timeline.
    fn reach(&self, wal: &ClusterWal, held: &Ranges<'_>, timeline: Timeline) -> Result<WalPosition, NotCovered> {
        if self.cluster.wal == WalOfBackup::Archived {
            let start = WalPosition { lsn: self.cluster.start_lsn, ..self.consistent() };
            held.covers(start, self.consistent())?;
        }
        // A timeline may branch off in the very segment that the backup ends in.
        let near = held.reach(self.consistent(), timeline)?;
        Ok(match held.reach(self.needs_from(), timeline) {
            Ok(far) if wal.comes_by(near, far) => far,
            _ => near,
        })
    }
}

/// The windows of a cluster, the oldest first; those that are part of another are left out. `bases` are of this cluster.
pub(super) fn windows(wal: &ClusterWal, held: &Ranges<'_>, bases: &[GoodBase<'_>]) -> Vec<Window> {
    // Whoever ends at the same byte is in the same window.
    let mut found: Vec<Window> = Vec::new();
    let timelines = wal.timelines();
    for base in bases.iter().filter(|base| base.system == wal.system) {
        let mut goals = timelines.clone();
        goals.insert(base.cluster.timeline);
        for goal in goals {
            let Ok(end) = base.reach(wal, held, goal) else { continue };
            let stored = stored_before(wal, base.consistent(), end);
            // The backup's own copy of its last segment is no WAL that was archived.
            let until = if stored.is_some() { end } else { base.consistent() };
            let written = stored.map(|at| wal.written_by(end, at));
            let until_at = written.map_or(base.finished_at, |at| at.max(base.finished_at));
            match found.iter_mut().find(|window| window.until == until) {
                Some(window) => window.add(base, until_at),
                None => found.push(Window {
                    system: wal.system,
                    bases: vec![base.id.clone()],
                    from: base.consistent(),
                    from_at: base.finished_at,
                    until,
                    until_at,
                }),
            }
        }
    }
    let is_part = |one: &Window, other: &Window| {
        one.until != other.until && wal.comes_by(one.until, other.until) && wal.comes_by(other.from, one.from)
    };
    let parts: Vec<bool> = found.iter().map(|one| found.iter().any(|other| is_part(one, other))).collect();
    let mut windows: Vec<Window> = found.into_iter().zip(parts).filter(|(_, part)| !part).map(|(w, _)| w).collect();
    windows.sort_by_key(|window| (window.from_at, window.until.timeline, window.until.lsn));
    windows
}

impl Window {
    fn add(&mut self, base: &GoodBase<'_>, until_at: Timestamp) {
        if !self.bases.contains(base.id) {
            self.bases.push(base.id.clone());
        }
        if base.consistent().lsn < self.from.lsn {
            (self.from, self.from_at) = (base.consistent(), base.finished_at);
        }
        self.until_at = self.until_at.max(until_at);
    }
}

/// When the last segment before a position was stored first, if one after the other position was.
fn stored_before(wal: &ClusterWal, after: WalPosition, before: WalPosition) -> Option<Timestamp> {
    let held = |(file, objects): (&WalFile, &Vec<super::WalObject>)| {
        let WalFile::Segment(segment) = file else { return None };
        let size = objects.first()?.segment_size;
        let (start, end) = (segment.start(size), segment.end(size));
        let is_between = after.timeline <= segment.timeline && segment.timeline <= before.timeline;
        let is_meant = is_between && start < before.lsn && end > after.lsn;
        let at = objects.iter().map(|object| object.modified).min()?;
        is_meant.then_some(((segment.timeline == before.timeline, start), at))
    };
    let size = wal.files.values().flatten().next()?.segment_size;
    let last = WalFile::Segment(WalSegment::ending_at(before.timeline, before.lsn, size));
    let at_once = wal.files.get_key_value(&last).and_then(held);
    let (_, at) = at_once.or_else(|| wal.files.iter().filter_map(held).max_by_key(|(place, _)| *place))?;
    Timestamp::from_second(at).ok()
}

impl ClusterWal {
    /// Everything that several archives hold of one database, by cluster; the same content in two of them is one, as old as the
    /// older.
    pub fn together<'a>(archives: impl IntoIterator<Item = &'a ClusterWal>) -> Vec<ClusterWal> {
        let mut all: BTreeMap<SystemId, ClusterWal> = BTreeMap::new();
        for archive in archives {
            let system = archive.system;
            let empty =
                || ClusterWal { system, files: BTreeMap::new(), histories: BTreeMap::new(), given_up: Vec::new() };
            let cluster = all.entry(system).or_insert_with(empty);
            archive.histories().for_each(|history| cluster.learn(history.clone()));
            cluster.given_up.extend(archive.given_up.iter().cloned());
            for object in archive.objects() {
                let known = cluster.files.entry(object.file).or_default();
                match known.iter_mut().find(|other| other.digest == object.digest) {
                    Some(other) if other.modified <= object.modified => {}
                    Some(other) => *other = object.clone(),
                    None => known.push(object.clone()),
                }
            }
        }
        all.into_values().collect()
    }

    /// The timeline of the segment that was stored first at or after a time, seconds since 1970.
    pub(super) fn stored_from(&self, time: i64) -> Option<Timeline> {
        let first = |(file, objects): (&WalFile, &Vec<super::WalObject>)| {
            let WalFile::Segment(segment) = file else { return None };
            let at = objects.iter().map(|object| object.modified).min().filter(|at| *at >= time)?;
            Some((at, *segment))
        };
        self.files.iter().filter_map(first).min().map(|(_, segment)| segment.timeline)
    }

    /// Where the newest WAL ends, and when it was stored: on the timeline that a segment was stored of last.
    pub(super) fn head(&self) -> Option<Head> {
        let stored = |(file, objects): (&WalFile, &Vec<super::WalObject>)| {
            let WalFile::Segment(segment) = file else { return None };
            let first = objects.iter().min_by_key(|object| object.modified)?;
            Some((*segment, first.segment_size, first.modified))
        };
        let all = || self.files.iter().filter_map(stored);
        let (newest, segment_size, stored) = all().max_by_key(|(segment, _, at)| (*at, *segment))?;
        let on_it = all().filter(|(segment, ..)| segment.timeline == newest.timeline);
        let lsn = on_it.map(|(segment, size, _)| segment.end(size)).fold(Lsn(0), Lsn::max);
        Some(Head {
            system: self.system,
            at: WalPosition { timeline: newest.timeline, lsn },
            segment_size,
            stored_at: Timestamp::from_second(stored).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::super::sample::{SIZE, archive, base, moment};
    use super::*;
    use proptest::prelude::*;

    fn seen(wal: &ClusterWal, backups: &[Backup]) -> Vec<(u64, Timestamp, u32, u64, Timestamp, usize)> {
        let windows = windows(wal, &Ranges::of(wal), &good_bases(backups));
        let numbers = |window: Window| {
            let (from, until) = (window.from.lsn.0 / SIZE.bytes(), window.until.lsn.0.div_ceil(SIZE.bytes()));
            (from, window.from_at, window.until.timeline.0, until, window.until_at, window.bases.len())
        };
        windows.into_iter().map(numbers).collect()
    }

    #[test]
    fn a_window_goes_from_a_base_backup_to_the_first_missing_segment() {
        let wal = archive(7, [(1, 3), (1, 4), (1, 5), (1, 7), (1, 8), (1, 9)], &[]);
        let at = moment;
        // The second base backup is in the first one's window; the third begins another one.
        let bases = [base(7, 1, 2), base(7, 1, 4), base(7, 1, 7)];
        assert_eq!(seen(&wal, &bases), [(2, at(2), 1, 6, at(5), 2), (7, at(7), 1, 10, at(9), 1)]);
        // What nothing leads on from can be restored to its own moment.
        assert_eq!(seen(&wal, &[base(7, 1, 12)]), [(12, at(12), 1, 13, at(12), 1)]);
        assert_eq!(seen(&wal, &[base(8, 1, 2)]), []);
        let damaged = Backup { missing: vec!["x".to_owned()], ..base(7, 1, 2) };
        assert_eq!(seen(&wal, &[damaged]), []);
    }

    #[test]
    fn what_waited_in_a_spool_was_written_before_the_next_was_given_up() {
        let mut wal = archive(7, [(1, 3), (1, 4), (1, 5), (1, 8)], &[]);
        for objects in wal.files.values_mut() {
            objects[0].modified += 1000;
        }
        let late = |second: u64| Timestamp::from_second(moment(second).as_second() + 1000).unwrap();
        assert_eq!(seen(&wal, &[base(7, 1, 2)]), [(2, moment(2), 1, 6, late(5), 1)]);
        let segment = |number| WalSegment::numbered(Timeline(1), number, SIZE);
        wal.given_up = vec![super::super::GivenUp {
            format: 1,
            database: "app".to_owned(),
            system_identifier: "7".to_owned(),
            storage: "far".to_owned(),
            first: segment(6),
            last: segment(7),
            segment_bytes: SIZE,
            began: moment(6),
            ended: moment(7),
            spool_bytes: 1,
        }];
        assert_eq!(seen(&wal, &[base(7, 1, 2)]), [(2, moment(2), 1, 6, moment(6), 1)]);
        // Several archives know it together.
        let both = ClusterWal::together([&archive(7, [(1, 3)], &[]), &wal]).remove(0);
        assert_eq!(seen(&both, &[base(7, 1, 2)]), [(2, moment(2), 1, 6, moment(6), 1)]);
        // Another storage has what one will not get.
        let both = ClusterWal::together([&archive(7, [(1, 6), (1, 7)], &[]), &wal]).remove(0);
        assert_eq!(seen(&both, &[base(7, 1, 2)]), [(2, moment(2), 1, 9, late(8), 1)]);
    }

    #[test]
    fn a_promotion_goes_on_with_the_window() {
        let history = [(2, format!("1\t{}\tpromoted", Lsn(5 * SIZE.bytes() + 88)))];
        let at = moment;
        let wal = archive(7, [(1, 3), (1, 4), (2, 5), (2, 6)], &history);
        assert_eq!(seen(&wal, &[base(7, 1, 2)]), [(2, at(2), 2, 7, at(6), 1)]);
        // The old primary wrote on: what it alone has is a stretch of its own.
        let wal = archive(7, [(1, 3), (1, 4), (1, 5), (1, 6), (2, 5), (2, 6), (2, 7)], &history);
        assert_eq!(seen(&wal, &[base(7, 1, 2)]), [(2, at(2), 1, 7, at(6), 1), (2, at(2), 2, 8, at(7), 1)]);
        // A standby was backed up in the very segment that it was promoted in.
        let wal = archive(7, [(2, 5), (2, 6)], &[(2, format!("1\t{}\tpromoted", Lsn(5 * SIZE.bytes() + 888)))]);
        assert_eq!(seen(&wal, &[base(7, 1, 5)]), [(5, at(5), 2, 7, at(6), 1)]);
    }

    #[test]
    fn the_older_copy_of_two_says_when_it_was_stored() {
        let (near, mut far) = (archive(7, [(1, 3), (1, 4)], &[]), archive(7, [(1, 4), (1, 5)], &[]));
        for objects in far.files.values_mut() {
            objects[0].modified += 1000;
        }
        let both = ClusterWal::together([&near, &far]).remove(0);
        assert_eq!(both.two_contents(), []);
        let last = Timestamp::from_second(moment(5).as_second() + 1000).unwrap();
        assert_eq!(seen(&both, &[base(7, 1, 2)]), [(2, moment(2), 1, 6, last, 1)]);
        let stored = |wal: &ClusterWal| wal.objects().map(|object| object.modified).sum::<i64>();
        assert_eq!(stored(&both), stored(&near) + moment(5).as_second() + 1000);
    }

    proptest! {
        #[test]
        fn a_position_is_in_a_window_exactly_when_some_base_backup_covers_it(
            held in proptest::collection::btree_set((1_u32..3, 1_u64..12), 0..20),
            bases in proptest::collection::btree_set((1_u32..3, 0_u64..12), 1..4),
            branch in 1_u64..11,
        ) {
            let branch = branch * SIZE.bytes() + 8000;
            let wal = archive(7, held, &[(2, format!("1\t{}\tpromoted", Lsn(branch)))]);
            let exists = |(timeline, number): &(u32, u64)| {
                let (start, stop) = (number * SIZE.bytes() + 40, number * SIZE.bytes() + 400);
                if *timeline == 1 { stop <= branch } else { start >= branch }
            };
            let backups: Vec<Backup> = bases.iter().filter(|b| exists(b)).map(|(t, n)| base(7, *t, *n)).collect();
            let bases = good_bases(&backups);
            let windows = windows(&wal, &Ranges::of(&wal), &bases);
            for timeline in [Timeline(1), Timeline(2)] {
                for number in 0..13 {
                    let at = WalPosition { timeline, lsn: Lsn(number * SIZE.bytes()) };
                    let is_before = timeline == Timeline(2) && at.lsn.0 < branch;
                    if is_before || bases.iter().any(|base| base.needs_from().lsn == at.lsn) {
                        continue;
                    }
                    let covers = |base: &GoodBase<'_>| {
                        base.consistent().lsn < at.lsn && wal.covers(base.needs_from(), at).is_ok()
                            || wal.comes_by(base.consistent(), at) && wal.covers(base.consistent(), at).is_ok()
                    };
                    let holds = |window: &Window| wal.comes_by(window.from, at) && wal.comes_by(at, window.until);
                    prop_assert_eq!(windows.iter().any(holds), bases.iter().any(covers), "{:?}: {:?}", at, windows);
                }
            }
            // None is part of another, and each begins with its oldest base backup.
            for window in &windows {
                prop_assert!(window.from_at <= window.until_at && wal.comes_by(window.from, window.until));
                let others = windows.iter().filter(|other| *other != window);
                let within = |other: &Window| wal.comes_by(other.from, window.from) && wal.comes_by(window.until, other.until);
                prop_assert!(!others.into_iter().any(within), "{:?}", windows);
            }
        }
    }
}
