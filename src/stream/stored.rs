//! The last stage into the stores: measures what is stored and hands it out in pieces.

use super::fan_out::FanOut;
use crate::base::{Sha256, Sha256Hasher};
use bytes::Bytes;
use std::io::{self, Write};

/// Bytes of a piece, when they come in smaller ones.
const PIECE: usize = 1 << 20;

/// Takes stored bytes.
pub(super) struct Stored {
    fan_out: FanOut,
    hasher: Sha256Hasher,
    bytes: u64,
    piece: Vec<u8>,
}

impl Stored {
    pub(super) fn new(fan_out: FanOut) -> Stored {
        Stored { fan_out, hasher: Sha256Hasher::default(), bytes: 0, piece: Vec::new() }
    }

    /// Takes a large piece without copying it.
    pub(super) fn push(&mut self, piece: Bytes) -> io::Result<()> {
        self.flush_piece()?;
        self.send(piece)
    }

    /// Everything was taken: how much, and its digest.
    pub(super) fn finish(mut self) -> io::Result<(u64, Sha256)> {
        self.flush_piece()?;
        Ok((self.bytes, self.hasher.finish()))
    }

    fn flush_piece(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.piece);
        self.send(Bytes::from(piece))
    }

    fn send(&mut self, piece: Bytes) -> io::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        self.hasher.update(&piece);
        self.bytes += piece.len() as u64;
        let nobody = |_| io::Error::new(io::ErrorKind::BrokenPipe, "no destination takes bytes any more");
        self.fan_out.push(&piece).map_err(nobody)
    }
}

impl Write for Stored {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.capacity() == 0 {
            self.piece.reserve_exact(PIECE);
        }
        let n = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..n]);
        if self.piece.len() == PIECE {
            self.flush_piece()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
