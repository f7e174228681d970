//! The archives of a cluster that is read from its own host, in the order in which the server sends them: tablespaces, the
//! data directory, `pg_control` after all of it, then what the server says at the end, WAL, and the manifest.

use super::changes::Changes;
use super::members::{Members, Opening, Seen};
use super::tree::{CONTROL, Node, Tree, said_of};
use crate::backup::error::BackupError;
use crate::backup::physical::label::{self, Begin};
use crate::backup::physical::since::Since;
use crate::backup::physical::source::{Archive, ArchiveBytes, Archives};
use crate::base::{Crc32c, SegmentSize, WalSegment};
use crate::catalog::Tablespace;
use crate::codec::WalHeader;
use crate::postgres::{BaseBackupEnd, OnlineBackup, OnlineBackupEnd};
use jiff::Timestamp;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;

/// How long the last segment is waited for, which the server ends with the backup.
const LAST_SEGMENT: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(50);
/// How often `pg_control` is read until two reads agree: the server may just be writing it.
const CONTROL_READS: u32 = 20;

/// How it ended, once it has; seen from outside of the thread that reads.
pub(in super::super) struct LocalOutcome(Outcome);

type Outcome = Arc<Mutex<Option<Result<BaseBackupEnd, BackupError>>>>;

impl LocalOutcome {
    /// The end of the backup or its error; `None` while neither has come.
    pub(in super::super) fn take(&self) -> Option<Result<BaseBackupEnd, BackupError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What a local backup is of.
pub(super) struct Source {
    pub(super) data: PathBuf,
    pub(super) tablespaces: Vec<Tablespace>,
    /// First part of the server's version.
    pub(super) major: u32,
    pub(super) wal_segment: SegmentSize,
    /// The backup on the server; let go of when WAL was read.
    pub(super) online: Option<OnlineBackup>,
    /// Runs what the session does.
    pub(super) runtime: Handle,
    pub(super) seen: Seen,
    pub(super) warnings: Vec<String>,
    /// `None`: every file is read.
    pub(super) unchanged: Option<Unchanged>,
}

/// Files that are as an earlier backup found them.
pub(super) struct Unchanged {
    pub(super) changes: Changes,
    pub(super) since: Since,
}

impl Unchanged {
    /// True for a file that need not be read, if that backup has it.
    fn has(&self, path: &str) -> bool {
        self.changes.leave_alone(path) && !self.since.damaged.contains(path)
    }
}

/// The archives. Reading blocks, and belongs on a thread where that may be.
pub(in super::super) struct LocalArchives {
    work: Arc<Mutex<Work>>,
    left: std::vec::IntoIter<Tablespace>,
    is_over: bool,
}

struct Work {
    source: Source,
    outcome: Outcome,
}

impl LocalArchives {
    pub(super) fn of(source: Source) -> (LocalArchives, LocalOutcome) {
        let outcome = Outcome::default();
        let left = source.tablespaces.clone().into_iter();
        let work = Arc::new(Mutex::new(Work { source, outcome: outcome.clone() }));
        (LocalArchives { work, left, is_over: false }, LocalOutcome(outcome))
    }
}

impl Archives for LocalArchives {
    fn next(&mut self) -> io::Result<Option<Archive>> {
        let mut work = lock(&self.work);
        let tablespace = self.left.next();
        if tablespace.is_none() && std::mem::replace(&mut self.is_over, true) {
            return Ok(None);
        }
        let (root, prefix, tree) = match &tablespace {
            Some(tablespace) => {
                // One that lies in the data directory says so by a relative path.
                let root = work.source.data.join(&tablespace.location);
                let tree = Tree::of_tablespace(&root, work.source.major);
                (root, format!("pg_tblspc/{}/", tablespace.oid), tree)
            }
            None => (work.source.data.clone(), String::new(), Tree::of_data(&work.source.data)),
        };
        let tree = tree.map_err(|error| work.fail(error))?;
        let passed = tree
            .special
            .iter()
            .map(|path| format!("`{prefix}{path}` is neither a file nor a folder and was passed over"));
        work.source.warnings.extend(passed);
        let nodes = tree.nodes.into_iter();
        let stage = if tablespace.is_some() { Stage::Tablespace } else { Stage::Data };
        let archive = LocalArchive { work: self.work.clone(), root, prefix, nodes, members: Members::default(), stage };
        Ok(Some(Archive { tablespace: tablespace.map(|tablespace| tablespace.oid), bytes: Box::new(archive) }))
    }
}

impl Work {
    /// Notes why reading failed.
    fn fail(&self, error: io::Error) -> io::Error {
        self.refuse(BackupError::NotWhole(error.to_string()))
    }

