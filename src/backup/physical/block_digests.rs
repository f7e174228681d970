//! Digests of the blocks of a backup in the making, in a file without a name: they are as many as a cluster is large.

use crate::base::{Blake3, Blake3Hasher, BlockDigest, BlockHasher};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

/// Files no longer than this are compared as a whole.
const SMALL: u64 = 32 << 10;
/// Least length of a file, and the length of its blocks. The digests of a cluster of large relations are a 2000th part
/// of it; a page that changed in a small relation costs little more than itself.
const BLOCKS: [(u64, u32); 3] = [(1 << 30, 32 << 10), (256 << 20, 16 << 10), (SMALL + 1, 8 << 10)];

/// Length of the blocks of a file that is not known from earlier; `None`: it is compared as a whole.
pub(super) fn block_of(bytes: u64) -> Option<u32> {
    BLOCKS.iter().find(|(least, _)| bytes >= *least).map(|(_, block)| *block)
}

/// True for a file that is compared as a whole.
pub(super) fn is_small(bytes: u64) -> bool {
    bytes <= SMALL
}

/// Collects digests in the order of the files.
pub(super) struct BlockDigests {
    file: BufWriter<File>,
    /// Bytes of which `since` told.
    told: u64,
}

impl BlockDigests {
    /// None yet.
    pub(super) fn new() -> io::Result<BlockDigests> {
        Ok(BlockDigests { file: BufWriter::with_capacity(1 << 16, tempfile::tempfile()?), told: 0 })
    }

    pub(super) fn add(&mut self, digest: BlockDigest) -> io::Result<()> {
        self.file.write_all(&digest)
    }

    /// Those that were added since this was asked last.
    pub(super) fn since(&mut self) -> io::Result<impl Read + Send + use<>> {
        self.file.flush()?;
        let file = self.file.get_ref().try_clone()?;
        let (from, to) = (self.told, file.metadata()?.len());
        self.told = to;
        Ok(FromStart(file, from).take(to - from))
    }

    /// Adds those of a file that another backup has.
    pub(super) fn add_known(&mut self, digests: &[u8]) -> io::Result<()> {
        self.file.write_all(digests)
    }

    /// All of them, to be read from the beginning.
    pub(super) fn finish(self) -> io::Result<File> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

/// The digest of a file in the making.
pub(super) enum Digest {
    Whole(Blake3Hasher),
    /// And of its blocks.
    Blocks(Box<BlockHasher>),
}

impl Digest {
    /// For a file with blocks of this length, or with none.
    pub(super) fn new(block: Option<u32>) -> Digest {
        match block {
            Some(block) => Digest::Blocks(Box::new(BlockHasher::new(block))),
            None => Digest::Whole(Blake3Hasher::default()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8], digests: Option<&mut BlockDigests>) -> io::Result<()> {
        match self {
            Digest::Whole(hasher) => hasher.update(bytes),
            Digest::Blocks(hasher) => {
                let mut ended = Vec::new();
                hasher.update(bytes, |digest| ended.push(digest));
                if let Some(digests) = digests {
                    ended.into_iter().try_for_each(|digest| digests.add(digest))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(self, digests: Option<&mut BlockDigests>) -> io::Result<Blake3> {
        match self {
            Digest::Whole(hasher) => Ok(hasher.finish()),
            Digest::Blocks(hasher) => {
                let mut last = None;
                let whole = hasher.finish(|digest| last = Some(digest));
                if let (Some(digests), Some(last)) = (digests, last) {
                    digests.add(last)?;
                }
                Ok(whole)
            }
        }
    }
}

/// A second reader of a file, with a place of its own, from the beginning on.
pub(super) struct FromStart(pub(super) File, pub(super) u64);

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = std::os::unix::fs::FileExt::read_at(&self.0, buffer, self.1)?;
        self.1 += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_has_blocks_has_several() {
        assert_eq!([0, SMALL].map(block_of), [None, None]);
        let largest = BLOCKS.iter().map(|(_, block)| u64::from(*block)).max().unwrap_or_default();
        assert!(SMALL >= largest, "whatever length an earlier backup chose");
        assert_eq!([SMALL + 1, 300 << 20, 1 << 30, 4 << 30].map(block_of), [8, 16, 32, 32].map(|k| Some(k << 10)));
    }
}
