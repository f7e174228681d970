//! The archives of a base backup, one after another, for a thread that reads.

use super::base_backup::{BackupEnd, BackupTablespace, Piece};
use crate::base::{Lsn, Timeline};
use crate::postgres::PostgresError;
use bytes::Bytes;
use std::io::{self, Read};
use tokio::sync::mpsc::Receiver;

/// A base backup that a server sends. Everything here blocks and belongs on a thread of its own; the connection is
/// read by the runtime meanwhile, a few megabytes ahead. Dropping it ends the backup on the server, too.
pub struct BaseBackup {
    server: String,
    start: Lsn,
    timeline: Timeline,
    tablespaces: Vec<BackupTablespace>,
    pieces: Receiver<Piece>,
    /// What comes next and was seen already.
    seen: Option<Piece>,
    manifest: Vec<u8>,
}

/// One archive: a whole tar file.
pub struct Archive<'a> {
    /// Tablespace by its object id; `None` for the data directory itself.
    pub tablespace: Option<u32>,
    backup: &'a mut BaseBackup,
    rest: Bytes,
}

impl BaseBackup {
    pub(super) fn new(
        server: String,
        start: Lsn,
        timeline: Timeline,
        tablespaces: Vec<BackupTablespace>,
        pieces: Receiver<Piece>,
    ) -> BaseBackup {
        BaseBackup { server, start, timeline, tablespaces, pieces, seen: None, manifest: Vec::new() }
    }

    /// Where WAL must be replayed from.
    pub fn start(&self) -> Lsn {
        self.start
    }

    /// Timeline of the start.
    pub fn timeline(&self) -> Timeline {
        self.timeline
    }

    /// The data directory and every other tablespace, in the server's order.
    pub fn tablespaces(&self) -> &[BackupTablespace] {
        &self.tablespaces
    }

    /// The next archive; `None` after the last one. What was not read of the one before is passed over.
    pub fn next_archive(&mut self) -> Result<Option<Archive<'_>>, PostgresError> {
        loop {
            match self.next()? {
                Piece::Archive(tablespace) => {
                    return Ok(Some(Archive { tablespace, backup: self, rest: Bytes::new() }));
                }
                end @ Piece::End(..) => {
                    self.seen = Some(end);
                    return Ok(None);
                }
                Piece::Manifest(bytes) => self.manifest.extend_from_slice(&bytes),
                Piece::Data(_) | Piece::Failed(_) => {}
            }
        }
    }

    /// Where the backup ended, and its manifest. What was not read is passed over. Only when this succeeds there is a
    /// backup.
    pub fn finish(mut self) -> Result<BackupEnd, PostgresError> {
        while self.next_archive()?.is_some() {}
        match self.next()? {
            Piece::End(stop, timeline, warnings) => Ok(BackupEnd { stop, timeline, manifest: self.manifest, warnings }),
            _ => Err(self.broken()),
        }
    }

    fn next(&mut self) -> Result<Piece, PostgresError> {
        let next = self.seen.take().or_else(|| self.pieces.blocking_recv());
        match next {
            Some(Piece::Failed(error)) => Err(error),
            Some(piece) => Ok(piece),
            None => Err(self.broken()),
        }
    }

    fn broken(&self) -> PostgresError {
        PostgresError::Lost { server: self.server.clone(), problem: "the backup was given up".to_owned() }
    }
}

impl Read for Archive<'_> {
    /// Bytes of a tar file. An error of the server comes as the inner error, a [`PostgresError`].
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            if self.backup.seen.is_some() {
                return Ok(0);
            }
            match self.backup.next().map_err(io::Error::other)? {
                Piece::Data(bytes) => self.rest = bytes,
                other => self.backup.seen = Some(other),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}
