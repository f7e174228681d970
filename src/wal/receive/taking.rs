//! The bytes of one stream into segments, and what the server is told meanwhile.

use super::ReceiveError;
use super::receive::{Receive, Shared};
use super::spool::Growing;
use crate::base::{Lsn, WalSegment};
use crate::postgres::PostgresError;
use crate::postgres::replication::{Received, WalMessage, WalStream};
use futures_util::FutureExt;
use std::time::{Duration, Instant, SystemTime};

/// How often the server is told how far we are, whatever happens.
const STATUS: Duration = Duration::from_secs(10);

/// A server that was silent for so long is asked whether it is there, and given up after as long again.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a server may take to end a stream in good order.
const PARTING: Duration = Duration::from_secs(5);

/// Messages that are taken in one go before anything is made safe and told.
const AT_ONCE: usize = 64;

/// How a stream ended.
pub(super) enum Taken {
    /// We were told to stop; what came is safe here.
    Stopped,
    /// The timeline ended; what came of its last segment still grows.
    TimelineEnded(WalStream, Growing),
}

/// One stream and the segment that grows from it.
struct Flow {
    stream: WalStream,
    growing: Growing,
    /// Safe on this machine's disk.
    safe: Option<Lsn>,
    heard: Instant,
    told: Instant,
    has_asked: bool,
}

/// Takes what a stream brings. `whole` is called when a segment is complete, and gives the next one.
pub(super) async fn take(
    order: &Receive<'_>,
    shared: &Shared,
    stream: WalStream,
    growing: Growing,
    whole: impl Fn(WalSegment) -> Result<Growing, ReceiveError>,
    took: &mut bool,
) -> Result<Taken, ReceiveError> {
    let now = Instant::now();
    let mut flow = Flow { stream, growing, safe: None, heard: now, told: now, has_asked: false };
    flow.tell(order, false).await?;
    loop {
        // Nothing more is taken until there is room; the server is still told that we are there.
        let message = tokio::select! {
            message = flow.stream.next(), if !shared.is_full(order.limit) => Some(message?),
            () = shared.wait_for_room(), if shared.is_full(order.limit) => None,
            () = tokio::time::sleep(STATUS.saturating_sub(flow.told.elapsed())) => None,
            () = order.stop.cancelled() => return flow.stop(order).await,
        };
        let Some(message) = message else {
            flow.look_around(order, shared.is_full(order.limit)).await?;
            continue;
        };
        let mut next = Some(message);
        let mut n_taken = 0;
        let mut is_asked = false;
        while let Some(message) = next.take() {
            flow.heard = Instant::now();
            flow.has_asked = false;
            match message {
                WalMessage::Data { start, bytes } => {
                    *took = true;
                    flow.append(start, &bytes, &whole).await?;
                }
                WalMessage::Alive { asks, .. } => is_asked |= asks,
                WalMessage::TimelineEnded => {
                    flow.growing.sync().await?;
                    return Ok(Taken::TimelineEnded(flow.stream, flow.growing));
                }
            }
            n_taken += 1;
            if n_taken < AT_ONCE && !shared.is_full(order.limit) {
                next = flow.stream.next().now_or_never().transpose()?;
            }
        }
        // A server that is shut down asks, and waits until we have everything: so that is made safe.
        if is_asked || order.synchronous {
            flow.make_safe().await?;
        }
        if is_asked || order.synchronous || flow.told.elapsed() >= STATUS {
            flow.tell(order, false).await?;
        }
    }
}

impl Flow {
    async fn append(
        &mut self,
        start: Lsn,
        bytes: &[u8],
        whole: &impl Fn(WalSegment) -> Result<Growing, ReceiveError>,
    ) -> Result<(), ReceiveError> {
        let wanted = self.growing.position();
        if start != wanted {
            let (server, timeline) = (self.stream.server().to_owned(), self.growing.segment.timeline);
            return Err(ReceiveError::OutOfOrder { server, timeline, wanted, found: start });
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let n = self.growing.append(rest)?;
            rest = &rest[n..];
            if self.growing.is_whole() {
                let at = self.growing.position();
                self.growing.complete().await?;
                self.growing = whole(self.growing.next_segment())?;
                self.safe = Some(at);
            }
        }
        Ok(())
    }

    async fn make_safe(&mut self) -> Result<(), ReceiveError> {
        let at = self.growing.position();
        if self.safe != Some(at) {
            self.growing.sync().await?;
            self.safe = Some(at);
        }
        Ok(())
    }

    async fn tell(&mut self, order: &Receive<'_>, asks: bool) -> Result<(), ReceiveError> {
        let received =
            Received { written: self.growing.position(), flushed: if order.synchronous { self.safe } else { None } };
        self.stream.report(received, SystemTime::now(), asks).await?;
        self.told = Instant::now();
        self.has_asked |= asks;
        Ok(())
    }

    /// Nothing came for a while, or nothing is taken: the server is told so, and asked whether it is there.
    async fn look_around(&mut self, order: &Receive<'_>, is_full: bool) -> Result<(), ReceiveError> {
        if is_full {
            // What it said meanwhile was not read.
            self.heard = Instant::now();
        }
        let silence = self.heard.elapsed();
        if silence >= SILENCE * 2 {
            let (server, problem) = (self.stream.server().to_owned(), "the server is silent".to_owned());
            return Err(PostgresError::Lost { server, problem }.into());
        }
        if self.told.elapsed() >= STATUS {
            self.tell(order, silence >= SILENCE && !self.has_asked).await?;
        }
        Ok(())
    }

    async fn stop(mut self, order: &Receive<'_>) -> Result<Taken, ReceiveError> {
        self.make_safe().await?;
        // What it does not hear now, it learns at the next connection.
        let _ = tokio::time::timeout(PARTING, async {
            self.tell(order, false).await?;
            self.stream.close().await?;
            Ok::<(), ReceiveError>(())
        })
        .await;
        Ok(Taken::Stopped)
    }
}
