//! What is stored of the cluster already: the files, where their bytes are, and the digests of their blocks. An earlier
//! backup has some, and so has what this one stored before it was interrupted.

use super::block_digests::is_small;
use super::since::Since;
use crate::base::{BackupId, Blake3, BlockDigest, Crc32c};
use crate::catalog::{ClusterFile, Extent, FileKind, FileMap, Pack};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const DIGEST: usize = size_of::<BlockDigest>();

/// What there is to refer to.
#[derive(Default)]
pub(super) struct Earlier {
    /// What matters to who would not read a file again; `None`: all are read.
    pub(super) since: Option<Since>,
    /// The packs, as the backup in the making names them.
    packs: Vec<Pack>,
    files: HashMap<String, Entry>,
    digests: Vec<File>,
}

struct Entry {
    bytes: u64,
    stamp: Option<Stamp>,
    blake3: Option<Blake3>,
    block: Option<u32>,
    at: Vec<Extent>,
    /// Which digests are its own: of which map, and the number of the first.
    map: usize,
    first: u64,
}

/// What a file must have that is not read again. Only what the earlier backup itself has of a file counts, not what is left of
/// one that was interrupted: a server tells changes since the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: i64,
    crc32c: Crc32c,
}

/// One file as it was.
pub(super) struct Known {
    pub(super) bytes: u64,
    stamp: Option<Stamp>,
    /// Digest of the whole, which is what small files are compared by.
    pub(super) blake3: Option<Blake3>,
    /// Length of its blocks; `None` for a small one.
    pub(super) block: Option<u32>,
    digests: Vec<u8>,
    places: Places,
}

/// Where the bytes of a file are, asked for from its beginning to its end.
struct Places {
    at: Vec<Extent>,
    /// Number of the stretch that is looked at, and where in the file it begins.
    current: usize,
    begins: u64,
}

impl Earlier {
    /// Adds a map and its digests: of this backup, or of `owner`. A file that is known already stays as it is known, and of
    /// a map that has one twice the later counts. False, and nothing is added, when the digests are not those of the map.
    pub(super) fn add(&mut self, owner: Option<&BackupId>, map: FileMap, digests: File) -> io::Result<bool> {
        let length =
            map.files.iter().filter(|file| file.kind == FileKind::File).map(ClusterFile::n_blocks).sum::<u64>();
        if digests.metadata()?.len() != length * DIGEST as u64 {
            return Ok(false);
        }
        let packs = map.packs.into_iter();
        let packs = packs.map(|pack| Pack { backup: pack.backup.or_else(|| owner.cloned()), ..pack }).collect();
        let mut all = FileMap { packs: std::mem::take(&mut self.packs), files: Vec::new() };
        all.join(FileMap { packs, files: map.files });
        self.packs = all.packs;
        let (mut first, mut added) = (0, HashMap::with_capacity(all.files.len()));
        for file in all.files.into_iter().filter(|file| file.kind == FileKind::File) {
            let n_blocks = file.n_blocks();
            let ClusterFile { path, bytes, modified, crc32c, blake3, block, at, .. } = file;
            // What changed since is known of whole backups only.
            let stamp = owner.and(crc32c).map(|crc32c| Stamp { modified, crc32c });
            added.insert(path, Entry { bytes, stamp, blake3, block, at, map: self.digests.len(), first });
            first += n_blocks;
        }
        for (path, entry) in added {
            self.files.entry(path).or_insert(entry);
        }
        self.digests.push(digests);
        Ok(true)
    }

    /// Forgets the files that are in packs of other backups.
    pub(super) fn keep_own(&mut self) {
        let packs = &self.packs;
        let is_own = |extent: &Extent| {
            usize::try_from(extent.0).is_ok_and(|n| packs.get(n).is_some_and(|pack| pack.backup.is_none()))
        };
        self.files.retain(|_, file| file.at.iter().all(is_own));
        self.since = None;
    }

    /// Its packs, in the order of their numbers. May be taken once.
    pub(super) fn packs(&mut self) -> Vec<Pack> {
        std::mem::take(&mut self.packs)
    }

