//! What tells one cluster from every other.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// The system identifier that `initdb` gave a cluster: all its WAL and all its base backups bear it. `pg_upgrade` makes
/// another one. Written in decimal digits, as `pg_controldata` prints it; a text in JSON, whose numbers are too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemId(pub u64);

/// The text was not a system identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a system identifier; `pg_controldata` prints it in up to 20 digits")]
pub struct InvalidSystemId(pub String);

impl FromStr for SystemId {
    type Err = InvalidSystemId;

    fn from_str(text: &str) -> Result<Self, InvalidSystemId> {
        let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        let number = is_plain.then(|| text.parse().ok()).flatten();
        number.map(SystemId).ok_or_else(|| InvalidSystemId(text.to_owned()))
    }
}

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for SystemId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SystemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_read_back_and_nothing_else_does() {
        assert_eq!("7412345678901234567".parse(), Ok(SystemId(7_412_345_678_901_234_567)));
        assert_eq!(SystemId(u64::MAX).to_string().parse(), Ok(SystemId(u64::MAX)));
        for bad in ["", "0", "007", "+7", "7a", "18446744073709551616"] {
            assert!(bad.parse::<SystemId>().is_err(), "{bad}");
        }
    }
}
