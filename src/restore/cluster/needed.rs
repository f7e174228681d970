//! How much of the packs is needed, and whether it is worth reading only that.

use super::files::Stretch;
use crate::catalog::{Layer, Pack, StoredObject};
use crate::stream::Frames;
use std::ops::Range;

/// What lies between two stretches that are needed is read, too, when it is shorter: asking again takes as long, and costs
/// where requests are paid for.
const HOLE: u64 = 4 << 20;
/// A pack is read whole when less than this part of it would be saved: then its digest tells whether it is sound.
const SAVED: u64 = 4;
/// What is digested afterwards is on this machine and was just written. So much of it is as dear as one stored byte.
const CHECKED_FOR_ONE: u64 = 4;

/// What is read of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Needed {
    /// All of it.
    Whole,
    /// These frames.
    Parts(Frames, Vec<Range<usize>>),
}

impl Needed {
    /// What is needed for these stretches, which are sorted by where they begin.
    pub(super) fn of(pack: &Pack, object: &StoredObject, layers: &[Layer], stretches: &[Stretch]) -> Needed {
        let Some(frames) = Frames::of(layers, &pack.frames, pack.plain_bytes, object.stored_bytes) else {
            return Needed::Whole;
        };
        let mut wanted: Vec<Range<usize>> = Vec::new();
        for stretch in stretches.iter().filter(|stretch| stretch.bytes > 0) {
            let around = frames.around(stretch.at, stretch.bytes);
            match wanted.last_mut() {
                Some(last) if around.start <= last.end || frames.stored(&(last.end..around.start)) < HOLE => {
                    last.end = last.end.max(around.end);
                }
                _ => wanted.push(around),
            }
        }
        let read: u64 = wanted.iter().map(|frames_of| frames.stored(frames_of)).sum();
        let saved = object.stored_bytes.saturating_sub(read);
        if saved < HOLE || saved < object.stored_bytes / SAVED {
            return Needed::Whole;
        }
        Needed::Parts(frames, wanted)
    }

    /// Bytes that need not be read.
    pub(super) fn saved(&self, object: &StoredObject) -> u64 {
        match self {
            Needed::Whole => 0,
            Needed::Parts(frames, wanted) => {
                object.stored_bytes.saturating_sub(wanted.iter().map(|frames_of| frames.stored(frames_of)).sum())
            }
        }
    }

    /// Length of the content that is read.
    pub(super) fn plain(&self, pack: &Pack) -> u64 {
        match self {
            Needed::Whole => pack.plain_bytes,
            Needed::Parts(frames, wanted) => wanted.iter().map(|frames_of| frames.plain(frames_of)).sum(),
        }
    }
}

/// True when it is worth reading parts, where so many bytes would be saved and the files that they go into must be digested,
/// which are so long together.
pub(super) fn is_worth(saved: u64, checked: u64) -> bool {
    saved > 0 && saved.saturating_mul(CHECKED_FOR_ONE) >= checked
}

#[cfg(test)]
mod tests {
    #![allow(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
    use super::*;
    use crate::base::{Blake3, Sha256};
    use crate::catalog::ObjectRole;
    use std::path::Path;

    const FRAME: u64 = 4 << 20;

    /// Of a pack of 64 frames of 2 MiB.
    fn needed(stretches: &[(u64, u64)]) -> Needed {
        let pack = Pack { name: "pack".to_owned(), backup: None, plain_bytes: 64 * FRAME, frames: vec![2 << 20; 64] };
        let object: StoredObject = serde_json::from_value(serde_json::json!({
            "name": "pack", "role": ObjectRole::Pack, "stored_bytes": 128_u64 << 20, "stored_sha256": Sha256::of(b""),
            "plain_bytes": 64 * FRAME, "plain_blake3": Blake3::of(b""), "frames": 64
        }))
        .unwrap_or_else(|error| panic!("{error}"));
        let path: std::sync::Arc<Path> = Path::new("file").into();
        let stretch = |(at, bytes): &(u64, u64)| Stretch { at: *at, bytes: *bytes, path: path.clone(), offset: 0 };
        Needed::of(&pack, &object, &[Layer::Zstd { level: 3 }], &stretches.iter().map(stretch).collect::<Vec<_>>())
    }

    fn ranges(stretches: &[(u64, u64)]) -> Vec<Range<usize>> {
        match needed(stretches) {
            Needed::Whole => vec![0..64],
            Needed::Parts(_, wanted) => wanted,
        }
    }

    #[test]
    fn few_large_stretches_are_read_rather_than_many_small_ones() {
        assert_eq!(ranges(&[(5, 10)]), [0..1]);
        assert_eq!(ranges(&[(FRAME - 1, 2), (40 * FRAME, 3 * FRAME)]), [0..2, 40..43]);
        // One frame between them is shorter than a hole, three are not.
        assert_eq!(ranges(&[(0, 1), (2 * FRAME, 1), (6 * FRAME, 1)]), [0..3, 6..7]);
    }

    #[test]
    fn what_saves_little_is_read_whole() {
        assert_eq!(needed(&[(0, 60 * FRAME)]), Needed::Whole);
        assert_ne!(needed(&[(0, 40 * FRAME)]), Needed::Whole);
        assert!(is_worth(1 << 20, 4 << 20) && !is_worth(1 << 20, 5 << 20) && !is_worth(0, 0));
    }
}