    fn refuse(&self, error: BackupError) -> io::Error {
        let told = io::Error::other(error.to_string());
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(Err(error));
        told
    }
}

/// One archive.
struct LocalArchive {
    work: Arc<Mutex<Work>>,
    root: PathBuf,
    /// What the server calls the root, slash at the end.
    prefix: String,
    nodes: std::vec::IntoIter<Node>,
    members: Members,
    stage: Stage,
}

/// What comes when the files that were found are read.
enum Stage {
    /// Nothing more.
    Tablespace,
    /// `pg_control`, and then the server is told that it is over.
    Data,
    /// WAL.
    Wal(Tail),
    /// The empty blocks.
    End,
    Done,
}

/// What is left once the server ended the backup.
struct Tail {
    begin: Begin,
    end: OnlineBackupEnd,
    segments: std::vec::IntoIter<WalSegment>,
    /// Histories of timelines, which recovery asks for.
    histories: std::vec::IntoIter<String>,
    /// The segment that was read last.
    read: Option<WalSegment>,
}

impl Read for LocalArchive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let work = self.work.clone();
        let mut work = lock(&work);
        loop {
            let n = self.members.read(buffer, &mut work.source.seen).map_err(|error| work.fail(error))?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            if !self.begin_next(&mut work)? {
                return Ok(0);
            }
        }
    }
}

impl ArchiveBytes for LocalArchive {
    fn pass_over(&mut self, checksum: Crc32c) -> bool {
        self.members.pass_over(checksum, &mut lock(&self.work).source.seen)
    }

    fn checksum(&self) -> Option<Crc32c> {
        self.members.checksum()
    }
}

impl LocalArchive {
    /// Begins the next member; false when there is none.
    fn begin_next(&mut self, work: &mut Work) -> io::Result<bool> {
        if let Some(node) = self.nodes.next() {
            let is_unchanged =
                |unchanged: &Unchanged| !node.is_folder && unchanged.has(&format!("{}{}", self.prefix, node.path));
            let opening = match &work.source.unchanged {
                Some(unchanged) if is_unchanged(unchanged) => Opening::WhenRead,
                _ => Opening::AtOnce,
            };
            let begun = self.members.begin(&self.root, &self.prefix, &node, opening, &mut work.source.seen);
            return begun.map(|()| true).map_err(|error| work.fail(error));
        }
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Tablespace => self.stage = Stage::End,
            Stage::Data => {
                let ended = self.end_backup(work);
                self.stage = Stage::Wal(ended?);
            }
            Stage::Wal(tail) => self.stage = self.next_of_tail(tail, work).map_err(|error| work.fail(error))?,
            Stage::End => self.members.end(),
            Stage::Done => return Ok(false),
        }
        Ok(true)
    }

    /// Reads `pg_control`, tells the server, and adds what it says.
    fn end_backup(&mut self, work: &mut Work) -> io::Result<Tail> {
        let control = control(&self.root.join(CONTROL)).map_err(|error| work.fail(error))?;
        let now = Timestamp::now().as_second();
        let Work { source, outcome: _ } = work;
        self.members.add(CONTROL, &control, now, Some(&mut source.seen)).map_err(|error| work.fail(error))?;
        let runtime = work.source.runtime.clone();
        let Some(online) = &mut work.source.online else {
            return Err(work.fail(io::Error::other("the backup was ended before")));
        };
        let end = match runtime.block_on(online.end()) {
            Ok(end) => end,
            Err(error) => return Err(work.refuse(error.into())),
        };
        let begin = label::begin(end.label.as_bytes());
        let begin =
            begin.ok_or_else(|| work.fail(io::Error::other("the server gave no label that says where it begins")))?;
        if work.source.unchanged.as_ref().is_some_and(|unchanged| unchanged.since.timeline != begin.timeline) {
            return Err(work.fail(io::Error::other("the timeline changed while files were read")));
        }
        for (name, content) in [("backup_label", &end.label), ("tablespace_map", &end.tablespace_map)] {
            if !content.is_empty() {
                let added = self.members.add(name, content.as_bytes(), now, Some(&mut work.source.seen));
                added.map_err(|error| work.fail(error))?;
            }
        }
        let size = work.source.wal_segment;
        let last = WalSegment::ending_at(begin.timeline, end.lsn, size);
        let mut segment = WalSegment::at(begin.timeline, begin.lsn, size);
        let mut segments = Vec::new();
        while segment <= last {
            segments.push(segment);
            segment = segment.next(size);
        }
        let histories = histories(&self.root.join("pg_wal")).map_err(|error| work.fail(error))?;
        Ok(Tail { begin, end, segments: segments.into_iter(), histories: histories.into_iter(), read: None })
    }

    fn next_of_tail(&mut self, mut tail: Tail, work: &mut Work) -> io::Result<Stage> {
        let (size, pg_wal) = (work.source.wal_segment, self.root.join("pg_wal"));
        if let Some(read) = tail.read.take() {
            // Without a slot the server may have used the file for another segment meanwhile.
            is_segment(&pg_wal, read, size)?;
        }
        if let Some(segment) = tail.segments.next() {
            wait_for(&pg_wal, segment, size)?;
            // Whoever starts the cluster need not archive it again.
            self.members.add(&format!("pg_wal/archive_status/{segment}.done"), b"", 0, None)?;
            self.begin_wal(&segment.to_string(), work)?;
            tail.read = Some(segment);
            return Ok(Stage::Wal(tail));
        }
        if let Some(history) = tail.histories.next() {
            self.begin_wal(&history, work)?;
            return Ok(Stage::Wal(tail));
        }
        work.source.online = None;
        let manifest = std::mem::replace(&mut work.source.seen.manifest, super::manifest::ServerManifest::new());
        let content = manifest.finish(tail.begin, tail.end.lsn);
        self.members.add("backup_manifest", &content, Timestamp::now().as_second(), None)?;
        let end = BaseBackupEnd {
            warnings: std::mem::take(&mut work.source.warnings),
            bad_pages: std::mem::take(&mut work.source.seen.bad_pages),
        };
        work.outcome.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(Ok(end));
        Ok(Stage::End)
    }

    fn begin_wal(&mut self, name: &str, work: &mut Work) -> io::Result<()> {
        let node = Node { path: format!("pg_wal/{name}"), is_folder: false };
        self.members.begin(&self.root, "", &node, Opening::AtOnce, &mut work.source.seen)
    }
}

