//! A backup whose files somebody else reads: the server is told when that begins and when it ends.

use super::{PostgresError, Session, literal};
use crate::base::Lsn;
use serde::Deserialize;

/// Where a server has its files, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DataDirectory {
    /// The folder on the server's host.
    pub path: String,
    /// Identifier of the cluster in it.
    pub system_identifier: String,
    /// Length of pages.
    pub page_bytes: u64,
    /// Pages in a file of a relation that has more than one.
    pub pages_in_segment: u64,
}

/// A backup that has begun on the server. Dropping it ends the session, and the server forgets the backup.
pub struct OnlineBackup {
    session: Session,
    start: Lsn,
    version_num: u32,
}

/// What the server says at the end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OnlineBackupEnd {
    /// Up to where WAL is needed.
    pub lsn: Lsn,
    /// Content of `backup_label`.
    pub label: String,
    /// Content of `tablespace_map`; empty without tablespaces.
    pub tablespace_map: String,
}

impl Session {
    /// Where the files are. Roles that may not read all settings are refused.
    pub async fn data_directory(&mut self) -> Result<DataDirectory, PostgresError> {
        self.row(
            "SELECT current_setting('data_directory') AS path,
                (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
                current_setting('block_size')::bigint AS page_bytes,
                (SELECT setting::bigint FROM pg_settings WHERE name = 'segment_size') AS pages_in_segment",
        )
        .await
    }
}

impl OnlineBackup {
    /// Begins a backup with a checkpoint at once. Where that is possible a temporary slot keeps the WAL that the backup
    /// needs for as long as this lives; its name is made of the label.
    pub async fn begin(mut session: Session, version_num: u32, label: &str) -> Result<OnlineBackup, PostgresError> {
        #[derive(Deserialize)]
        struct Begun {
            lsn: Lsn,
        }
        let slot: String = label
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .take(63)
            .collect();
        // Who may not, or has no slot left, backs up without; that WAL went away is then found at the end.
        let keep = format!(
            "DO $keep$ BEGIN PERFORM pg_create_physical_replication_slot({}, true, true);
             EXCEPTION WHEN OTHERS THEN NULL; END $keep$",
            literal(&slot)
        );
        session.execute(&keep).await?;
        let label = literal(label);
        let begin = match version_num {
            150_000.. => format!("SELECT pg_backup_start({label}, true) AS lsn"),
            _ => format!("SELECT pg_start_backup({label}, true, false) AS lsn"),
        };
        let Begun { lsn } = session.row(&begin).await?;
        Ok(OnlineBackup { session, start: lsn, version_num })
    }

    /// Where WAL must be replayed from.
    pub fn start(&self) -> Lsn {
        self.start
    }

    /// Ends it, without waiting until WAL is archived. Not to be called twice.
    pub async fn end(&mut self) -> Result<OnlineBackupEnd, PostgresError> {
        let ended = match self.version_num {
            150_000.. => "pg_backup_stop(false)",
            _ => "pg_stop_backup(false, false)",
        };
        let query = format!("SELECT lsn, labelfile AS label, coalesce(spcmapfile, '') AS tablespace_map FROM {ended}");
        self.session.row(&query).await
    }
}
