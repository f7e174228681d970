//! What WAL is archived, by database, storage, cluster and timeline.

use super::Style;
use super::age::ago;
use super::table::table;
use crate::base::{Period, Size, Timeline, WalFile};
use crate::catalog::wal::{ClusterWal, TwoContents, WalSpan};
use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct WalListing {
    /// Databases whose WAL is archived.
    pub databases: Vec<ListedWal>,
}

/// The archive of one database.
#[derive(Debug, Clone)]
pub struct ListedWal {
    /// Its name.
    pub name: String,
    /// Every storage that it goes to.
    pub storages: Vec<WalStorage>,
}

/// What one storage holds of it.
#[derive(Debug, Clone)]
pub struct WalStorage {
    /// The storage.
    pub storage: String,
    /// What it holds; why it cannot be read.
    pub clusters: Result<Vec<ClusterWal>, String>,
}

impl WalListing {
    /// True when something is missing or there twice.
    pub fn has_damage(&self) -> bool {
        let clusters = self.storages().filter_map(|storage| storage.clusters.as_ref().ok()).flatten();
        clusters.into_iter().any(|cluster| !gaps(cluster).is_empty() || !cluster.two_contents().is_empty())
    }

    /// True when a storage could not be read.
    pub fn is_partial(&self) -> bool {
        self.storages().any(|storage| storage.clusters.is_err())
    }

    fn storages(&self) -> impl Iterator<Item = &WalStorage> {
        self.databases.iter().flat_map(|database| &database.storages)
    }
}

pub(super) fn gaps(cluster: &ClusterWal) -> Vec<WalSpan> {
    cluster.timelines().into_iter().flat_map(|timeline| cluster.gaps(timeline)).collect()
}

/// The list for people, ending with a line feed.
pub fn wal_list(listing: &WalListing, now: Timestamp, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    for (index, database) in listing.databases.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let _ = writeln!(out, "{}", style.bold(&database.name));
        for storage in &database.storages {
            match &storage.clusters {
                Err(problem) => {
                    let _ = writeln!(out, "  {} `{}` could not be read: {problem}", style.yellow("!"), storage.storage);
                }
                Ok(clusters) if clusters.is_empty() => {
                    let _ = writeln!(out, "  {}: {}", storage.storage, style.yellow("nothing archived yet"));
                }
                Ok(clusters) => clusters.iter().for_each(|c| out.push_str(&section(&storage.storage, c, now, style))),
            }
        }
    }
    if listing.databases.is_empty() {
        out.push_str("No policy archives WAL.\n");
    }
    out
}

fn section(storage: &str, cluster: &ClusterWal, now: Timestamp, style: Style) -> String {
    let newest = cluster.newest().and_then(|second| Timestamp::new(second, 0).ok());
    let newest = newest.map_or_else(String::new, |newest| format!(", newest {}", ago(newest, now)));
    let stored = Size(cluster.stored_bytes());
    let mut out = format!("  {storage}: cluster {}{newest}, {stored} stored\n", cluster.system);
    let rows: Vec<Vec<String>> = ranges(cluster)
        .map(|(span, segments)| {
            let (first, last) = (name(&segments, 0), name(&segments, segments.len().saturating_sub(1)));
            let [from, to, count] = [span.start.to_string(), span.end.to_string(), segments.len().to_string()];
            vec![span.timeline.0.to_string(), from, to, count, first, last]
        })
        .collect();
    if !rows.is_empty() {
        let headings = ["TIMELINE", "FROM", "TO", "SEGMENTS", "FIRST", "LAST"];
        out.push_str(&table(&headings, &rows, style, |_, _, text| text.to_owned()));
    }
    for gap in gaps(cluster) {
        let _ = writeln!(out, "  {} missing: {gap}", style.red("!"));
    }
    for TwoContents { file, digests } in cluster.two_contents() {
        let digests = digests.iter().map(|digest| format!("{digest}…")).collect::<Vec<_>>().join(" and ");
        let _ = writeln!(out, "  {} `{file}` has two contents: {digests}", style.red("!"));
    }
    out
}

