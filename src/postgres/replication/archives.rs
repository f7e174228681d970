//! The archives of a base backup, one after another, for a thread that reads.

use super::base_backup::{BackupEnd, BackupTablespace, Piece};
use crate::base::{Lsn, Timeline};
use crate::postgres::PostgresError;
use bytes::Bytes;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::Receiver;
use tokio::task::AbortHandle;

/// A base backup that a server sends. Everything here blocks and belongs on a thread of its own; the connection is
/// read by the runtime meanwhile, a few megabytes ahead. Dropping it and its archives ends the backup on the server, too.
pub struct BaseBackup {
    start: Lsn,
    timeline: Timeline,
    tablespaces: Vec<BackupTablespace>,
    incoming: Arc<Mutex<Incoming>>,
    connection: AbortHandle,
}

/// One archive: a whole tar file. It ends early when the next one is asked for.
pub struct Archive {
    /// Tablespace by its object id; `None` for the data directory itself.
    pub tablespace: Option<u32>,
    number: usize,
    incoming: Arc<Mutex<Incoming>>,
    rest: Bytes,
}

/// What comes from the connection.
struct Incoming {
    server: String,
    pieces: Receiver<Piece>,
    /// What comes next and was seen already.
    seen: Option<Piece>,
    manifest: Vec<u8>,
    n_archives: usize,
}

impl BaseBackup {
    pub(super) fn new(
        server: String,
        start: Lsn,
        timeline: Timeline,
        tablespaces: Vec<BackupTablespace>,
        pieces: Receiver<Piece>,
        connection: AbortHandle,
    ) -> BaseBackup {
        let incoming = Incoming { server, pieces, seen: None, manifest: Vec::new(), n_archives: 0 };
        BaseBackup { start, timeline, tablespaces, incoming: Arc::new(Mutex::new(incoming)), connection }
    }

    /// What ends the connection: a thread that waits for bytes then gets an error.
    pub fn abort_handle(&self) -> AbortHandle {
        self.connection.clone()
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
    pub fn next_archive(&mut self) -> Result<Option<Archive>, PostgresError> {
        let mut incoming = lock(&self.incoming);
        let Some(tablespace) = incoming.next_archive()? else { return Ok(None) };
        let number = incoming.n_archives;
        Ok(Some(Archive { tablespace, number, incoming: self.incoming.clone(), rest: Bytes::new() }))
    }

    /// Where the backup ended, and its manifest. What was not read is passed over. Only when this succeeds there is a
    /// backup.
    pub fn finish(self) -> Result<BackupEnd, PostgresError> {
        let mut incoming = lock(&self.incoming);
        while incoming.next_archive()?.is_some() {}
        match incoming.next()? {
            Piece::End(stop, timeline, warnings) => {
                Ok(BackupEnd { stop, timeline, manifest: std::mem::take(&mut incoming.manifest), warnings })
            }
            _ => Err(incoming.broken()),
        }
    }
}

impl Incoming {
    fn next_archive(&mut self) -> Result<Option<Option<u32>>, PostgresError> {
        loop {
            match self.next()? {
                Piece::Archive(tablespace) => {
                    self.n_archives += 1;
                    return Ok(Some(tablespace));
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

    /// The next bytes of the archive with this number; `None` at its end.
    fn data(&mut self, number: usize) -> Result<Option<Bytes>, PostgresError> {
        if self.n_archives != number || self.seen.is_some() {
            return Ok(None);
        }
        match self.next()? {
            Piece::Data(bytes) => Ok(Some(bytes)),
            other => {
                self.seen = Some(other);
                Ok(None)
            }
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

impl Read for Archive {
    /// Bytes of a tar file. An error of the server comes as the inner error, a [`PostgresError`].
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match lock(&self.incoming).data(self.number).map_err(io::Error::other)? {
                Some(bytes) => self.rest = bytes,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

fn lock(incoming: &Mutex<Incoming>) -> MutexGuard<'_, Incoming> {
    incoming.lock().unwrap_or_else(PoisonError::into_inner)
}
