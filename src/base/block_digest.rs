//! Digests of a file's blocks, and of the whole file, from one pass over its bytes.
//!
//! BLAKE3 is a tree: what it computes of an aligned stretch is a part of what it computes of the whole. So the digest of
//! a block costs nothing beside that of the file.

use super::{Blake3, Blake3Hasher};
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// Digest of one block at its place in a file: the first 16 bytes of the BLAKE3 chaining value of its subtree. Equal
/// ones at the same place are equal blocks.
pub type BlockDigest = [u8; 16];

/// Digests blocks, one after another, and what they make together.
#[derive(Clone)]
pub struct BlockHasher {
    block: u64,
    /// The block that is being filled, and how far it is.
    current: blake3::Hasher,
    filled: u64,
    /// Blocks that are full.
    n_full: u64,
    /// Values of subtrees, left to right, each at least as long as the next.
    stack: Vec<ChainingValue>,
    /// A file of one block is a tree of its own.
    only: Blake3Hasher,
}

impl BlockHasher {
    /// For blocks of so many bytes: a power of two, at least 1024.
    pub fn new(block: u32) -> BlockHasher {
        BlockHasher {
            block: u64::from(block.max(1024).next_power_of_two()),
            current: blake3::Hasher::new(),
            filled: 0,
            n_full: 0,
            stack: Vec::new(),
            only: Blake3Hasher::default(),
        }
    }

    /// Adds bytes, and hands out the digest of every block that they fill.
    pub fn update(&mut self, mut bytes: &[u8], mut ended: impl FnMut(BlockDigest)) {
        while !bytes.is_empty() {
            // Not longer than the piece, so it fits.
            let room = (self.block - self.filled).min(bytes.len() as u64) as usize;
            let (now, later) = bytes.split_at(room);
            if self.n_full == 0 {
                self.only.update(now);
            }
            self.current.update(now);
            self.filled += room as u64;
            if self.filled == self.block {
                ended(self.end_block());
            }
            bytes = later;
        }
    }

    /// Adds the next block whole and returns its digest; only the last of a file is shorter than the others.
    pub fn block(&mut self, bytes: &[u8]) -> BlockDigest {
        let mut digest = None;
        self.update(bytes, |ended| digest = Some(ended));
        digest.unwrap_or_else(|| self.end_block())
    }

    /// The digest of the whole; hands out that of the last block where it is not full.
    pub fn finish(mut self, ended: impl FnOnce(BlockDigest)) -> Blake3 {
        if self.filled > 0 {
            ended(self.end_block());
        }
        if self.n_full < 2 {
            return self.only.finish();
        }
        let mut right = self.stack.pop().unwrap_or_default();
        while let Some(left) = self.stack.pop() {
            if self.stack.is_empty() {
                return Blake3::from_bytes(merge_subtrees_root(&left, &right, Mode::Hash).into());
            }
            right = merge_subtrees_non_root(&left, &right, Mode::Hash);
        }
        Blake3::from_bytes(right)
    }

    fn end_block(&mut self) -> BlockDigest {
        let value = self.current.finalize_non_root();
        // Trees of equal height become one; the last of them only when more follows, for it may be the root.
        while self.stack.len() > self.n_full.count_ones() as usize {
            if let (Some(right), Some(left)) = (self.stack.pop(), self.stack.pop()) {
                self.stack.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
            }
        }
        self.stack.push(value);
        self.n_full += 1;
        self.filled = 0;
        self.current = blake3::Hasher::new();
        self.current.set_input_offset(self.n_full.saturating_mul(self.block));
        let mut digest = BlockDigest::default();
        digest.copy_from_slice(&value[..16]);
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digests(content: &[u8], pieces: &[usize], block: u32) -> (Vec<BlockDigest>, Blake3) {
        let (mut found, mut hasher, mut rest) = (Vec::new(), BlockHasher::new(block), content);
        for piece in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            hasher.update(now, |digest| found.push(digest));
            rest = later;
        }
        let whole = hasher.finish(|digest| found.push(digest));
        (found, whole)
    }

    proptest! {
        #[test]
        fn the_whole_has_the_digest_that_it_has_anyway(
            length in 0_usize..40_000,
            block in prop::sample::select(vec![1024_u32, 2048, 8192]),
            pieces in prop::collection::vec(1_usize..9_000, 1..6),
        ) {
            let content: Vec<u8> = (0..length).map(|n| (n * 7 + n / 251) as u8).collect();
            let (found, whole) = digests(&content, &pieces, block);
            prop_assert_eq!(whole, Blake3::of(&content));
            prop_assert_eq!(found.len(), length.div_ceil(block as usize));
        }

        #[test]
        fn only_blocks_that_changed_have_other_digests(
            blocks in 2_usize..40,
            changed in prop::collection::btree_set((0_usize..40, 0_usize..1024), 0..6),
            cut in 0_usize..1023,
        ) {
            let mut content: Vec<u8> = (0..blocks * 1024 - cut).map(|n| (n / 1024) as u8).collect();
            let (before, _) = digests(&content, &[4096], 1024);
            let mut expected = std::collections::BTreeSet::new();
            for (block, at) in changed {
                if let Some(byte) = content.get_mut(block * 1024 + at) {
                    *byte ^= 0x55;
                    expected.insert(block);
                }
            }
            let (after, _) = digests(&content, &[999], 1024);
            let differ: std::collections::BTreeSet<usize> =
                (0..before.len()).filter(|n| before[*n] != after[*n]).collect();
            prop_assert_eq!(differ, expected);
        }
    }

    #[test]
    fn a_block_that_became_longer_is_another() {
        let (short, _) = digests(&[7; 2048 + 512], &[4096], 1024);
        let (long, _) = digests(&[7; 2048 + 1024], &[4096], 1024);
        assert_eq!(short[..2], long[..2]);
        assert_ne!(short[2], long[2]);
        assert_ne!(long[0], long[1], "the place counts");
    }
}
