//! Begins a backup of a cluster whose files are on this host.

use super::archives::{LocalArchives, LocalOutcome, Source, Unchanged};
use super::ask_summaries::{Now, changes};
use super::manifest::ServerManifest;
use super::members::Seen;
use super::tree::CONTROL;
use crate::backup::error::BackupError;
use crate::backup::physical::label;
use crate::backup::physical::since::Since;
use crate::backup::take::{Tools, interruptible};
use crate::codec::{PAGE_BYTES, PAGES_IN_SEGMENT};
use crate::postgres::{ClusterFacts, OnlineBackup, Server};
use std::io;
use std::path::PathBuf;
use tokio::runtime::Handle;

/// Begins one with a checkpoint at once. Fails, with the server as it was, when the data directory is not on this host or
/// cannot be read. `since`: an earlier backup, since which the server may know what changed.
pub(in super::super) async fn begin(
    server: &Server,
    cluster: &ClusterFacts,
    label: &str,
    since: Option<&Since>,
    tools: &Tools<'_>,
) -> Result<(LocalArchives, LocalOutcome), BackupError> {
    let mut session = interruptible(tools, server.session()).await?;
    let place = interruptible(tools, session.data_directory()).await?;
    let data = PathBuf::from(&place.path);
    let control = std::fs::read(data.join(CONTROL)).map_err(|error| not_here(&place.path, &error))?;
    let found = label::system_identifier(&control).unwrap_or_default();
    if found != place.system_identifier {
        let problem = format!(
            "`{}` on this host is of cluster {found}, and the server is cluster {}: it is another host's",
            place.path, place.system_identifier
        );
        return Err(BackupError::NotLocal(problem));
    }
    let mut warnings = Vec::new();
    let is_usual = place.page_bytes == PAGE_BYTES as u64 && place.pages_in_segment == u64::from(PAGES_IN_SEGMENT);
    if cluster.checksums && !is_usual {
        warnings
            .push("checksums of pages were not looked at: this server has pages or files of another length".to_owned());
    }
    let online = interruptible(tools, OnlineBackup::begin(session, server.version_num(), label)).await?;
    let begin = online.start();
    let unchanged = match since {
        Some(since) => {
            let system_identifier = place.system_identifier.as_str();
            let now = Now { start: begin, system_identifier, checksums: cluster.checksums, is_usual };
            let changes = changes(server, since, &now, tools).await?;
            changes.map(|changes| Unchanged { changes, since: since.clone() })
        }
        None => None,
    };
    let source = Source {
        data,
        tablespaces: cluster.tablespaces.clone(),
        major: server.version_num() / 10_000,
        wal_segment: cluster.wal_segment,
        online: Some(online),
        runtime: Handle::current(),
        seen: Seen {
            manifest: ServerManifest::new(),
            bad_pages: Vec::new(),
            checked_from: (cluster.checksums && is_usual).then_some(begin),
        },
        warnings,
        unchanged,
    };
    Ok(LocalArchives::of(source))
}

fn not_here(path: &str, error: &io::Error) -> BackupError {
    BackupError::NotLocal(format!("the data directory `{path}` cannot be read on this host: {error}"))
}
