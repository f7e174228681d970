//! Files of WAL on this machine, in the folder where PostgreSQL keeps them.

use super::WalError;
use crate::base::{SegmentSize, SystemId, WalFile};
use crate::catalog::wal::READ_AHEAD;
use crate::codec::{WAL_HEADER_BYTES, WalHeader};
use crate::stream::{Blocks, StreamError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files that are archived together, or ahead of the server, at most.
pub const READY_AT_ONCE: usize = READ_AHEAD as usize;

/// A folder of WAL: `pg_wal` of a cluster.
#[derive(Debug, Clone)]
pub struct PgWal {
    folder: PathBuf,
    /// The cluster whose folder it is, when its control file can be read.
    pub cluster: Option<SystemId>,
}

/// A file of WAL on this machine.
#[derive(Debug, Clone)]
pub struct LocalFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Which file.
    pub file: WalFile,
    /// Whose it is.
    pub system: SystemId,
    /// Length of the cluster's segments.
    pub segment_size: SegmentSize,
    /// What tells it from every other.
    pub identity: Identity,
}

/// What tells a file from every other of its name: PostgreSQL uses the files of old segments again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Whose it is.
    pub system: SystemId,
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last written, nanoseconds since 1970.
    pub modified: i128,
    /// Its inode, and the device that this is on.
    pub inode: (u64, u64),
}

impl PgWal {
    /// The folder that a file lies in. The cluster's data directory is the one above, as the path says: `pg_wal` may be a
    /// link to another disk.
    pub fn of(path: &Path) -> PgWal {
        let folder = path.parent().unwrap_or(Path::new(""));
        let control = folder.parent().map(|data| data.join("global/pg_control"));
        PgWal { folder: folder.to_owned(), cluster: control.and_then(|control| control_file(&control)) }
    }

    /// True beside the data directory of a standby, which asks again for what it does not get.
    pub fn is_standby(&self) -> bool {
        self.folder.parent().is_some_and(|data| data.join("standby.signal").exists())
    }

    /// Looks at a file: its name, and for a segment its header.
    pub fn look(&self, path: &Path) -> Result<LocalFile, WalError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file: WalFile = name.parse()?;
        let unreadable = |problem| WalError::Unreadable { path: path.to_owned(), problem };
        let opened = File::open(path).map_err(unreadable)?;
        let meta = opened.metadata().map_err(unreadable)?;
        let (system, segment_size) = match file {
            WalFile::Segment(segment) | WalFile::Partial(segment) => {
                let header = header(opened).map_err(unreadable)?;
                let checked = WalHeader::read(&header).and_then(|h| h.check(segment, meta.len()).map(|()| h));
                let header = checked.map_err(|problem| WalError::NotThisSegment { file, problem })?;
                (header.system, header.size)
            }
            WalFile::BackupHistory(..) | WalFile::History(_) => {
                let neighbour = self.any_header();
                let system = self.cluster.or(neighbour.map(|header| header.system));
                let system = system.ok_or_else(|| WalError::UnknownCluster {
                    file,
                    problem: "there is neither a control file nor a segment beside it".to_owned(),
                })?;
                let is_history = matches!(file, WalFile::History(_));
                let size = neighbour.filter(|_| !is_history).map_or(SegmentSize::DEFAULT, |header| header.size);
                (system, size)
            }
        };
        match self.cluster {
            Some(cluster) if cluster != system => Err(WalError::OtherCluster { file, said: system, cluster }),
            _ => Ok(LocalFile {
                path: path.to_owned(),
                file,
                system,
                segment_size,
                identity: identity(system, name, &meta),
            }),
        }
    }

    /// Paths of what PostgreSQL wants archived, in the order in which it asks: histories first, then the oldest.
    pub fn ready(&self) -> Vec<PathBuf> {
        let names = std::fs::read_dir(self.folder.join("archive_status")).into_iter().flatten().flatten();
        let mut ready: Vec<String> = names
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".ready")?.to_owned()))
            .filter(|name| name.parse::<WalFile>().is_ok())
            .collect();
        ready.sort_by_key(|name| (!name.ends_with(".history"), name.clone()));
        ready.into_iter().map(|name| self.folder.join(name)).collect()
    }

    /// The header of some segment in the folder.
    fn any_header(&self) -> Option<WalHeader> {
        let entries = std::fs::read_dir(&self.folder).ok()?.flatten();
        let mut segments = entries.filter(|entry| {
            let name = entry.file_name();
            matches!(name.to_str().and_then(|name| name.parse().ok()), Some(WalFile::Segment(_)))
        });
        segments.find_map(|entry| WalHeader::read(&header(File::open(entry.path()).ok()?).ok()?).ok())
    }
}

impl LocalFile {
    /// Reads the content block by block. What was taken is not to be used unless this succeeds: only then was all of it read, and
    /// unchanged since it was looked at. Blocks.
    pub fn read(
        &self,
        memory: &Blocks,
        mut take: impl FnMut(Bytes) -> Result<(), StreamError>,
    ) -> Result<(), WalError> {
        let unreadable = |problem| WalError::Unreadable { path: self.path.clone(), problem };
        let mut file = File::open(&self.path).map_err(unreadable)?;
        let mut bounded = file.by_ref().take(self.identity.bytes + 1);
        memory.each(&mut bounded, |block| take(block).map_err(Stopped::Taking)).map_err(|stopped| match stopped {
            Stopped::Reading(problem) => unreadable(problem),
            Stopped::Taking(error) => error.into(),
        })?;
        let is_whole = bounded.limit() == 1;
        let meta = file.metadata().map_err(unreadable)?;
        if !is_whole || identity(self.system, self.identity.name.clone(), &meta) != self.identity {
            return Err(WalError::Changed(self.file));
        }
        Ok(())
    }
}

/// Why a file was not read to its end.
enum Stopped {
    Reading(std::io::Error),
    Taking(StreamError),
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Stopped {
        Stopped::Reading(error)
    }
}

fn identity(system: SystemId, name: String, meta: &Metadata) -> Identity {
    let modified = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    Identity { system, name, bytes: meta.len(), modified, inode: (meta.ino(), meta.dev()) }
}

fn header(file: File) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(WAL_HEADER_BYTES);
    file.take(WAL_HEADER_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// What a control file begins with: the system identifier, in this machine's byte order.
fn control_file(path: &Path) -> Option<SystemId> {
    let mut number = [0; 8];
    File::open(path).ok()?.read_exact(&mut number).ok()?;
    Some(SystemId(u64::from_ne_bytes(number))).filter(|system| system.0 != 0)
}
