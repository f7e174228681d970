//! The folder of what is under way: the segment that grows, and files that some store does not have yet.
//!
//! `<folder>/<cluster>/<segment>.receiving` grows by appending; it is renamed to its segment when it is whole, or to
//! `….partial`, filled up with zeros as PostgreSQL does, when its timeline ended. Everything but `….receiving` waits to be
//! stored. A file is safe on disk before it has its final name.

use super::ReceiveError;
use crate::base::{Lsn, SegmentSize, SystemId, Timeline, WalFile, WalSegment, encode_component};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the name of a segment that grows ends with.
const RECEIVING: &str = ".receiving";

/// What the name of a file ends with that no store takes, because it has another content under that name.
const KEPT: &str = ".kept";

/// Shorter than this there is not even the header that says whose WAL it is.
const SHORTEST: u64 = 40;

/// The folder of one database. One process uses it at a time.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    /// Held as long as the spool is used.
    _lock: File,
}

/// A segment that grows.
#[derive(Debug)]
pub(super) struct Growing {
    file: Arc<File>,
    path: PathBuf,
    /// Which segment.
    pub(super) segment: WalSegment,
    size: SegmentSize,
    /// Bytes of it that came in this run; a file of an earlier one may hold more, and keeps them until they come again.
    written: u64,
}

/// A file that waits to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// Which file.
    pub(super) file: WalFile,
    /// Whose.
    pub(super) system: SystemId,
    /// Its length.
    pub(super) bytes: u64,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ReceiveError {
    move |problem| ReceiveError::Spool { path: path.to_owned(), problem }
}

impl Spool {
    /// Takes the folder of a database below `state` for this process.
    pub fn open(state: &Path, database: &str) -> Result<Spool, ReceiveError> {
        let folder = state.join(encode_component(database));
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
        let path = folder.join("lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = opened.map_err(failed(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Spool { folder, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ReceiveError::Busy { database: database.to_owned(), folder }),
            Err(TryLockError::Error(problem)) => Err(failed(&path)(problem)),
        }
    }

    fn of(&self, system: SystemId) -> PathBuf {
        self.folder.join(system.to_string())
    }

    /// Everything of every cluster that waits, histories first, then the oldest.
    pub(super) fn waiting(&self) -> Result<Vec<Waiting>, ReceiveError> {
        let mut waiting = Vec::new();
        for entry in read(&self.folder)? {
            let Some(system) = named(&entry) else { continue };
            let folder = entry.path();
            for entry in read(&folder)? {
                if let (Some(file), Ok(meta)) = (named(&entry), entry.metadata()) {
                    waiting.push(Waiting { path: entry.path(), file, system, bytes: meta.len() });
                }
            }
        }
        let is_segment = |file: &WalFile| !matches!(file, WalFile::History(_));
        waiting.sort_by_key(|waiting| (waiting.system, is_segment(&waiting.file), waiting.file));
        Ok(waiting)
    }

    /// Segments of a cluster that grew when an earlier run ended, in order.
    pub(super) fn unfinished(&self, system: SystemId) -> Result<Vec<WalSegment>, ReceiveError> {
        let folder = self.of(system);
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let names = read(&folder)?.into_iter().filter_map(|entry| entry.file_name().into_string().ok());
        let mut segments: Vec<WalSegment> =
            names.filter_map(|name| name.strip_suffix(RECEIVING)?.parse().ok()).collect();
        segments.sort_unstable();
        Ok(segments)
    }

    /// Begins a segment, or goes on with one of an earlier run: from its first byte, over what is there.
    pub(super) fn grow(
        &self,
        system: SystemId,
        segment: WalSegment,
        size: SegmentSize,
    ) -> Result<Growing, ReceiveError> {
        let folder = self.of(system);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
        let path = folder.join(format!("{segment}{RECEIVING}"));
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = opened.and_then(|file| sync_folder(&folder).map(|()| file)).map_err(failed(&path))?;
        Ok(Growing { file: Arc::new(file), path, segment, size, written: 0 })
    }

    /// Keeps a timeline's history to be stored.
    pub(super) fn keep_history(
        &self,
        system: SystemId,
        timeline: Timeline,
        content: &[u8],
    ) -> Result<(), ReceiveError> {
        let folder = self.of(system);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
        let path = folder.join(WalFile::History(timeline).to_string());
        let written = tempfile::NamedTempFile::new_in(&folder).and_then(|mut file| {
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            sync_folder(&folder)
        });
        written.map_err(failed(&path))
    }

    /// Lets go of a file that every store has.
    pub(super) fn remove(&self, waiting: &Waiting) -> Result<(), ReceiveError> {
        fs::remove_file(&waiting.path).map_err(failed(&waiting.path))
    }

    /// Keeps a file for people that no store takes.
    pub(super) fn set_aside(&self, waiting: &Waiting) -> Result<PathBuf, ReceiveError> {
        let mut name = waiting.path.clone().into_os_string();
        name.push(KEPT);
        fs::rename(&waiting.path, &name).map_err(failed(&waiting.path))?;
        Ok(PathBuf::from(name))
    }
}

impl Growing {
    /// The position of the next byte.
    pub(super) fn position(&self) -> Lsn {
        Lsn(self.segment.start(self.size).0 + self.written)
    }

