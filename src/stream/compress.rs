//! Compressors: several threads take blocks, their results are put back in order.

use crate::codec::{FrameCompressor, GzipMember};
use crate::policy::Compression;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};

/// A block or what became of it, with its number.
pub(super) type Numbered = (u64, Bytes);

/// Compresses blocks until there are no more, or nobody takes the results.
pub(super) fn work(
    compression: Compression,
    blocks: &Mutex<Receiver<Numbered>>,
    done: &SyncSender<io::Result<Numbered>>,
) {
    let mut compressor = match Compressor::new(compression) {
        Ok(compressor) => compressor,
        Err(error) => return drop(done.send(Err(error))),
    };
    loop {
        // The lock is held while waiting: the next block goes to whoever waits longest.
        let block = blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, block)) = block else { return };
        let result = compressor.compress(block).map(|bytes| (number, bytes));
        if done.send(result).is_err() {
            return;
        }
    }
}

/// Compresses one block after another.
pub(super) enum Compressor {
    Zstd(FrameCompressor),
    Gzip(GzipMember),
    None,
}

impl Compressor {
    pub(super) fn new(compression: Compression) -> io::Result<Compressor> {
        Ok(match compression {
            Compression::Zstd(level) => Compressor::Zstd(FrameCompressor::new(level)?),
            Compression::Gzip(level) => Compressor::Gzip(GzipMember::new(level)),
            Compression::None => Compressor::None,
        })
    }

    pub(super) fn compress(&mut self, block: Bytes) -> io::Result<Bytes> {
        Ok(match self {
            Compressor::Zstd(frames) => frames.frame(&block)?.into(),
            Compressor::Gzip(members) => members.member(&block)?.into(),
            Compressor::None => block,
        })
    }
}

/// Puts results back in order.
#[derive(Default)]
pub(super) struct Reorder {
    next: u64,
    waiting: BTreeMap<u64, Bytes>,
}

impl Reorder {
    /// Takes one result.
    pub(super) fn put(&mut self, (number, bytes): Numbered) {
        self.waiting.insert(number, bytes);
    }

    /// The next one in order, if it is there.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let bytes = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(bytes)
    }
}
