//! Receiving WAL: connecting, choosing where to begin, following timelines, going on after whatever breaks.

use super::ReceiveError;
use super::slot::Slot;
use super::spool::{Growing, Spool};
use super::start::{Known, first_segment};
use super::storing::{Moved, store};
use super::taking::{Taken, take};
use crate::base::{Lookup, Lsn, SegmentSize, Size, SystemId, Timeline, WalFile, WalSegment};
use crate::catalog::wal::History;
use crate::event::{Event, Observer};
use crate::policy::DatabaseSpec;
use crate::postgres::Connection;
use crate::postgres::replication::{ReplicationSession, SlotName, Streaming, SystemIdentity};
use crate::wal::Push;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What to receive, and where to.
pub struct Receive<'a> {
    /// The stores, and how WAL is encrypted.
    pub push: Push,
    /// The database entry of the policy.
    pub spec: &'a DatabaseSpec,
    /// A slot that keeps WAL on the server until every store has it.
    pub slot: Option<SlotName>,
    /// The server is told what is safe here as soon as it is: transactions may wait for that.
    pub synchronous: bool,
    /// Begin with what the server writes now, whatever is missing before that.
    pub from_now: bool,
    /// How much may wait to be stored. When it is reached, nothing more is taken until something is stored.
    pub limit: Size,
    /// Where passwords and the like come from.
    pub lookup: &'a dyn Lookup,
    /// Who is told.
    pub observer: &'a dyn Observer,
    /// Cancelled to stop.
    pub stop: CancellationToken,
}

/// How long is waited before a server that is away is asked again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15)];

/// What both sides know.
pub(super) struct Shared {
    pub(super) spool: Spool,
    /// Cancelled when nothing more is taken.
    pub(super) is_over: CancellationToken,
    work: Notify,
    room: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    backlog: u64,
    growing: Option<(SystemId, WalSegment, SegmentSize)>,
    moved: Moved,
    warned: String,
}

