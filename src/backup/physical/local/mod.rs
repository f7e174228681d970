//! Reading the data directory itself, on the server's own host, between PostgreSQL's words that a backup begins and ends.
//!
//! It spares the server the reading and both sides the connection. What comes out is the same as from the server: archives
//! of tablespaces and of the data directory, `backup_label`, the WAL that makes it consistent, and a `backup_manifest` that
//! `pg_verifybackup` reads. [`excluded`] says what is left out, [`tree`] finds the files, [`members`] makes archives of them
//! and checks pages on the way, [`archives`] has the order of it all.
//!
//! Where the server summarizes its WAL, [`ask_summaries`] asks it what changed since an earlier backup, and files of relations of
//! which [`changes`] has nothing are not opened.

mod archives;
mod ask_summaries;
mod begin;
mod changes;
mod excluded;
mod manifest;
mod members;
mod pages;
mod summaries;
mod tree;

pub(super) use archives::LocalOutcome;
pub(super) use begin::begin;
