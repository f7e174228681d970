//! `START_REPLICATION`: the write-ahead log as it is written, and how far we say that we have it.

use super::commands::SlotName;
use super::session::{ReplicationSession, row};
use super::wire::{Message, tags};
use crate::base::{Lsn, Timeline};
use crate::postgres::PostgresError;
use crate::postgres::sql::identifier;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use postgres_protocol::message::frontend;
use std::time::{Duration, SystemTime};

/// What became of asking for WAL.
pub enum Streaming {
    /// It flows.
    Open(WalStream),
    /// The timeline ended exactly where we wanted to begin.
    Ended(ReplicationSession, Successor),
}

/// A stream of WAL. Dropping it ends the connection.
pub struct WalStream {
    session: ReplicationSession,
}

/// What a stream brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalMessage {
    /// Bytes of the log.
    Data {
        /// Where they begin.
        start: Lsn,
        /// They.
        bytes: Bytes,
    },
    /// The server says that it is there.
    Alive {
        /// How far it has sent.
        sent: Lsn,
        /// It wants to hear how far we are, now: it may be waiting for us in order to end.
        asks: bool,
    },
    /// The timeline ended, and everything of it has come: [`WalStream::successor`] says how it goes on.
    TimelineEnded,
}

/// The timeline that follows one that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    /// The next one in the server's history.
    pub timeline: Timeline,
    /// Where it left.
    pub begins: Lsn,
}

/// How far we have the log, as the server understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Taken, but lost with this machine's power. Transactions that wait for `remote_write` go on.
    pub written: Lsn,
    /// Safe here. Transactions that wait for a synchronous standby go on, and a slot of this stream moves. `None`: we
    /// promise nothing.
    pub flushed: Option<Lsn>,
}

/// Between 1970 and 2000, the epoch of PostgreSQL.
const TO_2000: Duration = Duration::from_secs(946_684_800);

impl ReplicationSession {
    /// Asks for the log of a timeline from a position on, which should begin a segment. A slot is held while the
    /// stream lives, and moved by what we say is safe.
    pub async fn stream(
        mut self,
        from: Lsn,
        timeline: Timeline,
        slot: Option<&SlotName>,
    ) -> Result<Streaming, PostgresError> {
        let slot = slot.map(|slot| format!("SLOT {} ", identifier(slot.as_str()))).unwrap_or_default();
        self.send_command(&format!("START_REPLICATION {slot}PHYSICAL {from} TIMELINE {}", timeline.0)).await?;
        let message = self.wire.receive().await?;
        match message.tag {
            tags::COPY_BOTH => Ok(Streaming::Open(WalStream { session: self })),
            tags::ERROR => Err(self.wire.refused(&message)),
            tags::ROW_DESCRIPTION => {
                let successor = successor(&mut self).await?;
                Ok(Streaming::Ended(self, successor))
            }
            _ => Err(self.wire.confused(&message)),
        }
    }
}

impl WalStream {
    /// Host and port, for people.
    pub fn server(&self) -> &str {
        self.session.server()
    }

    /// Waits for what comes next. Cancelling loses nothing.
    pub async fn next(&mut self) -> Result<WalMessage, PostgresError> {
        let message = self.session.wire.expect().await?;
        match message.tag {
            tags::COPY_DATA => self.parse(&message),
            tags::COPY_DONE => Ok(WalMessage::TimelineEnded),
            // The last word of a server that is shut down.
            tags::COMMAND_COMPLETE => Err(self.session.wire.lost("the server is shut down".to_owned())),
            _ => Err(self.session.wire.confused(&message)),
        }
    }

    /// Tells the server how far we are. `asks`: it is to answer, which shows that it is there.
    pub async fn report(&mut self, received: Received, now: SystemTime, asks: bool) -> Result<(), PostgresError> {
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_1970.saturating_sub(TO_2000).as_micros()).unwrap_or(i64::MAX);
        let mut status = BytesMut::new();
        status.put_u8(b'r');
        status.put_u64(received.written.0);
        status.put_u64(received.flushed.unwrap_or(Lsn(0)).0);
        // Nothing is applied here.
        status.put_u64(0);
        status.put_i64(micros);
        status.put_u8(u8::from(asks));
        let mut out = BytesMut::new();
        match frontend::CopyData::new(status) {
            Ok(message) => message.write(&mut out),
            Err(error) => return Err(self.session.wire.lost(error.to_string())),
        }
        self.session.wire.send(&out).await
    }

    /// After [`WalMessage::TimelineEnded`]: which timeline goes on, and the session for asking about it.
    pub async fn successor(mut self) -> Result<(ReplicationSession, Successor), PostgresError> {
        self.say_done().await?;
        loop {
            let message = self.session.wire.expect().await?;
            match message.tag {
                tags::ROW_DESCRIPTION => break,
                tags::COPY_DATA | tags::COPY_DONE => {}
                _ => return Err(self.session.wire.confused(&message)),
            }
        }
        let successor = successor(&mut self.session).await?;
        Ok((self.session, successor))
    }

    /// Ends the stream in good order. What the server sends meanwhile is thrown away.
    pub async fn close(mut self) -> Result<(), PostgresError> {
        self.say_done().await?;
        self.session.drain().await?;
        self.session.close().await;
        Ok(())
    }

    async fn say_done(&mut self) -> Result<(), PostgresError> {
        let mut out = BytesMut::new();
        frontend::copy_done(&mut out);
        self.session.wire.send(&out).await
    }

    fn parse(&self, message: &Message) -> Result<WalMessage, PostgresError> {
        parse(message.body.clone()).ok_or_else(|| self.session.wire.confused(message))
    }
}

fn parse(mut body: Bytes) -> Option<WalMessage> {
    if body.is_empty() {
        return None;
    }
    match body.get_u8() {
        b'w' if body.len() >= 24 => {
            let start = Lsn(body.get_u64());
            body.advance(16);
            Some(WalMessage::Data { start, bytes: body })
        }
        b'k' if body.len() >= 17 => {
            let sent = Lsn(body.get_u64());
            body.advance(8);
            Some(WalMessage::Alive { sent, asks: body.get_u8() != 0 })
        }
        _ => None,
    }
}

/// The rows that follow the description of a switch, up to where the next command may be sent.
async fn successor(session: &mut ReplicationSession) -> Result<Successor, PostgresError> {
    let mut found = None;
    loop {
        let message = session.wire.expect().await?;
        match message.tag {
            tags::DATA_ROW => {
                let row = row(&message.body).ok_or_else(|| session.wire.confused(&message))?;
                found =
                    Some(Successor { timeline: Timeline(session.column(&row, 0)?), begins: session.column(&row, 1)? });
            }
            tags::COMMAND_COMPLETE | tags::COPY_DONE => {}
            tags::READY => return found.ok_or_else(|| session.wire.garbled("a timeline without a successor")),
            _ => return Err(session.wire.confused(&message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn data_and_signs_of_life_are_told_apart() {
        let mut data = vec![b'w', 0, 0, 0, 1, 0, 0, 0, 2];
        data.extend([0; 16]);
        data.extend(b"log");
        let expected = WalMessage::Data { start: Lsn(0x1_0000_0002), bytes: Bytes::from_static(b"log") };
        assert_eq!(parse(Bytes::from(data)), Some(expected));
        let mut alive = vec![b'k', 0, 0, 0, 0, 0, 0, 0, 7];
        alive.extend([0; 8]);
        alive.push(1);
        assert_eq!(parse(Bytes::from(alive)), Some(WalMessage::Alive { sent: Lsn(7), asks: true }));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = parse(Bytes::from(bytes));
        }
    }
}
