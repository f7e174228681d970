//! What a server of version 17 or later notes of its WAL: which blocks were changed in it, file by file of relations.

use super::{PostgresError, Session, literal};
use crate::base::{Lsn, Timeline};
use serde::Deserialize;
use std::fmt::Write;

/// Whether a server summarizes its WAL, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Summarizing {
    /// Whether it does.
    pub is_on: bool,
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// The timeline of its last checkpoint.
    pub timeline: Timeline,
}

/// How far a server has come with it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Summarized {
    /// The timeline that it is at.
    pub timeline: Timeline,
    /// Up to here summaries are written.
    pub written: Lsn,
    /// Up to here WAL was read.
    pub read: Lsn,
}

/// A summary: of a stretch of WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct WalSummary {
    /// The timeline of the WAL.
    pub timeline: Timeline,
    /// Where the stretch begins.
    pub start: Lsn,
    /// Where it ends.
    pub end: Lsn,
}

/// A file of a relation of which something changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangedFile {
    /// Object id of the tablespace.
    pub tablespace: u32,
    /// Object id of the database; 0 for what all databases share.
    pub database: u32,
    /// Number of the relation's files; 0: all relations of the database.
    pub relation: u32,
    /// 0 for rows, 1 for free space, 2 for visibility, 3 for the beginning of an unlogged relation.
    pub fork: i16,
    /// Which of its files, counted from 0.
    pub segment: u32,
    /// The relation ended here, or was made anew: all that is behind changed, too.
    pub is_limit: bool,
}

impl Session {
    /// Whether WAL is summarized. The server must be of version 17 or later.
    pub async fn summarizing(&mut self) -> Result<Summarizing, PostgresError> {
        self.row(
            "SELECT current_setting('summarize_wal')::bool AS is_on, pg_is_in_recovery() AS in_recovery, timeline_id AS timeline
             FROM pg_control_checkpoint()",
        )
        .await
    }

    /// How far that is.
    pub async fn summarized(&mut self) -> Result<Summarized, PostgresError> {
        self.row(
            "SELECT summarized_tli AS timeline, summarized_lsn AS written, pending_lsn AS read
             FROM pg_get_wal_summarizer_state()",
        )
        .await
    }

    /// Summaries of WAL of a timeline between two positions, in their order.
    pub async fn wal_summaries(&mut self, of: Timeline, from: Lsn, to: Lsn) -> Result<Vec<WalSummary>, PostgresError> {
        let query = format!(
            "SELECT tli AS timeline, start_lsn AS start, end_lsn AS \"end\" FROM pg_available_wal_summaries()
             WHERE tli = {} AND end_lsn > '{from}' AND start_lsn < '{to}' ORDER BY start_lsn, end_lsn",
            of.0
        );
        self.rows(&query).await
    }

    /// What changed by some summaries, each file once or, with its limit, twice. Fails when one of them is gone.
    pub async fn changed_files(
        &mut self,
        by: &[WalSummary],
        pages_in_segment: u32,
    ) -> Result<Vec<ChangedFile>, PostgresError> {
        let mut values = String::new();
        for summary in by {
            let separator = if values.is_empty() { "" } else { ", " };
            let (start, end) = (literal(&summary.start.to_string()), literal(&summary.end.to_string()));
            // A String takes everything.
            let _ = write!(values, "{separator}({}::bigint, {start}::pg_lsn, {end}::pg_lsn)", summary.timeline.0);
        }
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let query = format!(
            "SELECT DISTINCT c.reltablespace::bigint AS tablespace, c.reldatabase::bigint AS database,
                c.relfilenode::bigint AS relation, c.relforknumber AS fork,
                c.relblocknumber / {pages_in_segment} AS segment, c.is_limit_block AS is_limit
             FROM (VALUES {values}) AS s (tli, start_lsn, end_lsn),
                LATERAL pg_wal_summary_contents(s.tli, s.start_lsn, s.end_lsn) AS c"
        );
        self.rows(&query).await
    }
}
