//! `BASE_BACKUP`: what is asked for, what the server says first, and the way its archives take to a reader.
//!
//! Servers from 15 on send one stream in which every piece says what it is; older ones send one stream an archive, in
//! the order of their list of tablespaces, and the manifest as the last. Both become the same [`Piece`]s.

use super::archives::BaseBackup;
use super::session::{ReplicationSession, row};
use super::wire::{Message, tags};
use crate::base::{Lsn, Size, Timeline};
use crate::postgres::PostgresError;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use tokio::sync::mpsc::{self, Sender};

/// What to ask a server for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseBackupOptions {
    /// Name of the backup; it appears in `backup_label` and in the server's log.
    pub label: String,
    /// How the checkpoint is made that the backup begins with.
    pub checkpoint: Checkpoint,
    /// The most that the server sends in a second.
    pub max_rate: Option<Size>,
    /// Whether the WAL between start and end comes along, below `pg_wal` of the main archive.
    pub with_wal: bool,
    /// Whether the server waits at the end until that WAL is archived.
    pub waits_for_archive: bool,
}

/// How the checkpoint is made that a backup begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoint {
    /// At once, at the price of a burst of writes.
    Fast,
    /// Gently, which may take minutes.
    Spread,
}

/// A tablespace of a base backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupTablespace {
    /// Its object id; `None` for the data directory itself.
    pub oid: Option<u32>,
    /// Where it lies on the server; `None` for the data directory.
    pub location: Option<String>,
    /// Its size in KiB when the backup began, as far as the server knows it.
    pub kib: Option<u64>,
}

/// Where a base backup ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupEnd {
    /// The first position after the WAL that the backup needs.
    pub stop: Lsn,
    /// Timeline of that position.
    pub timeline: Timeline,
    /// The server's `backup_manifest`: every file with its size and CRC-32C.
    pub manifest: Vec<u8>,
    /// What the server warned of, such as pages whose checksum is wrong.
    pub warnings: Vec<String>,
}

/// What travels from the connection to the reader of archives.
#[derive(Debug)]
pub(super) enum Piece {
    /// An archive begins: of a tablespace, or of the data directory.
    Archive(Option<u32>),
    /// Bytes of the archive.
    Data(Bytes),
    /// Bytes of the manifest.
    Manifest(Bytes),
    /// Everything came.
    End(Lsn, Timeline, Vec<String>),
    /// It failed.
    Failed(PostgresError),
}

/// Pieces that wait for the reader: about 2 MiB.
const WAITING: usize = 64;

/// The state of the error that follows a backup with pages whose checksum is wrong.
const DAMAGED: &str = "XX001";

/// What ends a tar archive. Servers before 15 leave it out.
const END_OF_TAR: [u8; 1024] = [0; 1024];

impl BaseBackupOptions {
    fn command(&self, version_num: u32) -> String {
        // Kilobytes a second, between 32 and a gigabyte.
        let rate = self.max_rate.map(|rate| (rate.0 / 1024).clamp(32, 1 << 20));
        // The grammar of replication knows no backslashes.
        let label = format!("'{}'", self.label.replace('\'', "''"));
        if version_num >= 150_000 {
            let checkpoint = if self.checkpoint == Checkpoint::Fast { "fast" } else { "spread" };
            let mut words = vec![format!("LABEL {label}"), "PROGRESS".to_owned(), format!("CHECKPOINT '{checkpoint}'")];
            words.push(format!("WAL {}", self.with_wal));
            words.push(format!("WAIT {}", self.waits_for_archive));
            words.extend(rate.map(|rate| format!("MAX_RATE {rate}")));
            words.push("TABLESPACE_MAP, MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C'".to_owned());
            return format!("BASE_BACKUP ({})", words.join(", "));
        }
        let mut command = format!("BASE_BACKUP LABEL {label} PROGRESS");
        let wanted = [
            (self.checkpoint == Checkpoint::Fast, " FAST"),
            (self.with_wal, " WAL"),
            (!self.waits_for_archive, " NOWAIT"),
        ];
        command.extend(wanted.iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, word)| *word));
        command.extend(rate.map(|rate| format!(" MAX_RATE {rate}")));
        command + " TABLESPACE_MAP MANIFEST 'yes' MANIFEST_CHECKSUMS 'CRC32C'"
    }
}

