//! One stored file of WAL.

use crate::base::{Blake3, SegmentSize, SystemId, WalFile};
use crate::catalog::Layer;
use crate::resource::StorageClass;
use std::fmt;
use std::str::FromStr;

/// What tells two contents of one file apart: the first 32 of the 64 hexadecimal digits of BLAKE3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalDigest(String);

impl WalDigest {
    const DIGITS: usize = 32;

    /// The digest of `content`, what PostgreSQL wrote.
    pub fn of(content: &[u8]) -> WalDigest {
        WalDigest::from(Blake3::of(content))
    }
}

impl From<Blake3> for WalDigest {
    fn from(whole: Blake3) -> WalDigest {
        let mut digits = whole.to_string();
        digits.truncate(WalDigest::DIGITS);
        WalDigest(digits)
    }
}

impl fmt::Display for WalDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text was no digest of WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest of WAL is 32 lower-case hexadecimal digits")]
pub struct InvalidWalDigest;

impl FromStr for WalDigest {
    type Err = InvalidWalDigest;

    fn from_str(text: &str) -> Result<Self, InvalidWalDigest> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let is_digest = text.len() == WalDigest::DIGITS && text.bytes().all(is_digit);
        is_digest.then(|| WalDigest(text.to_owned())).ok_or(InvalidWalDigest)
    }
}

/// A file of WAL as it is stored. Its name in the store says all of it but how long and how old it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalObject {
    /// Whose it is.
    pub system: SystemId,
    /// Which file.
    pub file: WalFile,
    /// Of its content.
    pub digest: WalDigest,
    /// Length of the cluster's segments, which says where a segment lies.
    pub segment_size: SegmentSize,
    /// What was done to the content, in order.
    pub layers: Vec<Layer>,
    /// Its length as stored.
    pub stored_bytes: u64,
    /// When it was stored, seconds since 1970.
    pub modified: i64,
    /// What changes when it is written again.
    pub etag: String,
    /// Its storage class.
    pub class: StorageClass,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_first_half_of_blake3() {
        let digest = WalDigest::of(b"");
        assert_eq!(digest.to_string(), "af1349b9f5f9a1a6a0404dea36dcc949");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for bad in ["", "af1349b9", "AF1349B9F5F9A1A6A0404DEA36DCC949"] {
            assert!(bad.parse::<WalDigest>().is_err(), "{bad}");
        }
    }
}
