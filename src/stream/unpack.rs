//! The stages that undo: bytes from one to the next, and decompression.

use crate::catalog::Layer;
use crate::codec::FrameCounter;
use bytes::Bytes;
use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender};
use zstd::stream::raw::{InBuffer, Operation, OutBuffer};

/// Bytes handed from stage to stage: few enough to stay in a core's own cache until the next stage takes them.
const PIECE: usize = 256 << 10;

/// Copies to the next stage until the end, or until that stage takes no more: then it failed, and says so itself.
pub(super) fn copy<E>(mut read: impl FnMut(&mut [u8]) -> Result<usize, E>, to: SyncSender<Bytes>) -> Result<(), E> {
    loop {
        let mut piece = vec![0; PIECE];
        let mut length = 0;
        let mut is_last = false;
        while length < PIECE && !is_last {
            let n = read(&mut piece[length..])?;
            length += n;
            is_last = n == 0;
        }
        piece.truncate(length);
        if (length > 0 && to.send(piece.into()).is_err()) || is_last {
            return Ok(());
        }
    }
}

/// Undoes the compression. Returns the number of frames, where they can be counted.
pub(super) fn unpack(layer: Option<&Layer>, mut pieces: Pieces, to: SyncSender<Bytes>) -> io::Result<Option<u64>> {
    match layer {
        Some(Layer::Zstd { .. }) => {
            pieces.frames = Some(FrameCounter::default());
            inflate(&mut pieces, to)?;
            Ok(pieces.frames.and_then(|frames| frames.finish()))
        }
        Some(Layer::Gzip { .. }) => {
            let mut decoder = flate2::bufread::MultiGzDecoder::new(&mut pieces);
            copy(|buffer| decoder.read(buffer), to)?;
            Ok(None)
        }
        _ => {
            while let Ok(piece) = pieces.queue.recv() {
                if to.send(piece).is_err() {
                    break;
                }
            }
            Ok(None)
        }
    }
}

/// Undoes Zstandard, whatever the number of frames.
fn inflate(pieces: &mut Pieces, to: SyncSender<Bytes>) -> io::Result<()> {
    let mut decoder = zstd::stream::raw::Decoder::new()?;
    // Of the frame that is being read; 0 between two frames.
    let mut missing = 0;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        while piece.len() < PIECE {
            let before = piece.len();
            let mut input = InBuffer::around(pieces.fill_buf()?);
            let is_end = input.src.is_empty();
            if is_end && missing == 0 {
                if !piece.is_empty() {
                    // A stage that takes no more failed, and says so itself.
                    let _ = to.send(piece.into());
                }
                return Ok(());
            }
            missing = decoder.run(&mut input, &mut OutBuffer::around_pos(&mut piece, before))?;
            let n = input.pos();
            pieces.consume(n);
            // What was held back by a piece that was full came with this run; what does not come now never does.
            if is_end && piece.len() == before && missing > 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle of a frame"));
            }
        }
        if to.send(piece.into()).is_err() {
            return Ok(());
        }
    }
}

/// The pieces of the stage before, as a reader.
pub(super) struct Pieces {
    queue: Receiver<Bytes>,
    piece: Bytes,
    frames: Option<FrameCounter>,
}

impl Pieces {
    pub(super) fn new(queue: Receiver<Bytes>) -> Pieces {
        Pieces { queue, piece: Bytes::new(), frames: None }
    }
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.is_empty()
            && let Ok(piece) = self.queue.recv()
        {
            if let Some(frames) = &mut self.frames {
                frames.feed(&piece);
            }
            self.piece = piece;
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, n: usize) {
        let _ = self.piece.split_to(n);
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}
