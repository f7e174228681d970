//! The plain bytes of a dump as they come, none of the last ones before all of them are known to be right.

use super::error::RestoreError;
use crate::codec::archive::{Opening, Outline};
use crate::storage::Body;
use crate::stream::{Decode, Sink, StreamError, decode};
use bytes::Bytes;
use std::io;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Pieces that wait to be taken.
const QUEUE: usize = 4;
/// Bytes of a piece that is read here.
const PIECE: usize = 1 << 20;

/// A dump that is being read. Dropping it ends the reading.
pub(super) struct Flow {
    pieces: mpsc::Receiver<Bytes>,
    verdict: Option<JoinHandle<Result<(), StreamError>>>,
    /// Read ahead and put back.
    before: Option<Bytes>,
    /// The last piece that came: it is held until another comes or everything is known to be right.
    held: Option<Bytes>,
}

impl Flow {
    /// Begins to read a file of a backup.
    pub(super) fn of_backup(job: Decode) -> Flow {
        let (sender, pieces) = mpsc::channel(QUEUE);
        let verdict = tokio::spawn(async move { decode(job, Pieces(sender)).await.map(drop) });
        Flow { pieces, verdict: Some(verdict), before: None, held: None }
    }

    /// Begins to read a dump of another tool.
    pub(super) fn of_body(mut body: Body, what: String, progress: impl Fn(Option<u64>) + Send + 'static) -> Flow {
        let (sender, pieces) = mpsc::channel(QUEUE);
        let verdict = tokio::spawn(async move {
            let mut done = 0;
            loop {
                let mut piece = Vec::with_capacity(PIECE);
                while piece.len() < PIECE {
                    // What is wrong with a layer travels inside the error.
                    let read =
                        body.read_buf(&mut piece).await.map_err(|error| match error.downcast::<StreamError>() {
                            Ok(error) => error,
                            Err(error) => StreamError::Damaged(format!("`{what}` is damaged: {error}")),
                        })?;
                    if read == 0 {
                        break;
                    }
                }
                let is_last = piece.len() < PIECE;
                done += piece.len() as u64;
                progress(Some(done));
                if sender.send(piece.into()).await.is_err() || is_last {
                    progress(None);
                    return Ok(());
                }
            }
        });
        Flow { pieces, verdict: Some(verdict), before: None, held: None }
    }

    /// The next bytes. `None` after the last, and then every digest that is known agreed; the last bytes themselves
    /// come only when it is certain that they do.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        if let Some(piece) = self.before.take() {
            return Ok(Some(piece));
        }
        loop {
            match self.pieces.recv().await {
                Some(piece) if piece.is_empty() => {}
                Some(piece) => {
                    if let Some(piece) = self.held.replace(piece) {
                        return Ok(Some(piece));
                    }
                }
                None => {
                    if let Some(verdict) = self.verdict.take() {
                        verdict.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
                    }
                    return Ok(self.held.take());
                }
            }
        }
    }

    /// What the dump holds, before its data; these bytes do not come again.
    pub(super) async fn outline(&mut self) -> Result<Outline, RestoreError> {
        let mut head = Vec::new();
        let mut next_try = 0;
        while let Some(piece) = self.next().await? {
            head.extend_from_slice(&piece);
            if head.len() < next_try {
                continue;
            }
            match Outline::read(&head)? {
                Opening::Complete(outline, at) => {
                    let rest = Bytes::from(head).slice(at..);
                    self.before = (!rest.is_empty()).then_some(rest);
                    return Ok(*outline);
                }
                // Each attempt begins again, so the next one waits for twice as much.
                Opening::TooShort => next_try = head.len() * 2,
            }
        }
        match Outline::read(&head)? {
            Opening::Complete(outline, at) => {
                self.before = (at < head.len()).then(|| Bytes::from(head).slice(at..));
                Ok(*outline)
            }
            Opening::TooShort => {
                Err(crate::codec::archive::Broken::Incomplete("it ends in its table of contents".to_owned()).into())
            }
        }
    }
}

struct Pieces(mpsc::Sender<Bytes>);

impl Sink for Pieces {
    fn take(&mut self, piece: Bytes) -> io::Result<()> {
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the bytes any more");
        self.0.blocking_send(piece).map_err(gone)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn flow(bytes: Vec<u8>, failure: bool) -> Flow {
        let whole = std::io::Cursor::new(bytes);
        let body: Body = if failure { Box::new(whole.chain(Broken)) } else { Box::new(whole) };
        Flow::of_body(body, "x".to_owned(), |_| {})
    }

    struct Broken;
    impl tokio::io::AsyncRead for Broken {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            std::task::Poll::Ready(Err(io::Error::other("torn")))
        }
    }

    #[tokio::test]
    async fn everything_comes_in_order() {
        let bytes: Vec<u8> = (0..3 * PIECE + 17).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let mut flow = flow(bytes.clone(), false);
        let mut got = Vec::new();
        while let Some(piece) = flow.next().await.unwrap() {
            got.extend_from_slice(&piece);
        }
        assert_eq!(got, bytes);
        assert!(flow.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_last_bytes_do_not_come_when_something_is_wrong() {
        let mut flow = flow(vec![1; 100], true);
        assert!(matches!(flow.next().await, Err(StreamError::Damaged(_))));
        let mut empty = super::tests::flow(Vec::new(), false);
        assert!(empty.next().await.unwrap().is_none());
    }
}
