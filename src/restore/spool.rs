//! The data of a dump in a file: written once, read at once by several, each following as far as it is written.

use super::error::RestoreError;
use crate::base::Size;
use bytes::Bytes;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;

/// Bytes handed on at once.
const PIECE: u64 = 1 << 20;

/// A file without a name in the folder for temporary files. It is gone when this process is, however that ends.
pub(super) struct Spool {
    file: Arc<File>,
    written: watch::Sender<u64>,
}

/// Reads a spool while it is written.
#[derive(Clone)]
pub(super) struct SpoolReader {
    file: Arc<File>,
    written: watch::Receiver<u64>,
}

impl Spool {
    /// An empty spool where there is room for so many bytes.
    pub(super) fn create(bytes: Option<u64>) -> Result<Spool, RestoreError> {
        let file = tempfile::tempfile()?;
        check_room(&file, bytes)?;
        Ok(Spool { file: Arc::new(file), written: watch::Sender::new(0) })
    }

    /// Adds pieces at the end.
    pub(super) async fn write(&self, pieces: Vec<Bytes>) -> Result<(), RestoreError> {
        let at = *self.written.borrow();
        let file = self.file.clone();
        // Off the async threads: a slow disk must not stop those who read.
        let end = blocking(move || {
            pieces.iter().try_fold(at, |at, piece| {
                file.write_all_at(piece, at)?;
                Ok(at + piece.len() as u64)
            })
        });
        self.written.send_replace(end.await?);
        Ok(())
    }

    /// A reader.
    pub(super) fn reader(&self) -> SpoolReader {
        SpoolReader { file: self.file.clone(), written: self.written.subscribe() }
    }
}

/// A small file for a program that must be able to open and search it. It has no name that outlives this process.
pub(super) struct Handed {
    file: File,
}

impl Handed {
    /// A file with these bytes, which programs started from now on until it is dropped can open.
    pub(super) fn new(bytes: &[u8]) -> Result<Handed, RestoreError> {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).map_err(std::io::Error::from)?;
        Ok(Handed { file })
    }

    /// Where such a program finds it.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/dev/fd/{}", self.file.as_raw_fd()))
    }
}

impl SpoolReader {
    /// Up to where it can be read from a position on, at least a byte and not beyond `end`; waits while there is none.
    /// `None` when nobody writes any more.
    pub(super) async fn until(&mut self, at: u64, end: Option<u64>) -> Option<u64> {
        let is_there = |written: &u64| *written > at;
        let written = *self.written.wait_for(is_there).await.ok()?;
        Some(end.map_or(written, |end| end.min(written)).min(at + PIECE))
    }

    /// The file, which is only added to.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Waits until more is written than so many bytes.
    pub(super) async fn beyond(&mut self, at: u64) {
        // Nobody writing any more is news, too.
        let _ = self.written.wait_for(|written| *written > at).await;
    }
}

fn check_room(file: &File, bytes: Option<u64>) -> Result<(), RestoreError> {
    let Some(needed) = bytes else { return Ok(()) };
    let room = rustix::fs::fstatvfs(file).map_err(std::io::Error::from)?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free >= needed {
        return Ok(());
    }
    let problem =
        format!("{} has {} free and the dump needs {}", std::env::temp_dir().display(), Size(free), Size(needed));
    Err(RestoreError::Spool(std::io::Error::new(std::io::ErrorKind::StorageFull, problem)))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn a_program_opens_what_is_handed_to_it() {
        let handed = Handed::new(b"contents").unwrap();
        let read = |path: PathBuf| std::process::Command::new("cat").arg(path).output().unwrap();
        // Twice: each reads from the beginning.
        for _ in 0..2 {
            assert_eq!(read(handed.path()).stdout, b"contents");
        }
        let path = handed.path();
        drop(handed);
        assert!(!read(path).status.success());
    }

    #[tokio::test]
    async fn a_reader_follows_the_writer() {
        let spool = Spool::create(Some(1)).unwrap();
        let mut reader = spool.reader();
        let following = tokio::spawn(async move {
            let mut got = Vec::new();
            while let Some(until) = reader.until(got.len() as u64, None).await {
                let mut piece = vec![0; usize::try_from(until).unwrap() - got.len()];
                reader.file().read_exact_at(&mut piece, got.len() as u64).unwrap();
                got.extend_from_slice(&piece);
            }
            got
        });
        for n in 0..50_u8 {
            spool.write(vec![vec![n; 2].into(), vec![n].into()]).await.unwrap();
        }
        assert_eq!(spool.reader().until(4, Some(7)).await, Some(7));
        assert_eq!(spool.reader().until(4, None).await, Some(150));
        drop(spool);
        let expected: Vec<u8> = (0..50).flat_map(|n| [n; 3]).collect();
        assert_eq!(following.await.unwrap(), expected);
        assert!(Spool::create(Some(u64::MAX)).is_err());
    }
}
