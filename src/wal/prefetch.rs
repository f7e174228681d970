//! Brings the next segments before PostgreSQL asks for them. Whatever fails is left to the call that asks.

use super::fetch::read;
use super::{Fetch, FetchedFolder, PREFETCHED};
use crate::base::{SegmentSize, WalFile, WalSegment};
use crate::catalog::wal::WalObject;
use crate::repository::{Repository, WalPlace};
use futures_util::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};

/// Segments fetched at once.
const AT_ONCE: usize = 3;

/// Fills the folder with the segments after `after`, unless somebody does that already; removes what lies there and is none
/// of them.
pub async fn prefetch(order: &Fetch, place: &WalPlace, after: WalSegment, into: &FetchedFolder) {
    let Ok(Some(_filling)) = into.fill() else { return };
    for repository in &order.from {
        let Some((next, size)) = next_segments(repository, place, after).await else { continue };
        let following = std::iter::successors(Some(after.next(size)), |segment| Some(segment.next(size)));
        into.keep_only(&following.take(PREFETCHED).map(WalFile::Segment).collect());
        let here = into.segments();
        let missing = next.into_iter().filter(|object| !here.contains(&object.file));
        let bring = |object: WalObject| async move {
            if into.expect(object.file).is_err() {
                return;
            }
            let content = read(order, repository, &place.database, &object).await;
            let is_here = content.is_ok_and(|content| into.put(object.file, &object.digest, &content).is_ok());
            if !is_here {
                into.give_up(object.file);
            }
        };
        stream::iter(missing).map(bring).buffered(AT_ONCE).collect::<Vec<()>>().await;
        return;
    }
}

/// The next segments without a gap, as far as a storage has them, each in one content, and their length; `None` when it cannot
/// be asked or has none of their neighbours.
async fn next_segments(
    repository: &Repository,
    place: &WalPlace,
    after: WalSegment,
) -> Option<(Vec<WalObject>, SegmentSize)> {
    let mut held = BTreeMap::new();
    let mut looked_into = BTreeSet::new();
    look_into(repository, place, after, &mut held, &mut looked_into).await?;
    let size = held.values().flatten().map(|object: &WalObject| object.segment_size).next()?;
    let mut next = Vec::new();
    let mut segment = after.next(size);
    while next.len() < PREFETCHED {
        look_into(repository, place, segment, &mut held, &mut looked_into).await?;
        match held.get(&WalFile::Segment(segment)).map(Vec::as_slice) {
            Some([only]) => next.push(only.clone()),
            _ => break,
        }
        segment = segment.next(size);
    }
    Some((next, size))
}

/// Lists the folder of a segment, once.
async fn look_into(
    repository: &Repository,
    place: &WalPlace,
    segment: WalSegment,
    held: &mut BTreeMap<WalFile, Vec<WalObject>>,
    looked_into: &mut BTreeSet<(u32, u32)>,
) -> Option<()> {
    if looked_into.insert((segment.timeline.0, segment.log)) {
        for object in repository.wal_neighbours(place, WalFile::Segment(segment)).await.ok()? {
            held.entry(object.file).or_default().push(object);
        }
    }
    Some(())
}
