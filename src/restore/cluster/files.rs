//! Writes the files of one pack where they belong, as its bytes come by.

use super::direct::{Chunk, DirectFile, SECTOR};
use crate::stream::Sink;
use bytes::Bytes;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, fchown};
use std::path::Path;
use std::sync::Arc;

/// One stretch of a pack that goes into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Where it begins in the pack.
    pub(super) at: u64,
    /// Its length.
    pub(super) bytes: u64,
    /// The file; it is there and empty, or as long as it becomes.
    pub(super) path: Arc<Path>,
    /// Where in the file it goes.
    pub(super) offset: u64,
}

/// From this length on a stretch is worth being written past the page cache.
const LARGE: u64 = 1 << 20;

/// Takes the bytes of one pack.
pub(super) struct PackFiles {
    /// In the order of the pack, not overlapping.
    stretches: std::iter::Peekable<std::vec::IntoIter<Stretch>>,
    position: u64,
    open: Option<Open>,
    /// For what is written past the page cache; `None` while it is in use, or where that is not wanted.
    chunk: Option<Chunk>,
}

enum Open {
    Ordinary(File),
    Direct(DirectFile),
}

impl PackFiles {
    /// Through the page cache: what is written is read again soon.
    pub(super) fn cached(mut stretches: Vec<Stretch>) -> PackFiles {
        stretches.sort_by_key(|stretch| stretch.at);
        PackFiles { stretches: stretches.into_iter().peekable(), position: 0, open: None, chunk: None }
    }

    /// Large files past the page cache. Their stretches are whole: nothing of them is passed by.
    pub(super) fn direct(stretches: Vec<Stretch>) -> PackFiles {
        PackFiles { chunk: Some(Chunk::new()), ..PackFiles::cached(stretches) }
    }

    /// What comes next begins there; what is passed by is in no file.
    pub(super) fn go_on_at(&mut self, position: u64) {
        self.position = position;
    }
}

impl Sink for PackFiles {
    fn take(&mut self, piece: Bytes) -> io::Result<()> {
        let end = self.position + piece.len() as u64;
        while let Some(stretch) = self.stretches.peek() {
            if stretch.at >= end {
                break;
            }
            let from = self.position.max(stretch.at);
            let until = end.min(stretch.at + stretch.bytes);
            if until > from {
                let opened = match self.open.take() {
                    Some(open) => Ok(open),
                    None => open(stretch, &mut self.chunk),
                };
                let mut open = opened.map_err(|error| named(stretch, &error))?;
                // Both lie within the piece.
                let bytes = &piece[(from - self.position) as usize..(until - self.position) as usize];
                let written = match &mut open {
                    Open::Ordinary(file) => file.write_all_at(bytes, stretch.offset + (from - stretch.at)),
                    Open::Direct(file) => file.write(bytes),
                };
                written.map_err(|error| named(stretch, &error))?;
                self.open = Some(open);
            }
            if until < stretch.at + stretch.bytes {
                break;
            }
            let Some(done) = self.stretches.next() else { break };
            // What an incremental backup has of a file lies in many stretches, one after another.
            let goes_on = self.stretches.peek().is_some_and(|next| done.path == next.path);
            match self.open.take() {
                Some(Open::Direct(file)) => {
                    self.chunk = Some(file.finish().map_err(|error| named(&done, &error))?);
                }
                open => self.open = open.filter(|_| goes_on),
            }
        }
        self.position = end;
        Ok(())
    }
}

fn open(stretch: &Stretch, chunk: &mut Option<Chunk>) -> io::Result<Open> {
    let is_large = stretch.bytes >= LARGE && stretch.offset.is_multiple_of(SECTOR);
    match chunk.take_if(|_| is_large) {
        Some(chunk) => DirectFile::open(&stretch.path, stretch.offset, chunk).map(Open::Direct),
        None => OpenOptions::new().write(true).open(&stretch.path).map(Open::Ordinary),
    }
}

fn named(stretch: &Stretch, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", stretch.path.display()))
}

/// Makes a file that a pack will fill: empty, with these permissions, of this owner.
pub(super) fn make(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    if let Some((uid, gid)) = owner {
        fchown(&file, Some(uid), Some(gid))?;
    }
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_stretch_ends_up_in_its_file_however_the_bytes_come(
            lengths in prop::collection::vec((0_u64..40, 0_u64..60), 1..8),
            pieces in prop::collection::vec(1_usize..70, 1..20),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let (mut at, mut stretches, mut expected) = (0, Vec::new(), Vec::new());
            let pack: Vec<u8> = (0..1_000_u32).map(|n| (n % 251) as u8).collect();
            for (number, (gap, bytes)) in lengths.into_iter().enumerate() {
                at += gap;
                let path = folder.path().join(number.to_string());
                make(&path, 0o600, None).unwrap();
                stretches.push(Stretch { at, bytes, path: path.as_path().into(), offset: 0 });
                expected.push((path, pack[at as usize..(at + bytes) as usize].to_vec()));
                at += bytes;
            }
            let mut files = PackFiles::direct(stretches);
            let mut rest = Bytes::from(pack);
            for piece in pieces.iter().cycle() {
                if rest.is_empty() { break; }
                files.take(rest.split_to((*piece).min(rest.len()))).unwrap();
            }
            for (path, content) in expected {
                prop_assert_eq!(std::fs::read(path).unwrap(), content);
            }
        }

        #[test]
        fn a_file_is_put_together_from_stretches_in_any_order(
            lengths in prop::collection::vec(1_u64..50, 1..12),
            order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
            piece in 1_usize..70,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("relation");
            make(&path, 0o600, None).unwrap();
            let pack: Vec<u8> = (0..600_u32).map(|n| (n % 251) as u8).collect();
            // Where each stretch lies in the pack has nothing to do with where it goes in the file.
            let (mut at, mut places) = (0, vec![0; lengths.len()]);
            for number in order.into_iter().filter(|number| *number < lengths.len()) {
                places[number] = at;
                at += lengths[number];
            }
            let (mut offset, mut stretches, mut expected) = (0, Vec::new(), Vec::new());
            for (at, bytes) in places.into_iter().zip(&lengths) {
                stretches.push(Stretch { at, bytes: *bytes, path: path.as_path().into(), offset });
                expected.extend_from_slice(&pack[at as usize..(at + bytes) as usize]);
                offset += bytes;
            }
            let mut files = PackFiles::direct(stretches);
            let mut rest = Bytes::from(pack);
            while !rest.is_empty() {
                files.take(rest.split_to(piece.min(rest.len()))).unwrap();
            }
            prop_assert_eq!(std::fs::read(path).unwrap(), expected);
        }
    }
}
