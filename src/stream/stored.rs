//! The last stage into the stores: measures what is stored and hands it out in pieces.

use super::fan_out::FanOut;
use crate::base::{Sha256, Sha256Hasher};
use bytes::Bytes;
use std::io::{self, Write};

/// Bytes of a piece, when they come in smaller ones.
const PIECE: usize = 1 << 20;

/// What is made of the stored bytes while they pass.
pub(super) trait Measure: Send + 'static {
    /// What comes of it.
    type Digest: Send + 'static;
    fn update(&mut self, bytes: &[u8]);
    fn finish(self) -> Self::Digest;
}

impl Measure for Sha256Hasher {
    type Digest = Sha256;

    fn update(&mut self, bytes: &[u8]) {
        Sha256Hasher::update(self, bytes);
    }

    fn finish(self) -> Sha256 {
        Sha256Hasher::finish(self)
    }
}

/// No digest: whoever reads goes by that of the content.
pub(super) struct Undigested;

impl Measure for Undigested {
    type Digest = ();

    fn update(&mut self, _: &[u8]) {}

    fn finish(self) {}
}

/// Takes stored bytes.
pub(super) struct Stored<M = Sha256Hasher> {
    fan_out: FanOut,
    measure: M,
    bytes: u64,
    piece: Vec<u8>,
}

impl<M: Measure> Stored<M> {
    pub(super) fn new(fan_out: FanOut, measure: M) -> Stored<M> {
        Stored { fan_out, measure, bytes: 0, piece: Vec::new() }
    }

    /// Takes a large piece without copying it.
    pub(super) fn push(&mut self, piece: Bytes) -> io::Result<()> {
        self.flush_piece()?;
        self.send(piece)
    }

    /// Everything was taken: how much, and its digest.
    pub(super) fn finish(mut self) -> io::Result<(u64, M::Digest)> {
        self.flush_piece()?;
        Ok((self.bytes, self.measure.finish()))
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
        self.measure.update(&piece);
        self.bytes += piece.len() as u64;
        let nobody = |_| io::Error::new(io::ErrorKind::BrokenPipe, "no destination takes bytes any more");
        self.fan_out.push(&piece).map_err(nobody)
    }
}

impl<M: Measure> Write for Stored<M> {
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
