//! Where a base backup comes from: backstay's own connection, or `pg_basebackup` where that program alone gets through, or
//! the files themselves where the tier says that they are on this host.
//!
//! The connection knows tablespaces. It is not possible behind `exec`, nor with a login that only libpq has; there the
//! program is run, which puts everything into one archive and so cannot have tablespaces.

use super::local::{self, LocalOutcome};
use super::since::Since;
use super::source::{Archive, ArchiveBytes, Archives};
use super::streamed::{Outcome, Streamed};
use crate::backup::error::BackupError;
use crate::backup::take::{Tools, interruptible};
use crate::catalog::WalOfBackup;
use crate::policy::BaseFrom;
use crate::postgres::replication::{BaseBackupOptions, Checkpoint, ReplicationSession};
use crate::postgres::{BaseBackup, BaseBackupEnd, ClusterFacts, PostgresError, Server};
use crate::stream::Gather;
use std::collections::VecDeque;
use std::io::Read;

/// A base backup under way. Dropping it ends it, and whoever reads its archives with it.
pub(super) enum BaseSource {
    /// A running `pg_basebackup`.
    Program(BaseBackup),
    /// Our own connection.
    Connection(Outcome),
    /// Files of this host.
    Local(LocalOutcome),
}

/// What a program printed.
impl<R: Read + Send> ArchiveBytes for Gather<R> {}

/// A base backup that has begun.
pub(super) struct Begun {
    pub(super) source: BaseSource,
    pub(super) archives: Box<dyn Archives>,
    /// What reads it, for the manifest: `pg_basebackup (PostgreSQL) 15.18`.
    pub(super) program: String,
}

impl BaseSource {
    /// Begins a base backup with a checkpoint at once. `since`: what it may say of files that they are as they were, without
    /// reading them.
    pub(super) async fn begin(
        server: &Server,
        cluster: &ClusterFacts,
        label: String,
        wal: WalOfBackup,
        from: BaseFrom,
        since: Option<&Since>,
        tools: &Tools<'_>,
    ) -> Result<Begun, BackupError> {
        if from == BaseFrom::Local {
            let (archives, outcome) = local::begin(server, cluster, &label, since, tools).await?;
            let program = concat!("backstay ", env!("CARGO_PKG_VERSION"), " on the server's host").to_owned();
            return Ok(Begun { source: BaseSource::Local(outcome), archives: Box::new(archives), program });
        }
        if server.programs().are_here() {
            let connected = ReplicationSession::connect(server.connection(), tools.lookup);
            match interruptible(tools, connected).await {
                Ok(session) => return BaseSource::by_connection(session, label, wal, tools).await,
                // libpq itself may know how.
                Err(BackupError::Postgres(PostgresError::NotSupported { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        if !cluster.tablespaces.is_empty() {
            let problem = "the cluster has tablespaces, and its server is reached by `pg_basebackup` only";
            return Err(BackupError::Unsupported(problem.to_owned()));
        }
        let program = interruptible(tools, server.programs().version_line("pg_basebackup")).await?;
        let mut backup = interruptible(tools, BaseBackup::start(server, &label, wal)).await?;
        let output = backup.output();
        let output =
            output.ok_or_else(|| BackupError::NotWhole("the output of pg_basebackup cannot be read".to_owned()))?;
        let archives = VecDeque::from([Archive { tablespace: None, bytes: Box::new(Gather::new(output)) }]);
        Ok(Begun { source: BaseSource::Program(backup), archives: Box::new(archives), program })
    }

    async fn by_connection(
        session: ReplicationSession,
        label: String,
        wal: WalOfBackup,
        tools: &Tools<'_>,
    ) -> Result<Begun, BackupError> {
        let options = BaseBackupOptions {
            label,
            checkpoint: Checkpoint::Fast,
            max_rate: None,
            with_wal: wal == WalOfBackup::Included,
            waits_for_archive: wal == WalOfBackup::Archived,
        };
        let backup = interruptible(tools, session.base_backup(&options)).await?;
        let (archives, outcome) = Streamed::of(backup);
        Ok(Begun {
            source: BaseSource::Connection(outcome),
            archives: Box::new(archives),
            program: concat!("backstay ", env!("CARGO_PKG_VERSION")).to_owned(),
        })
    }

    /// What came of it, after its archives were read to their end, or why that never came.
    pub(super) async fn finish(self) -> Result<BaseBackupEnd, BackupError> {
        match self {
            BaseSource::Program(backup) => Ok(backup.finish().await?),
            BaseSource::Local(outcome) => {
                let over = || Err(BackupError::NotWhole("it ended before everything was read".to_owned()));
                outcome.take().unwrap_or_else(over)
            }
            BaseSource::Connection(outcome) => match outcome.take() {
                Some(end) => Ok(end.map(|end| BaseBackupEnd::of_warnings(&end.warnings.join("\n")))?),
                None => Err(BackupError::NotWhole("the server ended it before everything had come".to_owned())),
            },
        }
    }
}