impl ReplicationSession {
    /// Begins a base backup and returns when the server has made its checkpoint, which may take minutes. Needs a
    /// runtime, on which the connection is read from then on.
    pub async fn base_backup(mut self, options: &BaseBackupOptions) -> Result<BaseBackup, PostgresError> {
        let version = self.version_num();
        self.wire.warnings.clear();
        self.send_command(&options.command(version)).await?;
        let (mut sets, mut problem) = (Vec::new(), None);
        let opened = loop {
            let message = self.wire.receive().await?;
            match message.tag {
                tags::ROW_DESCRIPTION => sets.push(Vec::new()),
                tags::DATA_ROW => match (row(&message.body), sets.last_mut()) {
                    (Some(row), Some(set)) => set.push(row),
                    _ => return Err(self.wire.confused(&message)),
                },
                tags::COMMAND_COMPLETE => {}
                tags::ERROR => problem = Some(self.wire.refused(&message)),
                tags::COPY_OUT | tags::READY => break message.tag == tags::COPY_OUT,
                _ => return Err(self.wire.confused(&message)),
            }
        };
        if let Some(problem) = problem {
            return Err(problem);
        }
        let [start, tablespaces] = &sets[..] else { return Err(self.wire.garbled("a backup without a beginning")) };
        let start = start.first().ok_or_else(|| self.wire.garbled("a backup without a beginning"))?;
        let (start, timeline) = (self.column(start, 0)?, Timeline(self.column(start, 1)?));
        let mut list = Vec::new();
        for row in tablespaces {
            let has = |at: usize| row.get(at).is_some_and(Option::is_some);
            list.push(BackupTablespace {
                oid: if has(0) { Some(self.column(row, 0)?) } else { None },
                location: if has(1) { Some(self.column(row, 1)?) } else { None },
                kib: if has(2) { Some(self.column(row, 2)?) } else { None },
            });
        }
        if !opened {
            return Err(self.wire.garbled("a backup without archives"));
        }
        let order: VecDeque<Option<u32>> = list.iter().map(|tablespace| tablespace.oid).collect();
        let (sender, receiver) = mpsc::channel(WAITING);
        let server = self.wire.server.clone();
        let connection = tokio::spawn(async move {
            tokio::select! {
                // Nobody reads any more: the connection goes, and the server ends the backup.
                () = sender.closed() => {}
                end = self.forward(&sender, order) => {
                    let _ = sender.send(end.unwrap_or_else(Piece::Failed)).await;
                    self.close().await;
                }
            }
        });
        Ok(BaseBackup::new(server, start, timeline, list, receiver, connection.abort_handle()))
    }

