//! A restored cluster for a while: in a temporary folder, reachable by its socket only, gone when it is dropped.

use super::recover::recover;
use super::request::ClusterRequest;
use super::{request::RestoredCluster, restore_cluster};
use crate::base::{Lookup, Secret};
use crate::postgres::{Connection, Recovered, Server, server_account, stop_server};
use crate::restore::{Hands, RestoreError};
use rustix::fs::{FlockOperation, flock};
use serde::Deserialize;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// How the folders are called.
const PREFIX: &str = "backstay-cluster-";
/// Locked as long as somebody uses the folder.
const ALIVE: &str = "alive";
/// Whoever reaches the socket, which only the owner of its folder can, may be anybody.
const LOGINS: &str = "local all all trust\n";

/// A recovered cluster. Dropping it ends the server and removes the folder; what a killed process left, the next one
/// removes.
pub struct ScratchCluster {
    /// What was restored.
    pub restored: RestoredCluster,
    /// How far it recovered.
    pub recovered: Recovered,
    folder: TempDir,
    lookup: Arc<dyn Lookup>,
    _alive: File,
}

/// The folder of a cluster that is being made.
pub struct ScratchFolder {
    folder: TempDir,
    alive: File,
}

impl ScratchFolder {
    /// Makes one below `$TMPDIR`, for the account that servers run as.
    pub fn new(lookup: &dyn Lookup) -> io::Result<ScratchFolder> {
        remove_leftovers(lookup);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
        let alive = File::create(folder.path().join(ALIVE))?;
        flock(&alive, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from)?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))?;
        fs::write(folder.path().join("logins"), LOGINS)?;
        fs::create_dir(folder.path().join("socket"))?;
        if let Some((uid, gid)) = server_account() {
            for path in [folder.path(), &folder.path().join("logins"), &folder.path().join("socket")] {
                chown(path, Some(uid), Some(gid))?;
            }
        }
        Ok(ScratchFolder { folder, alive })
    }

    /// The folder that becomes the data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where a tablespace goes.
    pub fn tablespace(&self, oid: u32) -> PathBuf {
        self.folder.path().join(format!("tablespace-{oid}"))
    }

    /// Restores into it, starts the server and waits until it has recovered. It archives nothing and listens nowhere.
    pub async fn start(
        self,
        request: &ClusterRequest<'_>,
        hands: &Hands<'_>,
        lookup: Arc<dyn Lookup>,
    ) -> Result<ScratchCluster, RestoreError> {
        let restored = restore_cluster(request, hands).await?;
        let folder = self.folder.path();
        let settings = [
            format!("hba_file={}", folder.join("logins").display()),
            format!("unix_socket_directories={}", folder.join("socket").display()),
            "unix_socket_permissions=0700".to_owned(),
            "listen_addresses=".to_owned(),
            "port=5432".to_owned(),
            "archive_mode=off".to_owned(),
            "autovacuum=off".to_owned(),
            "ssl=off".to_owned(),
            "fsync=off".to_owned(),
            "synchronous_standby_names=".to_owned(),
        ];
        let recovered = recover(request, &restored.folder, &settings, hands).await?;
        Ok(ScratchCluster { restored, recovered, folder: self.folder, lookup, _alive: self.alive })
    }
}

impl ScratchCluster {
    /// A database of it, as a superuser; `user` is one who can log in, to ask for its name.
    pub async fn server(&self, database: &str, user: &str) -> Result<Server, RestoreError> {
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let server = Server::connect(self.connection(database, user)?, &[], self.lookup.as_ref()).await?;
        let mut session = server.session().await?;
        let query = "SELECT rolname AS name FROM pg_roles WHERE rolsuper AND rolcanlogin ORDER BY oid LIMIT 1";
        let found: Vec<Named> = session.rows(query).await?;
        session.close().await?;
        match found.first() {
            Some(superuser) => {
                let connection = self.connection(database, &superuser.name)?;
                Ok(Server::connect(connection, &[], self.lookup.as_ref()).await?)
            }
            None => Ok(server),
        }
    }

    fn connection(&self, database: &str, user: &str) -> Result<Connection, RestoreError> {
        let socket = self.folder.path().join("socket");
        let pairs = [("host", socket.display().to_string().as_str()), ("user", user), ("dbname", database)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Connection::of_parameters(pairs, None::<Secret>)?)
    }
}

impl Drop for ScratchCluster {
    fn drop(&mut self) {
        // Its folder goes with it; a server that still runs there would only complain.
        let _ = stop_server(&self.restored.folder, self.lookup.as_ref());
    }
}

/// Removes the folders whose process is gone. Whatever cannot be removed stays for the next one.
fn remove_leftovers(lookup: &dyn Lookup) {
    let us = rustix::process::geteuid().as_raw();
    let is_us = |uid: u32| uid == us || server_account().is_some_and(|(account, _)| account == uid);
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let Ok(known) = fs::symlink_metadata(entry.path()) else { continue };
        if known.is_dir() && is_us(known.uid()) && entry.file_name().to_string_lossy().starts_with(PREFIX) {
            remove_if_dead(&entry.path(), lookup);
        }
    }
}

fn remove_if_dead(folder: &Path, lookup: &dyn Lookup) {
    // Without the lock's file it is just being made, or is nobody's.
    let Ok(alive) = File::open(folder.join(ALIVE)) else { return };
    if flock(&alive, FlockOperation::NonBlockingLockExclusive).is_ok() {
        // The server of a killed process goes on without it.
        let _ = stop_server(&folder.join("data"), lookup);
        let _ = fs::remove_dir_all(folder);
    }
}
