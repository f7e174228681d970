//! Pumps bytes between a reader and stores: bounded memory, everything overlapped, several destinations at once.
//!
//! ```text
//! reader ─ blocks ┬─ BLAKE3 of plain bytes, scan of the dump
//!                 └─ compressors (all cores) ─ in order ─ encryption ─ SHA-256 of stored bytes ─┬─ upload
//!                                                                                               └─ upload
//! body ─ SHA-256 of stored bytes ─ decryption ─ decompression ─ BLAKE3 of plain bytes, scan ─ writer
//! ```
//!
//! [`encode`] goes the first way, [`decode`] the second. Neither completes an upload nor trusts an input to its end:
//! the caller completes when the program that wrote the bytes ended well, and `decode` fails unless every digest
//! agrees. [`open_foreign`] reads dumps that other tools made. [`SmallEncoder`] takes what fits into memory.
//! [`decode_parts`] reads some frames of a file, without the rest of it.

mod blocks;
mod cipher;
mod compress;
mod decode;
mod encode;
mod encoding;
mod error;
mod fan_out;
mod feed;
mod foreign;
mod gather;
mod gpg;
mod keys;
mod parts;
mod progress;
mod small;
mod stored;
mod stretches;
mod unpack;

pub use blocks::Blocks;
pub use decode::{Content, Decode, Decoded, Expected, Sink, decode};
pub use encode::{Encode, Encoded, encode};
pub use encoding::Encoding;
pub use error::StreamError;
pub use fan_out::complete_all;
pub use foreign::{ForeignDump, digest_for, look_into, open_foreign};
pub use gather::Gather;
pub use keys::keys;
pub use parts::{DecodeParts, Frames, decode_parts};
pub use progress::Progress;
pub use small::SmallEncoder;
pub use stretches::Fetch;
