//! The WAL of one cluster in one archive.

use super::given_up::GivenUp;
use super::history::History;
use super::object::{WalDigest, WalObject};
use super::span::{Bounds, WalSpan, lacking, merged};
use crate::base::{Lsn, SystemId, Timeline, WalFile, WalSegment};
use std::collections::{BTreeMap, BTreeSet};

/// What an archive holds of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterWal {
    /// Whose WAL it is.
    pub system: SystemId,
    /// Every stored file, by name; more than one of a name are different contents.
    pub files: BTreeMap<WalFile, Vec<WalObject>>,
    /// Where timelines came from, as far as their histories were read.
    pub(super) histories: BTreeMap<Timeline, History>,
    /// What this archive was meant to get and never will.
    pub given_up: Vec<GivenUp>,
}

/// A file of which different contents are stored: two servers believe that they are the same cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoContents {
    /// The file.
    pub file: WalFile,
    /// Its contents.
    pub digests: Vec<WalDigest>,
}

impl ClusterWal {
    /// What is stored, by cluster. `objects` are of one database, in any order.
    pub fn of(objects: impl IntoIterator<Item = WalObject>) -> Vec<ClusterWal> {
        let mut clusters: BTreeMap<SystemId, ClusterWal> = BTreeMap::new();
        for object in objects {
            let system = object.system;
            let empty =
                || ClusterWal { system, files: BTreeMap::new(), histories: BTreeMap::new(), given_up: Vec::new() };
            let cluster = clusters.entry(system).or_insert_with(empty);
            cluster.files.entry(object.file).or_default().push(object);
        }
        clusters.into_values().collect()
    }

    /// Takes note of a history that was read.
    pub fn learn(&mut self, history: History) {
        self.histories.insert(history.timeline, history);
    }

    /// The histories that were read.
    pub fn histories(&self) -> impl Iterator<Item = &History> {
        self.histories.values()
    }

    /// The stored histories of timelines.
    pub fn history_files(&self) -> impl Iterator<Item = &WalObject> {
        self.files.iter().filter(|(file, _)| matches!(file, WalFile::History(_))).flat_map(|(_, objects)| objects)
    }

    /// Every timeline that a file is of, the oldest first.
    pub fn timelines(&self) -> BTreeSet<Timeline> {
        self.files.keys().map(|file| timeline(*file)).collect()
    }

    /// When the newest file was stored, seconds since 1970.
    pub fn newest(&self) -> Option<i64> {
        self.objects().map(|object| object.modified).max()
    }

    /// Length of everything as stored.
    pub fn stored_bytes(&self) -> u64 {
        self.objects().map(|object| object.stored_bytes).sum()
    }

    /// Every stored file.
    pub fn objects(&self) -> impl Iterator<Item = &WalObject> {
        self.files.values().flatten()
    }

    /// What is left when some files are gone.
    pub fn without(&self, gone: &[WalObject]) -> ClusterWal {
        let gone: BTreeSet<(WalFile, &WalDigest)> = gone.iter().map(|object| (object.file, &object.digest)).collect();
        let mut left = self.clone();
        for (file, objects) in &mut left.files {
            objects.retain(|object| !gone.contains(&(*file, &object.digest)));
        }
        left.files.retain(|_, objects| !objects.is_empty());
        left
    }

    /// Files of which different contents are stored.
    pub fn two_contents(&self) -> Vec<TwoContents> {
        let all = self.files.iter().map(|(file, objects)| {
            let digests: BTreeSet<_> = objects.iter().map(|object| object.digest.clone()).collect();
            TwoContents { file: *file, digests: digests.into_iter().collect() }
        });
        all.filter(|two| two.digests.len() > 1).collect()
    }

    /// The contiguous ranges of whole segments on a timeline, in order.
    pub fn ranges(&self, timeline: Timeline) -> Vec<WalSpan> {
        spans(timeline, merged(self.segments(timeline).collect()))
    }

    /// Names of the segments that begin in a stretch, in order.
    pub fn segments_in(&self, span: WalSpan) -> impl Iterator<Item = WalFile> {
        let begins = move |(file, objects): (&WalFile, &Vec<WalObject>)| match file {
            WalFile::Segment(segment) if segment.timeline == span.timeline => {
                let start = segment.start(objects.first()?.segment_size);
                (span.start <= start && start < span.end).then_some(*file)
            }
            _ => None,
        };
        self.files.iter().filter_map(begins)
    }

    /// Where a timeline begins, when its history was read.
    pub fn begins_at(&self, timeline: Timeline) -> Option<Lsn> {
        self.histories.get(&timeline)?.begins_at()
    }

    /// What is missing on a timeline between the first byte that should be there and the last one that is known to be
    /// needed: between its ranges, from its beginning on, and up to where other timelines branched off.
    pub fn gaps(&self, timeline: Timeline) -> Vec<WalSpan> {
        let own = merged(self.segments(timeline).collect());
        let branches = || {
            let all = self.histories.values().flat_map(|history| history.ancestors.iter().zip(descendants(history)));
            all.filter(move |(ancestor, _)| ancestor.timeline == timeline)
        };
        // Without a byte of it nothing tells where an ancestor of old times should begin.
        let Some((first, last)) = own.first().zip(own.last()).map(|(first, last)| (first.0, last.1)) else {
            return Vec::new();
        };
        let first = self.begins_at(timeline).map_or(first, |begin| begin.min(first));
        let last = branches().map(|(ancestor, _)| ancestor.end).fold(last, Lsn::max);
        let copied = branches().flat_map(|(ancestor, newer)| self.copied(&newer, ancestor.end));
        spans(timeline, lacking((first, last), &merged(own.iter().copied().chain(copied).collect())))
    }

    /// Where the segments of a timeline begin and end.
    pub(super) fn segments(&self, timeline: Timeline) -> impl Iterator<Item = Bounds> {
        self.files.iter().filter_map(move |(file, objects)| match file {
            WalFile::Segment(segment) if segment.timeline == timeline => {
                let size = objects.first()?.segment_size;
                Some((segment.start(size), segment.end(size)))
            }
            _ => None,
        })
    }

    /// What younger timelines hold of an older one that ended at `end`: a timeline begins with a copy of the segment that
    /// it branches off in.
    pub(super) fn copied(&self, younger: &[Timeline], end: Lsn) -> Vec<Bounds> {
        let Some(size) = self.files.values().flatten().next().map(|object| object.segment_size) else {
            return Vec::new();
        };
        let copy = |timeline: &Timeline| {
            let segment = WalSegment::at(*timeline, end, size);
            let is_there = self.files.contains_key(&WalFile::Segment(segment)) && segment.start(size) < end;
            is_there.then(|| (segment.start(size), end))
        };
        younger.iter().filter_map(copy).collect()
    }
}

/// For each ancestor of a history the timelines after it, the one that the history is of included.
fn descendants(history: &History) -> Vec<Vec<Timeline>> {
    let all: Vec<Timeline> =
        history.ancestors.iter().map(|ancestor| ancestor.timeline).chain([history.timeline]).collect();
    (1..all.len()).map(|next| all[next..].to_vec()).collect()
}

fn spans(timeline: Timeline, bounds: Vec<Bounds>) -> Vec<WalSpan> {
    bounds.into_iter().map(|(start, end)| WalSpan { timeline, start, end }).collect()
}

fn timeline(file: WalFile) -> Timeline {
    match file {
        WalFile::Segment(segment) | WalFile::Partial(segment) | WalFile::BackupHistory(segment, _) => segment.timeline,
        WalFile::History(timeline) => timeline,
    }
}
