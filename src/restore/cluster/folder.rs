//! The folder that becomes a data directory, and those of tablespaces: whether they may be used, and what is in them.

use super::request::ClusterRequest;
use crate::catalog::{Cluster, ClusterFile, FileKind, FileMap};
use crate::restore::RestoreError;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};

/// Where everything goes.
pub(super) struct Site {
    /// The data directory.
    pub(super) data: PathBuf,
    /// Folders of tablespaces, by object id.
    pub(super) tablespaces: HashMap<String, PathBuf>,
    /// Who owns all of it, when that is not who we are.
    pub(super) owner: Option<(u32, u32)>,
}

impl Site {
    /// Judges the folders and changes nothing. A folder that is not empty is taken only if the request keeps what is in
    /// it, and only if it is a data directory of the same cluster on which no server runs.
    pub(super) fn judge(request: &ClusterRequest<'_>, cluster: &Cluster) -> Result<Site, RestoreError> {
        let data = std::path::absolute(&request.folder)?;
        if !is_empty(&data)? {
            if !request.keeps {
                return Err(taken(
                    format!("`{}` is not empty", data.display()),
                    "Choose an absent or empty folder, or add `--delta` to use what is there again.",
                ));
            }
            check_same_cluster(&data, cluster)?;
        }
        let mut tablespaces = HashMap::new();
        for tablespace in &cluster.tablespaces {
            let oid = tablespace.oid.to_string();
            let meant = |target: &&super::TablespaceTarget| {
                target.tablespace == oid || target.tablespace == tablespace.location
            };
            let target = request.tablespaces.iter().find(meant);
            let folder = target.map_or_else(|| PathBuf::from(&tablespace.location), |target| target.folder.clone());
            if !folder.is_absolute() || (!is_empty(&folder)? && !request.keeps) {
                return Err(taken(
                    format!("tablespace {oid} goes to `{}`, which is not empty", folder.display()),
                    "Send it elsewhere with `--tablespace-map OID=/new/folder`.",
                ));
            }
            tablespaces.insert(oid, folder);
        }
        for target in &request.tablespaces {
            let known = |tablespace: &crate::catalog::Tablespace| {
                target.tablespace == tablespace.oid.to_string() || target.tablespace == tablespace.location
            };
            if !cluster.tablespaces.iter().any(known) {
                return Err(taken(
                    format!("the backup has no tablespace `{}`", target.tablespace),
                    "Run `backstay show ID` to see its tablespaces.",
                ));
            }
        }
        let owner = owner_of(&data)?;
        Ok(Site { data, tablespaces, owner })
    }

    /// Where a file of the map goes.
    pub(super) fn place(&self, path: &str) -> PathBuf {
        let in_tablespace = path.strip_prefix("pg_tblspc/").and_then(|rest| {
            let (oid, rest) = rest.split_once('/')?;
            Some(self.tablespaces.get(oid)?.join(rest))
        });
        in_tablespace.unwrap_or_else(|| self.data.join(path))
    }

    /// Makes the folders that the map names and those of tablespaces, with the links to them. May be repeated.
    pub(super) fn make_folders(&self, map: &FileMap) -> io::Result<()> {
        self.make_folder(&self.data, 0o700)?;
        self.make_folder(&self.data.join("pg_tblspc"), 0o700)?;
        for (oid, folder) in &self.tablespaces {
            self.make_folder(folder, 0o700)?;
            let link = self.data.join("pg_tblspc").join(oid);
            match fs::read_link(&link) {
                Ok(known) if known == *folder => {}
                Ok(_) => {
                    fs::remove_file(&link)?;
                    symlink(folder, &link)?;
                }
                Err(_) => symlink(folder, &link)?,
            }
        }
        for folder in map.files.iter().filter(|file| file.kind == FileKind::Folder) {
            self.make_folder(&self.place(&folder.path), folder.mode)?;
        }
        // An archive names the folders of a data directory; those of its files are made where it did not.
        for file in map.files.iter().filter(|file| file.kind == FileKind::File) {
            if let Some(parent) = self.place(&file.path).parent().filter(|parent| !parent.is_dir()) {
                self.make_folder(parent, 0o700)?;
            }
        }
        Ok(())
    }

    fn make_folder(&self, folder: &Path, mode: u32) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        if let Some((uid, gid)) = self.owner {
            chown(folder, Some(uid), Some(gid))?;
        }
        // What cannot be searched cannot be filled.
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(mode | 0o700))
    }

    /// Files below the folders that the map does not name.
    pub(super) fn strangers(&self, map: &FileMap) -> io::Result<Vec<PathBuf>> {
        let known: std::collections::HashSet<PathBuf> = map.files.iter().map(|file| self.place(&file.path)).collect();
        let mut found = Vec::new();
        let mut folders: Vec<PathBuf> = self.tablespaces.values().cloned().chain([self.data.clone()]).collect();
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() && !known.contains(&entry.path()) {
                    found.push(entry.path());
                }
            }
        }
        Ok(found)
    }
}

/// True for the file by which a server would link tablespaces to where they were; a restore makes the links itself.
pub(super) fn is_made_anew(file: &ClusterFile) -> bool {
    file.path == "tablespace_map" && file.bytes > 0
}

fn is_empty(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn check_same_cluster(data: &Path, cluster: &Cluster) -> Result<(), RestoreError> {
    let shown = data.display();
    if !data.join("PG_VERSION").is_file() {
        let hint = "Choose an absent or empty folder.";
        return Err(taken(format!("`{shown}` is neither empty nor a data directory"), hint));
    }
    if data.join("postmaster.pid").exists() {
        let hint = "Stop the server first; if none runs, remove `postmaster.pid`.";
        return Err(taken(format!("a server runs on `{shown}`"), hint));
    }
    // It is missing where an earlier restore did not come to its end.
    let control = match fs::read(data.join("global/pg_control")) {
        Ok(control) => control,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let found = control.get(..8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    if found.map(|found| found.to_string()).as_deref() != Some(&cluster.system_identifier) {
        let hint = "Choose an absent or empty folder.";
        return Err(taken(format!("`{shown}` is the data directory of another cluster"), hint));
    }
    Ok(())
}

/// PostgreSQL does not run as root: what root restores belongs to the owner of the folder, or of the folder around it,
/// or to `postgres`.
fn owner_of(data: &Path) -> io::Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    for folder in data.ancestors().take(2) {
        if let Ok(known) = fs::metadata(folder)
            && known.uid() != 0
        {
            return Ok(Some((known.uid(), known.gid())));
        }
    }
    Ok(crate::postgres::server_account())
}

fn taken(problem: String, hint: &str) -> RestoreError {
    RestoreError::TargetTaken { problem, hint: hint.to_owned() }
}