/// Receives until it is stopped, then stores what is whole. Whatever waits from earlier runs is stored, too.
pub async fn receive(order: &Receive<'_>, spool: Spool) -> Result<(), ReceiveError> {
    let shared = Shared {
        spool,
        is_over: CancellationToken::new(),
        work: Notify::new(),
        room: Notify::new(),
        state: Mutex::default(),
    };
    let slot = order.slot.as_ref().map(|name| Slot::new(name, order.spec, order.lookup));
    let storing = store(order, &shared, slot.as_ref());
    let taking = async {
        let from_now = order.from_now;
        let mut taking = Taking { order, shared: &shared, slot: slot.as_ref(), held: None, cluster: None, from_now };
        let end = taking.go_on().await;
        shared.is_over.cancel();
        shared.work.notify_one();
        end
    };
    tokio::pin!(storing, taking);
    tokio::select! {
        // It ends by itself only when it cannot go on.
        stored = &mut storing => stored,
        taken = &mut taking => {
            let stored = storing.await;
            taken.and(stored)
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how much waits, and lets whoever waits for room look again.
    pub(super) fn set_backlog(&self, bytes: u64) {
        self.state().backlog = bytes;
        self.room.notify_one();
    }

    /// Something may be stored now.
    pub(super) fn has_work(&self, bytes: u64) {
        self.state().backlog += bytes;
        self.work.notify_one();
    }

    /// True while as much waits as may wait.
    pub(super) fn is_full(&self, limit: Size) -> bool {
        self.state().backlog >= limit.0
    }

    pub(super) async fn wait_for_room(&self) {
        self.room.notified().await;
    }

    /// Waits until something can be stored or taking is over; with a pause, that long, unless taking is over.
    pub(super) async fn wait_for_work(&self, pause: Option<Duration>) {
        match pause {
            None => self.work.notified().await,
            Some(pause) => {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.is_over.cancelled() => {}
                }
            }
        }
    }

    /// The segment that grows.
    pub(super) fn growing(&self) -> Option<(SystemId, WalSegment, SegmentSize)> {
        self.state().growing
    }

    fn grows(&self, system: SystemId, segment: WalSegment, size: SegmentSize) {
        self.state().growing = Some((system, segment, size));
    }

    /// True when the slot was not moved that far yet.
    pub(super) fn is_news(&self, system: SystemId, to: Lsn) -> bool {
        self.state().moved.is_none_or(|(moved, at)| moved != system || at < to)
    }

    pub(super) fn advanced(&self, system: SystemId, to: Lsn) {
        self.state().moved = Some((system, to));
    }

    /// Warns, once for the same text in a row.
    pub(super) fn warn(&self, order: &Receive<'_>, text: &str) {
        let mut state = self.state();
        if state.warned != text {
            text.clone_into(&mut state.warned);
            order.observer.on(&Event::Warning(text.to_owned()));
        }
    }

    fn is_well(&self) {
        self.state().warned.clear();
    }
}

/// Whole segments that are held: by some store, and by every store.
type Held = (BTreeSet<WalSegment>, BTreeSet<WalSegment>);

/// The side that takes bytes from the server.
struct Taking<'a, 'b> {
    order: &'a Receive<'b>,
    shared: &'a Shared,
    slot: Option<&'a Slot<'b>>,
    held: Option<Held>,
    cluster: Option<SystemId>,
    from_now: bool,
}

impl Taking<'_, '_> {
    async fn go_on(&mut self) -> Result<(), ReceiveError> {
        let mut failures = 0;
        loop {
            let mut took = false;
            let error = match self.connection(&mut took).await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_passing() => error,
                Err(error) => return Err(error),
            };
            failures = if took { 0 } else { failures + 1 };
            self.shared.warn(self.order, &format!("{error}; trying again"));
            tokio::select! {
                () = tokio::time::sleep(PAUSES[failures.min(PAUSES.len() - 1)]) => {}
                () = self.order.stop.cancelled() => return Ok(()),
            }
        }
    }

    /// One connection, until it breaks or receiving is stopped.
    async fn connection(&mut self, took: &mut bool) -> Result<(), ReceiveError> {
        let opened = async {
            let connection = Connection::resolve(&self.order.spec.connection, self.order.lookup)?;
            ReplicationSession::connect(&connection, self.order.lookup).await
        };
        let mut session = tokio::select! {
            opened = opened => opened?,
            () = self.order.stop.cancelled() => return Ok(()),
        };
        let identity = session.identify().await?;
        let system = SystemId(identity.system_id);
        match self.cluster {
            Some(wanted) if wanted != system => {
                let server = session.server().to_owned();
                return Err(ReceiveError::OtherCluster { server, wanted, found: system });
            }
            _ => self.cluster = Some(system),
        }
        let size = session.segment_size().await?;
        let mut segment = self.begin(&mut session, &identity, system, size).await?;
        let wanted = segment.start(size);
        if wanted > identity.flushed {
            let server = session.server().to_owned();
            return Err(ReceiveError::Behind { server, flushed: identity.flushed, wanted });
        }
        let spool = &self.shared.spool;
        // One that will come again, after others that some store lacks, grows on then.
        let is_over = |unfinished: &WalSegment| unfinished.timeline != identity.timeline || *unfinished < segment;
        let over = spool.unfinished(system)?.into_iter().filter(|unfinished| *unfinished != segment);
        for unfinished in over.filter(is_over) {
            spool.grow(system, unfinished, size)?.end_timeline().await?;
            self.shared.has_work(size.bytes());
        }
        let name = &self.order.push.database;
        let (at, timeline) = (segment.start(size), segment.timeline.0);
        let told = format!("receiving WAL of {name} from {} since {at} on timeline {timeline}", session.server());
        self.order.observer.on(&Event::Note(told));
        self.shared.is_well();
        loop {
            let successor = match session.stream(segment.start(size), segment.timeline, None).await? {
                Streaming::Ended(next, successor) => {
                    session = next;
                    successor
                }
                Streaming::Open(stream) => {
                    let growing = self.shared.spool.grow(system, segment, size)?;
                    self.shared.grows(system, segment, size);
                    match take(self.order, self.shared, stream, growing, |next| self.whole(system, next, size), took)
                        .await?
                    {
                        Taken::Stopped => return Ok(()),
                        Taken::TimelineEnded(stream, growing) => {
                            let (next, successor) = stream.successor().await?;
                            session = next;
                            growing.end_timeline().await?;
                            self.shared.has_work(size.bytes());
                            successor
                        }
                    }
                }
            };
            self.history(&mut session, system, successor.timeline).await?;
            segment = WalSegment::at(successor.timeline, successor.begins, size);
            let (timeline, begins) = (successor.timeline.0, successor.begins);
            self.order.observer.on(&Event::Note(format!("{name} goes on with timeline {timeline} since {begins}")));
        }
    }

    /// The segment to begin with.
    async fn begin(
        &mut self,
        session: &mut ReplicationSession,
        identity: &SystemIdentity,
        system: SystemId,
        size: SegmentSize,
    ) -> Result<WalSegment, ReceiveError> {
        let slot = match self.slot {
            None => None,
            Some(slot) => {
                let (is_new, restart) = slot.ready(session).await?;
                if is_new {
                    self.order.observer.on(&Event::Note("the slot was made".to_owned()));
                }
                restart
            }
        };
        let history = self.history(session, system, identity.timeline).await?;
        if std::mem::take(&mut self.from_now) {
            let now = WalSegment::at(identity.timeline, identity.flushed, size);
            if let Some(slot) = self.slot {
                // What it kept before would be asked for again at the next connection.
                slot.advance(now.start(size)).await?;
            }
            return Ok(now);
        }
        let growing = self.shared.spool.unfinished(system)?.last().copied();
        if self.held.is_none() {
            match self.look(system).await {
                Ok(held) => self.held = Some(held),
                // What came before the segment that grew is stored or waits here: that is enough to go on.
                Err(error) if growing.is_some() => self.shared.warn(self.order, &error.to_string()),
                Err(error) => return Err(error),
            }
        }
        let (mut somewhere, mut everywhere) = self.held.clone().unwrap_or_default();
        for waiting in self.shared.spool.waiting()? {
            if let (WalFile::Segment(segment), true) = (waiting.file, waiting.system == system) {
                somewhere.insert(segment);
                everywhere.insert(segment);
            }
        }
        Ok(first_segment(&Known {
            timeline: identity.timeline,
            ancestors: &history.ancestors,
            flushed: identity.flushed,
            size,
            somewhere: &somewhere,
            everywhere: &everywhere,
            growing,
            slot,
        }))
    }

    /// What the stores hold. All of them must be asked once: what one lacks, the slot may still keep.
    async fn look(&self, system: SystemId) -> Result<Held, ReceiveError> {
        let mut held: Option<Held> = None;
        for repository in &self.order.push.to {
            let objects = repository.wal_of(&self.order.push.database).await?;
            let segments: BTreeSet<WalSegment> = objects
                .iter()
                .filter(|object| object.system == system)
                .filter_map(|object| match object.file {
                    WalFile::Segment(segment) => Some(segment),
                    _ => None,
                })
                .collect();
            held = Some(match held {
                None => (segments.clone(), segments),
                Some((mut somewhere, everywhere)) => {
                    let both = everywhere.intersection(&segments).copied().collect();
                    somewhere.extend(segments);
                    (somewhere, both)
                }
            });
        }
        Ok(held.unwrap_or_default())
    }

    /// Asks for a timeline's history and keeps it to be stored. Timeline 1 has none.
    async fn history(
        &self,
        session: &mut ReplicationSession,
        system: SystemId,
        timeline: Timeline,
    ) -> Result<History, ReceiveError> {
        if timeline == Timeline(1) {
            return Ok(History { timeline, ancestors: Vec::new() });
        }
        let file = session.timeline_history(timeline).await?;
        let history = History::read(timeline, &String::from_utf8_lossy(&file.content))?;
        self.shared.spool.keep_history(system, timeline, &file.content)?;
        self.shared.has_work(file.content.len() as u64);
        Ok(history)
    }

    /// A segment is whole: the next one grows.
    fn whole(&self, system: SystemId, next: WalSegment, size: SegmentSize) -> Result<Growing, ReceiveError> {
        let growing = self.shared.spool.grow(system, next, size)?;
        self.shared.grows(system, next, size);
        self.shared.has_work(size.bytes());
        Ok(growing)
    }
}
