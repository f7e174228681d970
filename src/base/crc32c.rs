//! CRC-32C checksums, as PostgreSQL's `backup_manifest` has them of every file.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A checksum, written as PostgreSQL does: eight lower-case hexadecimal digits, the lowest byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crc32c(pub u32);

impl fmt::Display for Crc32c {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0.swap_bytes())
    }
}

impl FromStr for Crc32c {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_written_so = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
        let number = Some(text).filter(|text| text.len() == 8 && text.bytes().all(is_written_so));
        let number = number.and_then(|text| u32::from_str_radix(text, 16).ok());
        number.map(|number| Crc32c(number.swap_bytes())).ok_or("a CRC-32C is eight lower-case hexadecimal digits")
    }
}

impl Serialize for Crc32c {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Crc32c {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_lowest_byte_first_and_reads_back() {
        // The check value of CRC-32C.
        let checksum = Crc32c(0xE306_9283);
        assert_eq!(checksum.to_string(), "839206e3");
        assert_eq!("839206e3".parse(), Ok(checksum));
        for text in ["", "839206e", "839206E3", "+39206e3", "839206e30"] {
            assert!(text.parse::<Crc32c>().is_err(), "{text}");
        }
    }
}