/// `pg_control`, as two reads of it agree.
fn control(path: &Path) -> io::Result<Vec<u8>> {
    let read = || fs::read(path).map_err(|error| said_of(path, &error));
    let mut before = read()?;
    for _ in 0..CONTROL_READS {
        std::thread::sleep(MOMENT / 10);
        let now = read()?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
    Err(io::Error::other(format!("`{}` changes faster than it can be read", path.display())))
}

fn histories(pg_wal: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(pg_wal).map_err(|error| said_of(pg_wal, &error))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut histories: Vec<String> = names.filter(|name| name.ends_with(".history")).collect();
    histories.sort();
    Ok(histories)
}

/// Waits until a segment is there.
fn wait_for(pg_wal: &Path, segment: WalSegment, size: SegmentSize) -> io::Result<()> {
    let mut waited = Duration::ZERO;
    loop {
        match is_segment(pg_wal, segment, size) {
            Ok(()) => return Ok(()),
            Err(error) if waited >= LAST_SEGMENT => return Err(error),
            Err(_) => std::thread::sleep(MOMENT),
        }
        waited += MOMENT;
    }
}

/// Fails unless the file of a segment holds that segment.
fn is_segment(pg_wal: &Path, segment: WalSegment, size: SegmentSize) -> io::Result<()> {
    let path = pg_wal.join(segment.to_string());
    let gone = |problem: String| {
        io::Error::other(format!(
            "WAL that the backup needs is not on the server any more: `{}`: {problem}",
            path.display()
        ))
    };
    let mut head = Vec::new();
    let file = fs::File::open(&path).map_err(|error| gone(error.to_string()))?;
    let bytes = file.metadata().map_err(|error| gone(error.to_string()))?.len();
    file.take(crate::codec::WAL_HEADER_BYTES as u64).read_to_end(&mut head).map_err(|error| gone(error.to_string()))?;
    let header = WalHeader::read(&head).and_then(|header| header.check(segment, bytes).map(|()| header));
    match header {
        Ok(header) if header.size == size => Ok(()),
        Ok(_) => Err(gone("its segments have another length".to_owned())),
        Err(error) => Err(gone(error.to_string())),
    }
}

fn lock(work: &Mutex<Work>) -> MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}
