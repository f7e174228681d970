//! Blocks of plain bytes whose memory is used again: the kernel clears fresh memory, which costs as much as filling it.

use crate::codec::FRAME_BYTES;
use bytes::Bytes;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// Memory of blocks that nobody looks at any more, which is kept.
#[derive(Clone, Default)]
pub struct Blocks {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// A block that is looked at. Its memory goes back when the last of those who look is done.
struct Lent {
    memory: Vec<u8>,
    length: usize,
    home: Blocks,
}

impl Blocks {
    /// Reads a source to its end, block by block; an empty one is one empty block.
    pub fn each<E: From<io::Error>>(
        &self,
        source: &mut impl Read,
        mut take: impl FnMut(Bytes) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut is_first = true;
        loop {
            let block = self.read(source)?;
            let is_last = block.len() < FRAME_BYTES;
            if is_first || !block.is_empty() {
                take(block)?;
            }
            if is_last {
                return Ok(());
            }
            is_first = false;
        }
    }

    /// Reads the next block: as long as a frame's content, or shorter when the source ends.
    pub(super) fn read(&self, source: &mut impl Read) -> io::Result<Bytes> {
        let memory = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let memory = memory.unwrap_or_else(|| vec![0; FRAME_BYTES]);
        let mut block = Lent { memory, length: 0, home: self.clone() };
        while block.length < FRAME_BYTES {
            match source.read(&mut block.memory[block.length..]) {
                Ok(0) => break,
                Ok(n) => block.length += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Bytes::from_owner(block))
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.length]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        self.home.free.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_old_bytes_do_not_show() {
        let blocks = Blocks::default();
        let mut source = io::repeat(7).take(FRAME_BYTES as u64 + 3);
        let first = blocks.read(&mut source).unwrap();
        let second = blocks.read(&mut source).unwrap();
        assert_eq!((first.len(), &second[..]), (FRAME_BYTES, &[7, 7, 7][..]));
        let copy = first.clone();
        drop(first);
        assert!(blocks.free.lock().unwrap().is_empty());
        drop((copy, second));
        let third = blocks.read(&mut io::Cursor::new(b"ab")).unwrap();
        assert_eq!((&third[..], blocks.free.lock().unwrap().len()), (&b"ab"[..], 1));
    }
}
