//! A server of our own in a temporary folder. Both are gone with the drill; what a killed one left, the next removes.

use super::DrillError;
use crate::base::Lookup;
use crate::postgres::ScratchServer;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// How the folders of drills are called.
const PREFIX: &str = "backstay-drill-";
/// The file in it that is locked as long as its drill lives.
const ALIVE: &str = "alive";
/// A folder without that file is younger than this when its drill is just beginning.
const BEGINNING: Duration = Duration::from_secs(3600);

/// A running server. Fields are dropped in this order: the server ends, then its folder goes.
pub(super) struct OwnServer {
    server: ScratchServer,
    _folder: TempDir,
    _alive: File,
}

/// Makes a folder and starts a server of this major version, or the nearest newer one, in it; the newest when it is not
/// known.
pub(super) async fn start(major: Option<u32>, lookup: Arc<dyn Lookup>) -> Result<OwnServer, DrillError> {
    blocking(move || {
        remove_leftovers();
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
        let alive = File::create(folder.path().join(ALIVE))?;
        flock(&alive, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from)?;
        let server = ScratchServer::start(folder.path(), major, lookup.as_ref()).map_err(DrillError::Server)?;
        Ok(OwnServer { server, _folder: folder, _alive: alive })
    })
    .await
}

impl OwnServer {
    /// A URL of a database on it, there or not.
    pub(super) fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    /// Ends it and removes everything.
    pub(super) async fn end(self) {
        blocking(move || drop(self)).await;
    }
}

/// Removes the folders of drills whose process is gone. Whatever cannot be removed stays for the next one.
fn remove_leftovers() {
    let us = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let is_ours = meta.is_dir() && meta.uid() == us && entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !is_ours {
            continue;
        }
        let is_dead = match File::open(path.join(ALIVE)) {
            Ok(alive) => flock(&alive, FlockOperation::NonBlockingLockExclusive).is_ok(),
            Err(_) => {
                let age = meta.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
                age.is_some_and(|age| age > BEGINNING)
            }
        };
        if is_dead {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
