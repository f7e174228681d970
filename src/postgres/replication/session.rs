//! A session that replicates: its version, and single commands with answers in rows.

use super::connect::connect;
use super::wire::{Wire, tags};
use crate::base::Lookup;
use crate::postgres::{Connection, PostgresError};
use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::message::frontend;

/// An open physical replication connection. Dropping it ends it: the server stops what it is doing for us.
pub struct ReplicationSession {
    pub(super) wire: Wire,
    version_num: u32,
}

/// One row of an answer; a missing value is `None`.
pub(super) type Row = Vec<Option<Bytes>>;

impl ReplicationSession {
    /// Connects as libpq would, for replication: hosts, service file, password file and the environment count as for
    /// `psql`. What only libpq can do (GSSAPI, SSPI, LDAP, keys on tokens) is refused by name.
    pub async fn connect(connection: &Connection, lookup: &dyn Lookup) -> Result<ReplicationSession, PostgresError> {
        connect(connection, lookup).await
    }

    pub(super) fn new(wire: Wire) -> Result<ReplicationSession, PostgresError> {
        let version = wire.parameters.get("server_version").map_or("", String::as_str);
        let version_num = version_number(version).ok_or_else(|| wire.garbled("it does not say its version"))?;
        Ok(ReplicationSession { wire, version_num })
    }

    /// Version of the server as a number, such as 150018.
    pub fn version_num(&self) -> u32 {
        self.version_num
    }

    /// Host and port, for people.
    pub fn server(&self) -> &str {
        &self.wire.server
    }

    /// Why a server is not of the kind that `target_session_attrs` asks for.
    pub(super) async fn mismatch(&mut self, wanted: &str) -> Result<Option<&'static str>, PostgresError> {
        if wanted == "any" {
            return Ok(None);
        }
        // Before version 14 the server does not say it by itself, but a standby's transactions are read-only.
        let in_recovery = match self.wire.parameters.get("in_hot_standby") {
            Some(value) => value == "on",
            None => self.show("transaction_read_only").await? == "on",
        };
        let read_only = in_recovery || self.show("default_transaction_read_only").await? == "on";
        Ok(match wanted {
            "read-write" if read_only => Some("the session is read-only"),
            "read-only" if !read_only => Some("the session is not read-only"),
            "primary" if in_recovery => Some("the server is a standby"),
            "standby" if !in_recovery => Some("the server is not a standby"),
            _ => None,
        })
    }

    /// Sends a command; the answer is read next.
    pub(super) async fn send_command(&mut self, command: &str) -> Result<(), PostgresError> {
        let mut out = BytesMut::new();
        frontend::query(command, &mut out).map_err(|e| super::login::invalid(e.to_string()))?;
        self.wire.send(&out).await
    }

    /// Runs a command and gives its rows. After an error of the server the session goes on.
    pub(super) async fn rows(&mut self, command: &str) -> Result<Vec<Row>, PostgresError> {
        self.send_command(command).await?;
        let mut rows = Vec::new();
        let mut problem = None;
        loop {
            let message = self.wire.receive().await?;
            match message.tag {
                tags::DATA_ROW => rows.push(row(&message.body).ok_or_else(|| self.wire.confused(&message))?),
                tags::ROW_DESCRIPTION | tags::COMMAND_COMPLETE => {}
                tags::ERROR => problem = Some(self.wire.refused(&message)),
                tags::READY => return problem.map_or(Ok(rows), Err),
                _ => return Err(self.wire.confused(&message)),
            }
        }
    }

    /// The only row of a command's answer.
    pub(super) async fn row(&mut self, command: &str) -> Result<Row, PostgresError> {
        let found = self.rows(command).await?.into_iter().next();
        found.ok_or_else(|| self.wire.garbled("a row is missing"))
    }

    /// A column of a row as text that means something.
    pub(super) fn column<T: std::str::FromStr>(&self, row: &Row, at: usize) -> Result<T, PostgresError> {
        let text = row.get(at).and_then(Option::as_ref).and_then(|value| std::str::from_utf8(value).ok());
        text.and_then(|text| text.parse().ok()).ok_or_else(|| self.wire.garbled(&format!("column {}", at + 1)))
    }

    /// Waits until the server takes the next command, whatever else it says before.
    pub(super) async fn drain(&mut self) -> Result<(), PostgresError> {
        while self.wire.receive().await?.tag != tags::READY {}
        Ok(())
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        let mut out = BytesMut::new();
        frontend::terminate(&mut out);
        // A server that is gone needs no goodbye.
        let _ = self.wire.send(&out).await;
    }
}

/// The values of a data row; `None` when the message is cut off.
pub(super) fn row(body: &Bytes) -> Option<Row> {
    let mut body = body.clone();
    let count = if body.len() >= 2 { body.get_u16() } else { return None };
    let mut row = Vec::new();
    for _ in 0..count {
        let length = if body.len() >= 4 { body.get_i32() } else { return None };
        match usize::try_from(length) {
            Err(_) => row.push(None),
            Ok(length) if length <= body.len() => row.push(Some(body.split_to(length))),
            Ok(_) => return None,
        }
    }
    Some(row)
}

/// 150018 of `15.18 (Debian 15.18-1)`, 160000 of `16beta1`.
fn version_number(text: &str) -> Option<u32> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let major: u32 = digits(text).parse().ok().filter(|major| (10..1000).contains(major))?;
    let rest = text.get(digits(text).len()..)?;
    let minor =
        rest.strip_prefix('.').and_then(|rest| digits(rest).parse::<u32>().ok()).filter(|minor| *minor < 10_000);
    Some(major * 10_000 + minor.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version_number("15.18 (Debian 15.18-0+deb12u1)"), Some(150_018));
        assert_eq!(version_number("16beta1"), Some(160_000));
        assert_eq!(version_number("x"), None);
    }

    #[test]
    fn rows_have_values_and_gaps() {
        let body = Bytes::from_static(b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0");
        assert_eq!(row(&body), Some(vec![Some(Bytes::from_static(b"ab")), None, Some(Bytes::new())]));
        assert_eq!(row(&body.slice(..9)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, text: String) {
            let _ = row(&Bytes::from(bytes));
            let _ = version_number(&text);
        }
    }
}