    /// What a file was, where it can be compared with what it is now. Each may be taken once.
    pub(super) fn take(&mut self, file: &ClusterFile) -> io::Result<Option<Known>> {
        let Some(entry) = self.files.remove(&file.path) else { return Ok(None) };
        if file.bytes == 0 || is_small(file.bytes) != entry.block.is_none() {
            return Ok(None);
        }
        let n_blocks = entry.block.map_or(0, |block| entry.bytes.div_ceil(u64::from(block)));
        let length = usize::try_from(n_blocks).ok().and_then(|n| n.checked_mul(DIGEST));
        let mut digests = vec![0; length.ok_or_else(|| io::Error::other("a file is too large to be compared"))?];
        if let Some(file) = self.digests.get(entry.map) {
            file.read_exact_at(&mut digests, entry.first * DIGEST as u64)?;
        }
        let Entry { bytes, stamp, blake3, block, at, .. } = entry;
        let places = Places { at, current: 0, begins: 0 };
        Ok(Some(Known { bytes, stamp, blake3, block, digests, places }))
    }
}

impl Known {
    /// True when the block that begins at `at` and is `bytes` long has this digest.
    pub(super) fn has(&self, at: u64, bytes: u64, digest: &BlockDigest) -> bool {
        let Some(block) = self.block.map(u64::from).filter(|block| *block > 0) else { return false };
        let known = usize::try_from(at / block).ok().and_then(|n| self.digests.chunks_exact(DIGEST).nth(n));
        known == Some(digest.as_slice()) && bytes == block.min(self.bytes - at)
    }

    /// The checksum of a file that has the length and the time that it had, if both are known.
    pub(super) fn checksum_if_unread(&self, file: &ClusterFile) -> Option<Crc32c> {
        let stamp = self.stamp.filter(|stamp| stamp.modified == file.modified && self.bytes == file.bytes);
        stamp.filter(|_| self.blake3.is_some()).map(|stamp| stamp.crc32c)
    }

    /// Says of a file what was known of it. Returns the digests of its blocks.
    pub(super) fn tell_all(mut self, file: &mut ClusterFile) -> Vec<u8> {
        file.blake3 = self.blake3;
        file.crc32c = self.stamp.map(|stamp| stamp.crc32c);
        file.block = self.block;
        self.refer(file, 0, self.bytes);
        self.digests
    }

    /// Adds to a file where a stretch of it is; each begins where the last one ended, or after it.
    pub(super) fn refer(&mut self, file: &mut ClusterFile, at: u64, bytes: u64) {
        self.places.each(at, bytes, |extent| file.push(extent));
    }
}

impl Places {
    fn each(&mut self, mut at: u64, mut bytes: u64, mut give: impl FnMut(Extent)) {
        while bytes > 0
            && let Some(Extent(pack, start, length)) = self.at.get(self.current).copied()
        {
            let skipped = at.saturating_sub(self.begins);
            if skipped >= length {
                self.begins += length;
                self.current += 1;
                continue;
            }
            let now = bytes.min(length - skipped);
            give(Extent(pack, start + skipped, now));
            (at, bytes) = (at + now, bytes - now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stretch_is_where_its_bytes_are(
            lengths in prop::collection::vec(1_u64..50, 1..10),
            asked in prop::collection::vec((0_u64..20, 1_u64..60), 1..10),
        ) {
            let total: u64 = lengths.iter().sum();
            // Byte n of the file is in pack n, so to say: each has a place that tells which it is.
            let mut place = Vec::new();
            let at: Vec<Extent> = lengths.iter().enumerate().map(|(n, length)| {
                let extent = Extent(n as u32, n as u64 * 1000, *length);
                place.extend((0..*length).map(|byte| (n as u32, n as u64 * 1000 + byte)));
                extent
            }).collect();
            let mut places = Places { at, current: 0, begins: 0 };
            let mut from = 0;
            for (gap, bytes) in asked {
                from += gap;
                let bytes = bytes.min(total.saturating_sub(from));
                let mut found = Vec::new();
                places.each(from, bytes, |Extent(pack, start, length)| {
                    found.extend((0..length).map(|byte| (pack, start + byte)));
                });
                let expected = place.iter().skip(from as usize).take(bytes as usize).copied();
                prop_assert_eq!(found, expected.collect::<Vec<_>>());
                from += bytes;
            }
        }
    }
}
