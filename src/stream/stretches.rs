//! A stored file of which only some stretches are fetched, as a reader that can be moved.

use super::feed::{Feed, feed};
use crate::storage::Body;
use futures_util::future::BoxFuture;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use tokio_util::sync::CancellationToken;

/// Fetches a stretch of a stored file.
pub type Fetch = Box<dyn Fn(Range<u64>) -> BoxFuture<'static, io::Result<Body>> + Send + Sync>;

/// What is fetched when something is read that was not foreseen.
const UNFORESEEN: u64 = 128 << 10;

/// The file. Each stretch is fetched at once, when its first byte is read.
pub(super) struct Stretches {
    fetch: Fetch,
    stop: CancellationToken,
    runtime: tokio::runtime::Handle,
    length: u64,
    /// What will be read; sorted, not overlapping.
    foreseen: Vec<Range<u64>>,
    position: u64,
    /// What comes just now, and from where to where.
    open: Option<(Feed, Range<u64>)>,
}

impl Stretches {
    /// Needs a tokio runtime; read by a thread that may block.
    pub(super) fn new(fetch: Fetch, length: u64, foreseen: Vec<Range<u64>>, stop: CancellationToken) -> Stretches {
        let runtime = tokio::runtime::Handle::current();
        Stretches { fetch, stop, runtime, length, foreseen, position: 0, open: None }
    }

    fn stretch(&self) -> Range<u64> {
        let foreseen = self.foreseen.iter().find(|range| range.contains(&self.position));
        let end = foreseen.map_or((self.position + UNFORESEEN).min(self.length), |range| range.end);
        self.position..end
    }
}

impl Read for Stretches {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.length || buffer.is_empty() {
            return Ok(0);
        }
        let (feed, range) = match &mut self.open {
            Some((feed, range)) if range.start == self.position && !range.is_empty() => (feed, range),
            open => {
                // Nothing is fetched for what is not read any more.
                *open = None;
                let range = self.stretch();
                let body = self.runtime.block_on((self.fetch)(range.clone()))?;
                let _entered = self.runtime.enter();
                let (feed, range) = self.open.insert((feed(body, self.stop.clone()), range));
                (feed, range)
            }
        };
        let most = usize::try_from(range.end - range.start).unwrap_or(usize::MAX).min(buffer.len());
        let n = feed.read(&mut buffer[..most])?;
        if n == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the stored file ends too early"));
        }
        range.start += n as u64;
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for Stretches {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