    /// Appends bytes, as many as belong into this segment, and says how many those were.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<usize, ReceiveError> {
        let room = usize::try_from(self.size.bytes() - self.written).unwrap_or(usize::MAX);
        let taken = bytes.len().min(room);
        self.file.write_all_at(&bytes[..taken], self.written).map_err(failed(&self.path))?;
        self.written += taken as u64;
        Ok(taken)
    }

    /// True when every byte has come.
    pub(super) fn is_whole(&self) -> bool {
        self.written == self.size.bytes()
    }

    /// Makes what came safe from a loss of power.
    pub(super) async fn sync(&self) -> Result<(), ReceiveError> {
        let (file, path) = (self.file.clone(), self.path.clone());
        blocking(move || file.sync_data().map_err(failed(&path))).await
    }

    /// The segment after it.
    pub(super) fn next_segment(&self) -> WalSegment {
        self.segment.next(self.size)
    }

    /// Gives a whole segment its name.
    pub(super) async fn complete(&self) -> Result<(), ReceiveError> {
        self.finish(WalFile::Segment(self.segment)).await
    }

    /// The timeline ended: what came is kept as a partial segment, filled up with zeros.
    pub(super) async fn end_timeline(&self) -> Result<(), ReceiveError> {
        let length = self.file.metadata().map_err(failed(&self.path))?.len();
        if length < SHORTEST {
            return fs::remove_file(&self.path).map_err(failed(&self.path));
        }
        self.file.set_len(self.size.bytes()).map_err(failed(&self.path))?;
        self.finish(WalFile::Partial(self.segment)).await
    }

    /// Makes the file safe, then gives it its final name.
    async fn finish(&self, name: WalFile) -> Result<(), ReceiveError> {
        let (file, path) = (self.file.clone(), self.path.clone());
        blocking(move || {
            let folder = path.parent().unwrap_or(Path::new("."));
            let renamed = file.sync_all().and_then(|()| fs::rename(&path, folder.join(name.to_string())));
            renamed.and_then(|()| sync_folder(folder)).map_err(failed(&path))
        })
        .await
    }
}

fn read(folder: &Path) -> Result<Vec<fs::DirEntry>, ReceiveError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    entries.map_err(failed(folder))
}

/// What the name of an entry means, if it means that.
fn named<T: std::str::FromStr>(entry: &fs::DirEntry) -> Option<T> {
    entry.file_name().to_str()?.parse().ok()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

async fn blocking(work: impl FnOnce() -> Result<(), ReceiveError> + Send + 'static) -> Result<(), ReceiveError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    const SIZE: SegmentSize = SegmentSize::DEFAULT;
    const SYSTEM: SystemId = SystemId(7);

    fn segment(number: u64) -> WalSegment {
        WalSegment::numbered(Timeline(1), number, SIZE)
    }

    #[test]
    fn one_process_uses_a_spool() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spool::open(state.path(), "main db").unwrap();
        assert!(matches!(Spool::open(state.path(), "main db"), Err(ReceiveError::Busy { .. })));
        assert!(Spool::open(state.path(), "other").is_ok());
        drop(spool);
        assert!(Spool::open(state.path(), "main db").is_ok());
    }

    #[tokio::test]
    async fn what_came_before_stays_until_it_comes_again() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spool::open(state.path(), "db").unwrap();
        let mut growing = spool.grow(SYSTEM, segment(3), SIZE).unwrap();
        assert_eq!(growing.append(&[b'a'; 100]).unwrap(), 100);
        let mut again = spool.grow(SYSTEM, segment(3), SIZE).unwrap();
        assert_eq!(again.position(), segment(3).start(SIZE));
        again.append(&[b'b'; 60]).unwrap();
        assert_eq!(spool.unfinished(SYSTEM).unwrap(), [segment(3)]);
        assert_eq!(spool.waiting().unwrap(), []);
        again.end_timeline().await.unwrap();
        let waiting = spool.waiting().unwrap();
        assert_eq!((waiting[0].file, waiting[0].bytes), (WalFile::Partial(segment(3)), SIZE.bytes()));
        let content = fs::read(&waiting[0].path).unwrap();
        assert_eq!((&content[..60], &content[60..100], content[100]), (&[b'b'; 60][..], &[b'a'; 40][..], 0));
    }

    #[tokio::test]
    async fn segments_end_where_they_end_and_wait_in_order() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spool::open(state.path(), "db").unwrap();
        for number in [4, 3] {
            let mut growing = spool.grow(SYSTEM, segment(number), SIZE).unwrap();
            let bytes = vec![1; SIZE.bytes() as usize + 5];
            assert_eq!(growing.append(&bytes).unwrap() as u64, SIZE.bytes());
            assert!(growing.is_whole());
            growing.complete().await.unwrap();
        }
        spool.keep_history(SYSTEM, Timeline(2), b"1\t0/5000000\tx\n").unwrap();
        // Nothing but a name came of it.
        spool.grow(SYSTEM, segment(5), SIZE).unwrap().end_timeline().await.unwrap();
        let waiting = spool.waiting().unwrap();
        let files: Vec<WalFile> = waiting.iter().map(|waiting| waiting.file).collect();
        assert_eq!(files, [WalFile::History(Timeline(2)), WalFile::Segment(segment(3)), WalFile::Segment(segment(4))]);
        let kept = spool.set_aside(&waiting[1]).unwrap();
        assert!(kept.exists());
        spool.remove(&waiting[2]).unwrap();
        assert_eq!(spool.waiting().unwrap().len(), 1);
    }
}
