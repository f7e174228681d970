//! The stamp on everything that is written: by it a write whose answer was lost is known again.

use crate::base::Sha256;

/// Name of the metadata that holds it.
pub(super) const STAMP: &str = "backstay-write";

/// 128 random bits in hexadecimal digits, one for each write.
pub(super) fn stamp() -> String {
    let half = || getrandom::u64().unwrap_or_default();
    let (a, b) = (half(), half());
    format!("{a:016x}{b:016x}")
}

/// The stamp of content that is known: every try to write it has the same.
pub(super) fn stamp_of(digest: &Sha256) -> String {
    digest.to_string()
}
