//! Messages of the protocol, version 3, over an open connection: whole ones in, whole ones out.

use super::dial::Transport;
use super::refusal::Refusal;
use crate::postgres::PostgresError;
use bytes::{Buf, Bytes, BytesMut};
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One message of the server.
#[derive(Debug)]
pub(super) struct Message {
    /// Which kind: the letter of the protocol.
    pub(super) tag: u8,
    /// What follows the length.
    pub(super) body: Bytes,
}

/// Kinds of messages, as far as replication has them. `postgres-protocol` knows the rest.
pub(super) mod tags {
    pub(in super::super) use postgres_protocol::message::backend::{
        AUTHENTICATION_TAG as AUTHENTICATION, BACKEND_KEY_DATA_TAG as KEY_DATA,
        COMMAND_COMPLETE_TAG as COMMAND_COMPLETE, COPY_DATA_TAG as COPY_DATA, COPY_DONE_TAG as COPY_DONE,
        COPY_OUT_RESPONSE_TAG as COPY_OUT, DATA_ROW_TAG as DATA_ROW, ERROR_RESPONSE_TAG as ERROR,
        NOTICE_RESPONSE_TAG as NOTICE, PARAMETER_STATUS_TAG as PARAMETER, READY_FOR_QUERY_TAG as READY,
        ROW_DESCRIPTION_TAG as ROW_DESCRIPTION,
    };
    /// Bytes may go both ways.
    pub(in super::super) const COPY_BOTH: u8 = b'W';
    /// The server speaks an older minor version of the protocol.
    pub(in super::super) const NEGOTIATE: u8 = b'v';
}

/// The most that one message may hold while nobody has logged in, and afterwards: a peer that is no PostgreSQL must not
/// fill the memory.
const BEFORE_LOGIN: usize = 64 << 10;
const AFTER_LOGIN: usize = 64 << 20;

/// How much is read at once.
const READ: usize = 256 << 10;

/// The most warnings that are kept.
const WARNINGS: usize = 100;

/// A connection as a stream of messages.
pub(super) struct Wire {
    io: Box<dyn Transport>,
    incoming: BytesMut,
    limit: usize,
    /// Host and port, for people.
    pub(super) server: String,
    /// What the server said of itself.
    pub(super) parameters: BTreeMap<String, String>,
    /// What it warned of since the connection stands.
    pub(super) warnings: Vec<String>,
}

impl Wire {
    /// Wraps an open connection.
    pub(super) fn new(io: Box<dyn Transport>, server: String) -> Wire {
        let (parameters, warnings) = (BTreeMap::new(), Vec::new());
        Wire { io, incoming: BytesMut::with_capacity(READ), limit: BEFORE_LOGIN, server, parameters, warnings }
    }

    /// The login is over: messages may be large.
    pub(super) fn trust(&mut self) {
        self.limit = AFTER_LOGIN;
    }

    /// Sends bytes that `postgres_protocol::message::frontend` made.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), PostgresError> {
        let written = self.io.write_all(bytes).await;
        let flushed = if written.is_ok() { self.io.flush().await } else { written };
        flushed.map_err(|e| self.lost(e.to_string()))
    }

    /// Waits for the next message. What the server says of itself or warns of is kept aside. Cancelling loses nothing.
    pub(super) async fn receive(&mut self) -> Result<Message, PostgresError> {
        loop {
            while let Some(message) = self.complete()? {
                match message.tag {
                    tags::PARAMETER => self.keep_parameter(&message.body),
                    tags::NOTICE => self.keep_warning(&message.body),
                    _ => return Ok(message),
                }
            }
            if self.incoming.capacity() - self.incoming.len() < READ / 4 {
                self.incoming.reserve(READ);
            }
            match self.io.read_buf(&mut self.incoming).await {
                Ok(0) => return Err(self.lost("the server closed it".to_owned())),
                Ok(_) => {}
                Err(error) => return Err(self.lost(error.to_string())),
            }
        }
    }

    /// The next message; an error of the server is ours.
    pub(super) async fn expect(&mut self) -> Result<Message, PostgresError> {
        let message = self.receive().await?;
        if message.tag == tags::ERROR { Err(self.refused(&message)) } else { Ok(message) }
    }

    /// What an error message of the server means.
    pub(super) fn refused(&self, message: &Message) -> PostgresError {
        Refusal::parse(&message.body).into_error(&self.server)
    }

    /// The server said something that it should not say here.
    pub(super) fn confused(&self, message: &Message) -> PostgresError {
        self.garbled(&format!("an unexpected message `{}`", char::from(message.tag).escape_default()))
    }

    /// The server said something that is not understood.
    pub(super) fn garbled(&self, what: &str) -> PostgresError {
        self.lost(format!("its answer is not understood: {what}"))
    }

    /// The connection broke.
    pub(super) fn lost(&self, problem: String) -> PostgresError {
        PostgresError::Lost { server: self.server.clone(), problem }
    }

    fn complete(&mut self) -> Result<Option<Message>, PostgresError> {
        let Some((head, _)) = self.incoming.split_first_chunk::<5>() else { return Ok(None) };
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length < 4 || length > self.limit {
            return Err(self.garbled(&format!("a message of {length} bytes")));
        }
        if self.incoming.len() < length + 1 {
            self.incoming.reserve(length + 1 - self.incoming.len());
            return Ok(None);
        }
        let mut body = self.incoming.split_to(length + 1).freeze();
        let tag = body.get_u8();
        body.advance(4);
        Ok(Some(Message { tag, body }))
    }

    fn keep_parameter(&mut self, body: &Bytes) {
        let mut texts = body.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
        if let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            self.parameters.insert(name, value);
        }
    }

    fn keep_warning(&mut self, body: &Bytes) {
        let notice = Refusal::parse(body);
        if notice.is_warning() && self.warnings.len() < WARNINGS {
            self.warnings.push(notice.text());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use proptest::prelude::*;

    /// A wire that the given bytes come out of, and then nothing.
    fn wire(bytes: Vec<u8>) -> Wire {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move {
            // In pieces, so that messages are cut everywhere.
            for piece in bytes.chunks(3) {
                theirs.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        Wire::new(Box::new(ours), "h:1".to_owned())
    }

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32 + 4).to_be_bytes();
        [&[tag][..], &length, body].concat()
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    #[test]
    fn messages_come_whole_and_asides_are_kept() {
        let bytes =
            [message(b'S', b"name\0value\0"), message(b'N', b"SWARNING\0C01000\0Mhm\0\0"), message(b'C', b"x\0")];
        let bytes = bytes.concat();
        run(async {
            let mut wire = wire(bytes);
            let message = wire.receive().await.unwrap();
            assert_eq!((message.tag, &message.body[..]), (tags::COMMAND_COMPLETE, &b"x\0"[..]));
            assert_eq!(wire.parameters["name"], "value");
            assert_eq!(wire.warnings, ["WARNING: hm"]);
            assert!(matches!(wire.receive().await, Err(PostgresError::Lost { .. })));
        });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            run(async {
                let mut wire = wire(bytes);
                while let Ok(message) = wire.receive().await {
                    let _ = wire.refused(&message);
                }
            });
        }
    }
}
