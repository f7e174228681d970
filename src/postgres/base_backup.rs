//! A base backup in the making by `pg_basebackup`: the data directory of a whole cluster as one tar archive.

use super::running::Running;
use super::{PostgresError, Server, Session};
use crate::base::SegmentSize;
use crate::catalog::{BadPage, ClusterDatabase, Tablespace, WalOfBackup};
use serde::Deserialize;
use std::io::PipeReader;

/// The longest pipe that the kernel gives to anyone.
const PIPE_BYTES: usize = 1 << 20;

/// A running base backup. Its bytes are good only when [`BaseBackup::finish`] says so; dropping it kills the program,
/// and the server ends the backup.
pub struct BaseBackup {
    running: Running,
}

/// What came of a base backup whose every byte was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BaseBackupEnd {
    /// What the program said, without what is in `bad_pages`.
    pub warnings: Vec<String>,
    /// Pages whose checksum the server found wrong. It names few of each file.
    pub bad_pages: Vec<BadPage>,
}

impl BaseBackupEnd {
    /// What lines that a server or `pg_basebackup` said mean.
    pub fn of_warnings(said: &str) -> BaseBackupEnd {
        sort_out(said)
    }
}

impl BaseBackup {
    /// Starts a base backup at once, without waiting for the next checkpoint. With `WalOfBackup::Archived` the server
    /// waits at its end until its own archiver took the last segment.
    pub async fn start(server: &Server, label: &str, wal: WalOfBackup) -> Result<BaseBackup, PostgresError> {
        let method = match wal {
            WalOfBackup::Included => "fetch",
            WalOfBackup::Archived => "none",
        };
        let arguments = [
            "--pgdata=-".to_owned(),
            "--format=tar".to_owned(),
            "--checkpoint=fast".to_owned(),
            format!("--wal-method={method}"),
            format!("--label={label}"),
        ];
        Ok(BaseBackup { running: server.start("pg_basebackup", arguments).await? })
    }

    /// The bytes, to be read to the end by a thread; `None` the second time, or when the pipe is broken.
    pub fn output(&mut self) -> Option<PipeReader> {
        drop(self.running.stdin.take());
        let output = self.running.stdout.take()?.into_owned_fd().ok()?;
        // A longer pipe saves the two programs most of their waits for each other; the usual length works as well.
        let _ = rustix::pipe::fcntl_setpipe_size(&output, PIPE_BYTES);
        Some(PipeReader::from(output))
    }

    /// Waits for the program's end, after its bytes were read to theirs.
    pub async fn finish(self) -> Result<BaseBackupEnd, PostgresError> {
        match self.running.finish().await {
            Ok(said) => Ok(sort_out(&said)),
            // With bad pages the server sends everything, the manifest included, and then calls it a failure.
            Err(PostgresError::Failed { problem, .. }) if problem.contains("checksum error occurred") => {
                Ok(sort_out(&problem))
            }
            Err(error) => Err(error),
        }
    }
}

fn sort_out(said: &str) -> BaseBackupEnd {
    let mut end = BaseBackupEnd::default();
    for line in said.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match bad_page(line) {
            Some(page) => end.bad_pages.push(page),
            None if line.contains("checksum") => {}
            None => end.warnings.push(line.to_owned()),
        }
    }
    end
}

/// `checksum verification failed in file "./base/5/1", block 7: calculated 1A2B but expected 3C4D`; before PostgreSQL 12
/// in other words.
fn bad_page(line: &str) -> Option<BadPage> {
    let (_, rest) = line.split_once("checksum verification failed in file \"")?;
    let (file, rest) = rest.split_once("\", block ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    Some(BadPage { file: file.trim_start_matches("./").to_owned(), page: digits.parse().ok()? })
}

/// What a base backup needs to know of a cluster before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Whether pages carry checksums.
    pub checksums: bool,
    /// Length of WAL segments.
    pub wal_segment: SegmentSize,
    /// Bytes of all databases that the role may look at.
    pub bytes: u64,
    /// Tablespaces other than the two that every cluster has.
    pub tablespaces: Vec<Tablespace>,
    /// Every database, templates included.
    pub databases: Vec<ClusterDatabase>,
}

const CLUSTER: &str = "
    SELECT current_setting('data_checksums') = 'on' AS checksums,
        pg_size_bytes(current_setting('wal_segment_size')) AS wal_segment,
        (SELECT coalesce(sum(CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END), 0)
         FROM pg_database) AS bytes,
        (SELECT coalesce(json_agg(json_build_object('oid', oid::bigint, 'location', pg_tablespace_location(oid))
                                  ORDER BY oid), '[]')
         FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')) AS tablespaces,
        (SELECT json_agg(json_build_object('oid', oid::bigint, 'name', datname) ORDER BY oid) FROM pg_database)
            AS databases";

impl Session {
    /// What a base backup needs to know of the cluster. Read-only.
    pub async fn cluster_facts(&mut self) -> Result<ClusterFacts, PostgresError> {
        #[derive(Deserialize)]
        struct Row {
            checksums: bool,
            wal_segment: u64,
            bytes: u64,
            tablespaces: Vec<Tablespace>,
            databases: Vec<ClusterDatabase>,
        }
        let row: Row = self.row(CLUSTER).await?;
        Ok(ClusterFacts {
            checksums: row.checksums,
            wal_segment: SegmentSize::new(row.wal_segment).unwrap_or(SegmentSize::DEFAULT),
            bytes: row.bytes,
            tablespaces: row.tablespaces,
            databases: row.databases,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_pages_are_told_apart_from_other_words() {
        let said = "WARNING:  checksum verification failed in file \"./base/5/16384\", block 12: calculated 1A but expected 2B\n\
            WARNING:  1 total checksum verification failure\npg_basebackup: error: checksum error occurred\nNOTICE:  x\n";
        let page = BadPage { file: "base/5/16384".to_owned(), page: 12 };
        assert_eq!(sort_out(said), BaseBackupEnd { warnings: vec!["NOTICE:  x".to_owned()], bad_pages: vec![page] });
    }
}