    /// Reads archives to their end, and then where the backup ended.
    async fn forward(
        &mut self,
        pieces: &Sender<Piece>,
        mut order: VecDeque<Option<u32>>,
    ) -> Result<Piece, PostgresError> {
        let tells_pieces = self.version_num() >= 150_000;
        let (mut in_manifest, mut end, mut problem) = (false, None, None);
        if !tells_pieces {
            in_manifest = begin(pieces, &mut order).await;
        }
        loop {
            let message = self.wire.receive().await?;
            let piece = match message.tag {
                tags::COPY_DATA if tells_pieces => self.piece(&message, &mut in_manifest)?,
                tags::COPY_DATA if in_manifest => Some(Piece::Manifest(message.body)),
                tags::COPY_DATA => Some(Piece::Data(message.body)),
                tags::COPY_OUT if !tells_pieces => {
                    in_manifest = begin(pieces, &mut order).await;
                    None
                }
                tags::COPY_DONE if !tells_pieces && !in_manifest => Some(Piece::Data(Bytes::from_static(&END_OF_TAR))),
                tags::COPY_DONE | tags::ROW_DESCRIPTION | tags::COMMAND_COMPLETE => None,
                tags::DATA_ROW => {
                    let row = row(&message.body).ok_or_else(|| self.wire.confused(&message))?;
                    end = Some((self.column(&row, 0)?, Timeline(self.column(&row, 1)?)));
                    None
                }
                tags::ERROR => {
                    problem = Some(self.wire.refused(&message));
                    None
                }
                tags::READY => break,
                _ => return Err(self.wire.confused(&message)),
            };
            if let Some(piece) = piece {
                // Whether anybody takes it, `closed` tells.
                let _ = pieces.send(piece).await;
            }
        }
        match (problem, end) {
            // After everything, the end included: the warnings say which pages are bad, and the backup is what it is.
            (Some(PostgresError::Failed { sqlstate: Some(state), .. }), Some((stop, timeline))) if state == DAMAGED => {
                Ok(Piece::End(stop, timeline, std::mem::take(&mut self.wire.warnings)))
            }
            (Some(problem), _) => Err(problem),
            (None, Some((stop, timeline))) => Ok(Piece::End(stop, timeline, std::mem::take(&mut self.wire.warnings))),
            (None, None) => Err(self.wire.garbled("a backup without an end")),
        }
    }

    /// What a piece of the newer protocol is; `None` for a report of progress.
    fn piece(&self, message: &Message, in_manifest: &mut bool) -> Result<Option<Piece>, PostgresError> {
        let mut body = message.body.clone();
        if body.is_empty() {
            return Err(self.wire.confused(message));
        }
        match body.get_u8() {
            b'd' if *in_manifest => Ok(Some(Piece::Manifest(body))),
            b'd' => Ok(Some(Piece::Data(body))),
            b'm' => {
                *in_manifest = true;
                Ok(None)
            }
            b'n' => {
                *in_manifest = false;
                let name = body.split(|byte| *byte == 0).next().unwrap_or_default();
                archive(name)
                    .map(|oid| Some(Piece::Archive(oid)))
                    .ok_or_else(|| self.wire.garbled("a name of an archive"))
            }
            b'p' => Ok(None),
            _ => Err(self.wire.confused(message)),
        }
    }
}

/// The next stream of the older protocol begins. True when it is the manifest.
async fn begin(pieces: &Sender<Piece>, order: &mut VecDeque<Option<u32>>) -> bool {
    match order.pop_front() {
        Some(oid) => {
            let _ = pieces.send(Piece::Archive(oid)).await;
            false
        }
        None => true,
    }
}

/// The tablespace of an archive by its name: `16384.tar`, or `base.tar` for the data directory.
fn archive(name: &[u8]) -> Option<Option<u32>> {
    match std::str::from_utf8(name).ok()?.strip_suffix(".tar")? {
        "base" => Some(None),
        oid => oid.parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> BaseBackupOptions {
        BaseBackupOptions {
            label: "it's \\".to_owned(),
            checkpoint: Checkpoint::Fast,
            max_rate: Some(Size(1)),
            with_wal: false,
            waits_for_archive: false,
        }
    }

    #[test]
    fn commands_fit_the_version() {
        assert_eq!(
            options().command(150_000),
            "BASE_BACKUP (LABEL 'it''s \\', PROGRESS, CHECKPOINT 'fast', WAL false, WAIT false, MAX_RATE 32, \
             TABLESPACE_MAP, MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C')"
        );
        assert_eq!(
            options().command(140_023),
            "BASE_BACKUP LABEL 'it''s \\' PROGRESS FAST NOWAIT MAX_RATE 32 TABLESPACE_MAP MANIFEST 'yes' \
             MANIFEST_CHECKSUMS 'CRC32C'"
        );
    }

    #[test]
    fn archives_are_known_by_name() {
        assert_eq!(archive(b"base.tar"), Some(None));
        assert_eq!(archive(b"16384.tar"), Some(Some(16_384)));
        assert_eq!(archive(b"16384.tar.gz"), None);
    }
}