fn name(segments: &[WalFile], at: usize) -> String {
    segments.get(at).map(ToString::to_string).unwrap_or_default()
}

/// The contiguous ranges of all timelines with the segments in them.
fn ranges(cluster: &ClusterWal) -> impl Iterator<Item = (WalSpan, Vec<WalFile>)> {
    let spans = cluster.timelines().into_iter().flat_map(|timeline| cluster.ranges(timeline));
    spans.map(|span| (span, cluster.segments_in(span).collect()))
}

/// The list for machines. Additive changes only within a version.
#[derive(Debug, Serialize)]
struct ListView {
    format_version: u32,
    databases: Vec<DatabaseView>,
}

#[derive(Debug, Serialize)]
struct DatabaseView {
    name: String,
    storages: Vec<StorageView>,
}

#[derive(Debug, Serialize)]
struct StorageView {
    storage: String,
    problem: Option<String>,
    clusters: Vec<ClusterView>,
}

#[derive(Debug, Serialize)]
struct ClusterView {
    system_id: String,
    newest_at: Option<String>,
    newest_age_seconds: Option<u64>,
    stored_bytes: u64,
    timelines: Vec<TimelineView>,
    two_contents: Vec<TwoContentsView>,
}

#[derive(Debug, Serialize)]
struct TimelineView {
    timeline: u32,
    begins_at: Option<String>,
    ranges: Vec<RangeView>,
    gaps: Vec<SpanView>,
}

#[derive(Debug, Serialize)]
struct RangeView {
    #[serde(flatten)]
    span: SpanView,
    first: String,
    last: String,
    n_segments: usize,
}

#[derive(Debug, Serialize)]
struct SpanView {
    start: String,
    end: String,
}

#[derive(Debug, Serialize)]
struct TwoContentsView {
    file: String,
    digests: Vec<String>,
}

/// The list as one JSON document, ending with a line feed.
pub fn wal_list_json(listing: &WalListing, now: Timestamp) -> String {
    let storage = |storage: &WalStorage| StorageView {
        storage: storage.storage.clone(),
        problem: storage.clusters.as_ref().err().cloned(),
        clusters: storage.clusters.iter().flatten().map(|cluster| cluster_view(cluster, now)).collect(),
    };
    let database = |database: &ListedWal| DatabaseView {
        name: database.name.clone(),
        storages: database.storages.iter().map(storage).collect(),
    };
    let view = ListView { format_version: 1, databases: listing.databases.iter().map(database).collect() };
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&view).unwrap_or_default() + "\n"
}

fn cluster_view(cluster: &ClusterWal, now: Timestamp) -> ClusterView {
    let newest = cluster.newest().and_then(|second| Timestamp::new(second, 0).ok());
    let two = |two: TwoContents| TwoContentsView {
        file: two.file.to_string(),
        digests: two.digests.iter().map(ToString::to_string).collect(),
    };
    ClusterView {
        system_id: cluster.system.to_string(),
        newest_at: newest.map(|newest| newest.to_string()),
        newest_age_seconds: newest.map(|newest| Period::between(newest, now).0),
        stored_bytes: cluster.stored_bytes(),
        timelines: cluster.timelines().into_iter().map(|timeline| timeline_view(cluster, timeline)).collect(),
        two_contents: cluster.two_contents().into_iter().map(two).collect(),
    }
}

fn timeline_view(cluster: &ClusterWal, timeline: Timeline) -> TimelineView {
    let span = |span: WalSpan| SpanView { start: span.start.to_string(), end: span.end.to_string() };
    let range = |(range, segments): (WalSpan, Vec<WalFile>)| RangeView {
        span: span(range),
        first: name(&segments, 0),
        last: name(&segments, segments.len().saturating_sub(1)),
        n_segments: segments.len(),
    };
    TimelineView {
        timeline: timeline.0,
        begins_at: cluster.begins_at(timeline).map(|begin| begin.to_string()),
        ranges: ranges(cluster).filter(|(range, _)| range.timeline == timeline).map(range).collect(),
        gaps: cluster.gaps(timeline).into_iter().map(span).collect(),
    }
}
