//! The name of one backup: when it was taken and four letters that make it unique.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// `20261120T020000Z-k3f9`: sorts by time as text. The time is the second in which the backup started, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackupId(String);

/// The text was not the id of a backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of a backup; ids read like `20261120T020000Z-k3f9`")]
pub struct InvalidBackupId(pub String);

const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const TIME_LENGTH: usize = 16;
const LENGTH: usize = TIME_LENGTH + 5;

impl BackupId {
    /// The id of a backup started at `started`. `random` decides the suffix: 20 of its bits are used.
    pub fn new(started: Timestamp, random: u32) -> BackupId {
        let suffix: String = (0..4).map(|i| char::from(ALPHABET[(random >> (5 * i)) as usize & 31])).collect();
        BackupId(format!("{}-{suffix}", started.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The second in which the backup started.
    pub fn started(&self) -> Timestamp {
        parse_time(&self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Digit by digit: planning asks for the time of every backup of every database, and several times.
fn parse_time(text: &str) -> Option<Timestamp> {
    let time: &[u8; TIME_LENGTH] = text.as_bytes().first_chunk()?;
    if time[8] != b'T' || time[15] != b'Z' {
        return None;
    }
    let number = |at: std::ops::Range<usize>| {
        time[at].iter().try_fold(0_i16, |all, digit| digit.is_ascii_digit().then(|| all * 10 + i16::from(digit - b'0')))
    };
    let small = |at| number(at).and_then(|number| i8::try_from(number).ok());
    let (year, month, day) = (number(0..4)?, small(4..6)?, small(6..8)?);
    let at = DateTime::new(year, month, day, small(9..11)?, small(11..13)?, small(13..15)?, 0).ok()?;
    Offset::UTC.to_timestamp(at).ok()
}

impl FromStr for BackupId {
    type Err = InvalidBackupId;

    fn from_str(text: &str) -> Result<Self, InvalidBackupId> {
        let suffix_ok = text.len() == LENGTH
            && text.as_bytes()[TIME_LENGTH] == b'-'
            && text.bytes().skip(TIME_LENGTH + 1).all(|b| ALPHABET.contains(&b));
        if suffix_ok && parse_time(text).is_some() {
            Ok(BackupId(text.to_owned()))
        } else {
            Err(InvalidBackupId(text.to_owned()))
        }
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for BackupId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BackupId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_carries_its_second() {
        let started: Timestamp = "2026-11-20T02:00:00.75Z".parse().unwrap_or_default();
        let id = BackupId::new(started, 0xFFFF_FFFF);
        assert_eq!(id.as_str(), "20261120T020000Z-9999");
        assert_eq!(id.started().to_string(), "2026-11-20T02:00:00Z");
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn any_second_comes_back() {
        for second in (0..4_000_000_000_i64).step_by(86_399 * 11) {
            let started = Timestamp::from_second(second).unwrap_or_default();
            assert_eq!(BackupId::new(started, 7).started(), started);
        }
        assert_eq!(parse_time("20240229T235959Z").map(|at| at.to_string()).as_deref(), Some("2024-02-29T23:59:59Z"));
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for bad in [
            "",
            "latest",
            "20261120T020000Z",
            "20261320T020000Z-aaaa",
            "20261120T020000Z-aaa!",
            "20261120T020000Z-aaaaa",
            "2026112éT20000Z-aaaa",
            "20260229T020000Z-aaaa",
            "20261120T240000Z-aaaa",
            "2026112+T020000Z-aaaa",
        ] {
            assert!(bad.parse::<BackupId>().is_err(), "{bad}");
        }
    }
}
