//! Sealed JSON: every small file that a repository holds ends with a digest of itself, so that one changed byte
//! anywhere in it shows, white space included.
//!
//! Format: the value as indented JSON, whose last member is `"sha256"`. The digest covers every byte before the
//! comma that precedes that member. Anyone can check it with `head` and `sha256sum` (docs/format.md).

use crate::base::Sha256;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A sealed text was changed, cut, or is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenSeal {
    /// The digest is missing: cut off, or not a file of this program.
    #[error("it does not end with its digest: it was cut off or is not a file that backstay wrote")]
    Missing,
    /// The digest is of other bytes.
    #[error("its content does not match its own digest: it was changed after it was written")]
    Mismatch,
    /// Digest good, content not understood: written by another version.
    #[error("its content is not understood: {0}")]
    Content(String),
}

const OPEN: &str = ",\n  \"sha256\": \"";
const CLOSE: &str = "\"\n}\n";

/// The sealed text of a value that serialises as a JSON object with at least one member.
pub fn seal<T: Serialize>(value: &T) -> String {
    // Serialising our own structs to a String fails only for maps with non-text keys, which none of them has.
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    close(json.strip_suffix("\n}").unwrap_or(&json))
}

/// The same as `seal` without indentation, for files that only this program reads and that may be long.
pub fn seal_compact<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    close(json.strip_suffix('}').unwrap_or(&json))
}

fn close(body: &str) -> String {
    let digest = Sha256::of(body.as_bytes());
    [body, OPEN, &digest.to_string(), CLOSE].concat()
}

/// The value of a sealed text.
pub fn unseal<T: DeserializeOwned>(text: &[u8]) -> Result<T, BrokenSeal> {
    let tail = OPEN.len() + 64 + CLOSE.len();
    let split = text.len().checked_sub(tail).ok_or(BrokenSeal::Missing)?;
    let (body, tail) = text.split_at(split);
    let digest = tail
        .strip_prefix(OPEN.as_bytes())
        .and_then(|rest| rest.strip_suffix(CLOSE.as_bytes()))
        .ok_or(BrokenSeal::Missing)?;
    if digest != Sha256::of(body).to_string().as_bytes() {
        return Err(BrokenSeal::Mismatch);
    }
    serde_json::from_slice(text).map_err(|e| BrokenSeal::Content(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn compact_and_indented_read_alike() {
        let value = json!({"id": "x", "list": [1]});
        let read = unseal::<Value>(seal_compact(&value).as_bytes()).unwrap_or_default();
        assert_eq!(read["list"], value["list"]);
    }

    #[test]
    fn any_changed_byte_breaks_the_seal() {
        let text = seal(&json!({"id": "x", "list": [1, {"a": null}]})).into_bytes();
        let value: Value = unseal(&text).unwrap_or_default();
        assert_eq!(value["list"][0], 1);
        for at in 0..text.len() {
            for flip in [1_u8, 0x20, 0x80] {
                let mut changed = text.clone();
                changed[at] ^= flip;
                assert!(unseal::<Value>(&changed).is_err(), "byte {at} xor {flip:#x}");
            }
            assert!(unseal::<Value>(&text[..at]).is_err(), "cut at {at}");
        }
    }
}
