//! Archives of a base backup from our own connection, with the manifest of the server as the last file, where
//! `pg_basebackup` puts it.

use super::source::{Archive, ArchiveBytes, Archives};
use crate::postgres::PostgresError;
use crate::postgres::replication::{Archive as Streaming, BackupEnd, BaseBackup};
use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::AbortHandle;

/// The reading side of a base backup.
pub(super) struct Streamed {
    /// `None` when everything was read.
    backup: Option<BaseBackup>,
    outcome: Shared,
}

/// How it ended, once it has; seen from outside of the thread that reads. Dropping it ends the backup.
pub(super) struct Outcome {
    outcome: Shared,
    connection: AbortHandle,
}

type Shared = Arc<Mutex<Option<Result<BackupEnd, PostgresError>>>>;

impl Streamed {
    /// The archives of a backup, and what will have come of it.
    pub(super) fn of(backup: BaseBackup) -> (Streamed, Outcome) {
        let outcome = Shared::default();
        let connection = backup.abort_handle();
        (Streamed { backup: Some(backup), outcome: outcome.clone() }, Outcome { outcome, connection })
    }
}

impl Outcome {
    /// The end of the backup or its error; `None` while neither has come.
    pub(super) fn take(&self) -> Option<Result<BackupEnd, PostgresError>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Archives for Streamed {
    fn next(&mut self) -> io::Result<Option<Archive>> {
        let Some(mut backup) = self.backup.take() else { return Ok(None) };
        let next = backup.next_archive().map_err(|error| fail(&self.outcome, error))?;
        if let Some(bytes) = next {
            self.backup = Some(backup);
            let tablespace = bytes.tablespace;
            return Ok(Some(Archive { tablespace, bytes: Box::new(Watched(bytes, self.outcome.clone())) }));
        }
        let mut end = backup.finish().map_err(|error| fail(&self.outcome, error))?;
        let manifest = archive_of("backup_manifest", &std::mem::take(&mut end.manifest))?;
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(Ok(end));
        Ok(Some(Archive { tablespace: None, bytes: Box::new(Cursor::new(manifest)) }))
    }
}

/// Notes why reading failed: the server's own words say more than that the archive ended.
struct Watched(Streaming, Shared);

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.downcast::<PostgresError>() {
            Ok(error) => fail(&self.1, error),
            Err(error) => error,
        })
    }
}

impl ArchiveBytes for Watched {}

fn fail(outcome: &Shared, error: PostgresError) -> io::Error {
    let told = io::Error::other(error.to_string());
    *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(Err(error));
    told
}

/// An archive with one file.
fn archive_of(name: &str, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o600);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, name, content)?;
    builder.into_inner()
}
