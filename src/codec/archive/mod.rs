//! `pg_dump`'s custom format (`-Fc`), followed as it flows past: table of contents, then blocks of data.
//!
//! Versions 1.12 to 1.16 (PostgreSQL 9 to 18). Data that
//! `pg_dump` compressed itself is unpacked to be counted, except with lz4. Bytes are pushed; memory holds the table of
//! contents without its SQL, and no data. Hostile input gives [`Broken`], never a panic or memory without bound.
//!
//! ```text
//! "PGDMP" major minor revision intSize offSize format
//! compression, creation time, database name, server version, pg_dump version      (head)
//! number of entries, entries                                                      (table of contents)
//! { 1, dump id, { length, bytes }*, 0 | 3, dump id, { oid, { length, bytes }*, 0 }*, 0 }*    (blocks)
//! ```

mod block_rows;
mod cut;
mod intake;
mod outline;
mod rows;
mod scan;
mod toc;

pub use cut::Cut;
pub use outline::{Opening, Outline, OutlineEntry};
pub use scan::{Broken, Scan, Summary};
pub use toc::TocEntry;
