//! From async to threads and back: a body read by a thread, a thread's output as a body.

use super::StreamError;
use crate::storage::Body;
use bytes::Bytes;
use std::io::{self, Read};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Bytes of a piece: few enough to stay in a core's own cache until they are taken.
const PIECE: usize = 256 << 10;
/// Pieces that wait.
const QUEUE: usize = 4;

/// A body, as a thread reads it.
pub(super) struct Feed {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

/// Reads `body` on a task until its end, a failure, or nobody reads on. Needs a tokio runtime.
pub(super) fn feed(mut body: Body, stop: CancellationToken) -> Feed {
    let (sender, pieces) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            let read = async {
                while piece.len() < PIECE && body.read_buf(&mut piece).await? > 0 {}
                io::Result::Ok(())
            };
            let read = tokio::select! {
                read = read => read,
                () = stop.cancelled() => Err(io::Error::new(io::ErrorKind::Interrupted, CANCELLED)),
            };
            let is_last = read.is_err() || piece.len() < PIECE;
            if !piece.is_empty() && sender.send(Ok(piece.into())).await.is_err() {
                return;
            }
            if let Err(error) = read {
                let _ = sender.send(Err(error)).await;
            }
            if is_last {
                return;
            }
        }
    });
    Feed { pieces, piece: Bytes::new() }
}

const CANCELLED: &str = "interrupted by request";

/// What failed while the feed was read.
pub(super) fn source_error(what: &str, problem: io::Error) -> StreamError {
    if problem.to_string() == CANCELLED {
        return StreamError::Cancelled;
    }
    StreamError::Source { what: what.to_owned(), problem }
}

impl Feed {
    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        if !self.piece.is_empty() {
            return Ok(Some(std::mem::take(&mut self.piece)));
        }
        self.pieces.blocking_recv().transpose()
    }
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.next() {
                Ok(Some(piece)) => self.piece = piece,
                Ok(None) => return Ok(0),
                // `Interrupted` would be tried again by every reader.
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
        let n = buffer.len().min(self.piece.len());
        buffer[..n].copy_from_slice(&self.piece.split_to(n));
        Ok(n)
    }
}
