//! The small commands of replication: who the server is, how its WAL is cut, where timelines came from, slots.

use super::session::ReplicationSession;
use crate::base::{Lsn, SegmentSize, Timeline};
use crate::postgres::PostgresError;
use crate::postgres::sql::identifier;
use bytes::Bytes;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemIdentity {
    /// System identifier: made by `initdb`, the same on every standby, another one after `pg_upgrade`.
    pub system_id: u64,
    /// Timeline that it writes, or that a standby follows.
    pub timeline: Timeline,
    /// How far its WAL is safe on its own disk.
    pub flushed: Lsn,
}

/// The history of a timeline: which ones came before it, and where each ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineHistory {
    /// Name of the file, such as `00000002.history`.
    pub file: String,
    /// The file as the server has it.
    pub content: Bytes,
}

impl ReplicationSession {
    /// Asks who the server is and how far it is.
    pub async fn identify(&mut self) -> Result<SystemIdentity, PostgresError> {
        let row = self.row("IDENTIFY_SYSTEM").await?;
        Ok(SystemIdentity {
            system_id: self.column(&row, 0)?,
            timeline: Timeline(self.column(&row, 1)?),
            flushed: self.column(&row, 2)?,
        })
    }

    /// Length of the server's WAL segments.
    pub async fn segment_size(&mut self) -> Result<SegmentSize, PostgresError> {
        let text = self.show("wal_segment_size").await?;
        segment_size(&text).ok_or_else(|| self.wire.garbled(&format!("wal_segment_size is `{text}`")))
    }

    /// The value of a setting as `SHOW` prints it.
    pub async fn show(&mut self, setting: &'static str) -> Result<String, PostgresError> {
        let row = self.row(&format!("SHOW {setting}")).await?;
        self.column(&row, 0)
    }

    /// The history of a timeline; timeline 1 has none.
    pub async fn timeline_history(&mut self, timeline: Timeline) -> Result<TimelineHistory, PostgresError> {
        let row = self.row(&format!("TIMELINE_HISTORY {}", timeline.0)).await?;
        let content = row.get(1).cloned().flatten().ok_or_else(|| self.wire.garbled("a history has no content"))?;
        Ok(TimelineHistory { file: self.column(&row, 0)?, content })
    }

    /// Creates a physical slot that keeps WAL from now on. `false` when there is a slot of that name already, of
    /// whatever kind.
    pub async fn create_slot(&mut self, name: &SlotName) -> Result<bool, PostgresError> {
        let slot = identifier(name.as_str());
        match self.rows(&format!("CREATE_REPLICATION_SLOT {slot} PHYSICAL RESERVE_WAL")).await {
            Ok(_) => Ok(true),
            Err(PostgresError::Failed { sqlstate: Some(state), .. }) if state == "42710" => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The name of a replication slot: 1 to 63 of `a-z`, `0-9` and `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotName(String);

impl SlotName {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text was not the name of a slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a replication slot: 1 to 63 of a-z, 0-9 and _")]
pub struct InvalidSlotName(pub String);

impl std::str::FromStr for SlotName {
    type Err = InvalidSlotName;

    fn from_str(text: &str) -> Result<SlotName, InvalidSlotName> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_name = (1..=63).contains(&text.len()) && text.bytes().all(fits);
        if is_name { Ok(SlotName(text.to_owned())) } else { Err(InvalidSlotName(text.to_owned())) }
    }
}

/// `16MB`, `1GB`, or bytes without a unit.
fn segment_size(text: &str) -> Option<SegmentSize> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (text.get(..end)?.parse::<u64>().ok()?, text.get(end..)?);
    let unit = match unit {
        "" | "B" => 1,
        "kB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    SegmentSize::new(number.checked_mul(unit)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_shown() {
        assert_eq!(segment_size("16MB"), Some(SegmentSize::DEFAULT));
        assert_eq!(segment_size("1GB").map(SegmentSize::bytes), Some(1 << 30));
        assert_eq!(segment_size("16777216"), Some(SegmentSize::DEFAULT));
        for text in ["", "MB", "3MB", "16 MB", "99999999999999999999GB"] {
            assert_eq!(segment_size(text), None, "{text}");
        }
    }

    #[test]
    fn names_of_slots_are_checked() {
        assert!("backstay_1".parse::<SlotName>().is_ok());
        for text in ["", "a-b", "A", "é", &"a".repeat(64)] {
            assert!(text.parse::<SlotName>().is_err(), "{text}");
        }
    }
}
