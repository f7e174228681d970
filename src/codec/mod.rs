//! Bytes in, bytes out, no IO: Zstandard frames and gzip members, age files, and the structure of `pg_dump`'s custom
//! format. It knows no files: callers hand it blocks, readers and writers.
//!
//! - [`archive`] follows a dump as it flows past and counts the rows of every table.
//! - [`sql`] does the same for a dump in SQL.
//! - [`FrameCompressor`] makes independent Zstandard frames, so that all cores can work on one stream;
//!   [`FrameCounter`] counts them on the way back.
//! - [`WalHeader`] is what a WAL segment says of itself, [`judge_page`] what a page of a relation does.
//! - [`Cipher`] says how to encrypt, [`Keys`] what can decrypt.

mod age_file;
pub mod archive;
mod frames;
mod gzip;
mod keys;
mod page;
mod sniff;
pub mod sql;
mod wal_header;

pub use age_file::{AgeError, AgeWriter, age_decrypt, age_decrypt_seeking, age_encrypt};
pub use frames::{FRAME_BYTES, FrameCompressor, FrameCounter};
pub use gzip::GzipMember;
pub use keys::{Cipher, Keys};
pub use page::{PAGE_BYTES, PAGES_IN_SEGMENT, PageState, judge_page};
pub use sniff::{DumpFormat, Wrapping, sniff};
pub use wal_header::{NotThisSegment, WAL_HEADER_BYTES, WalHeader};
