//! One file of which an earlier backup knows what it was: block by block, what is as it was becomes a reference, and what
//! is not a run of bytes that goes into a pack.

use super::block_digests::BlockDigests;
use super::earlier::Known;
use crate::base::{Blake3, BlockHasher};
use crate::catalog::ClusterFile;
use std::io::{self, Read};
use tar::Header;

/// Most bytes of a run: whatever changed is held until it is known how much that is.
const RUN: usize = 1 << 20;

/// A file that is being compared.
pub(super) struct Comparing {
    /// The member of the archive, from which those of the pack are made.
    header: Header,
    pub(super) file: ClusterFile,
    known: Known,
    hasher: Option<BlockHasher>,
    /// Where the next block begins.
    at: u64,
    run: Vec<u8>,
    run_at: u64,
}

/// A member of the pack: its header, and bytes of a file.
pub(super) struct Run {
    pub(super) header: Header,
    pub(super) bytes: Vec<u8>,
}

impl Comparing {
    /// `spare`: memory for a run, used again.
    pub(super) fn new(header: Header, mut file: ClusterFile, known: Known, mut spare: Vec<u8>) -> Comparing {
        spare.clear();
        file.block = known.block;
        let hasher = known.block.map(BlockHasher::new);
        Comparing { header, file, known, hasher, at: 0, run: spare, run_at: 0 }
    }

    /// How far it is in the file.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// True when every byte was looked at and every run was handed out.
    pub(super) fn is_done(&self) -> bool {
        self.at == self.file.bytes && self.run.is_empty()
    }

    /// Looks at the next block, and hands out a run that has come to its end: its bytes are the last stretch of the file
    /// so far, and `place` notes where they are. `seen` is shown every byte.
    pub(super) fn step(
        &mut self,
        archive: &mut dyn Read,
        digests: Option<&mut BlockDigests>,
        seen: impl FnOnce(&str, &[u8]),
        place: impl FnOnce(&mut ClusterFile, u64),
    ) -> io::Result<Option<Run>> {
        let left = self.file.bytes - self.at;
        let block = self.file.block.map_or(left, u64::from);
        let length = left.min(block);
        if length == 0 {
            return Ok(Some(self.end_run(place)?));
        }
        let start = self.run.len();
        // Not longer than a block, or than what small files are.
        self.run.resize(start + length as usize, 0);
        let bytes = &mut self.run[start..];
        archive.read_exact(bytes)?;
        seen(&self.file.path, bytes);
        let is_same = match &mut self.hasher {
            Some(hasher) => {
                let digest = hasher.block(bytes);
                if let Some(digests) = digests {
                    digests.add(digest)?;
                }
                self.known.has(self.at, length, &digest)
            }
            None => {
                self.file.blake3 = Some(Blake3::of(bytes));
                self.known.bytes == length && self.known.blake3 == self.file.blake3
            }
        };
        let at = self.at;
        self.at += length;
        if !is_same {
            if start == 0 {
                self.run_at = at;
            }
            return if self.run.len() >= RUN { Ok(Some(self.end_run(place)?)) } else { Ok(None) };
        }
        self.run.truncate(start);
        let run = if start > 0 { Some(self.end_run(place)?) } else { None };
        self.known.refer(&mut self.file, at, length);
        Ok(run)
    }

    /// Takes the memory of a run back.
    pub(super) fn use_again(&mut self, mut memory: Vec<u8>) {
        if self.run.is_empty() {
            memory.clear();
            self.run = memory;
        }
    }

    /// The file with everything that is known of it, and the memory of runs.
    pub(super) fn finish(mut self) -> (ClusterFile, Vec<u8>) {
        if let Some(hasher) = self.hasher {
            // Every block was ended.
            self.file.blake3 = Some(hasher.finish(|_| ()));
        }
        (self.file, self.run)
    }

    /// A run is a file of its own in the pack, whose name says where it belongs; a small file is itself.
    fn end_run(&mut self, place: impl FnOnce(&mut ClusterFile, u64)) -> io::Result<Run> {
        let bytes = std::mem::take(&mut self.run);
        let mut header = self.header.clone();
        if self.hasher.is_some() {
            header.set_path(format!("{}@{}", self.file.path, self.run_at))?;
        }
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        place(&mut self.file, bytes.len() as u64);
        Ok(Run { header, bytes })
    }
}
