//! A dump as a file: several processes read it at once, each where its part begins.

use super::error::RestoreError;
use super::flow::Flow;
use crate::base::Size;
use crate::codec::archive::{Cut, Patch};
use crate::codec::archive::{Outline, TocEntry};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

/// A dump in a folder that only this user can read. Dropping it removes it.
pub(super) struct Spool {
    folder: tempfile::TempDir,
}

impl Spool {
    /// Writes the rest of a dump into a file, with the position of every entry's data in its head. Complete only when
    /// every digest agreed.
    pub(super) async fn write(
        flow: &mut Flow,
        outline: &Outline,
        keep: impl Fn(&TocEntry) -> bool,
        bytes: Option<u64>,
    ) -> Result<Spool, RestoreError> {
        let private = std::fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("backstay-restore-").permissions(private).tempdir()?;
        let spool = Spool { folder };
        spool.check_room(bytes)?;
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(spool.path())?;
        let (head, mut cut) = Cut::begin(outline, keep);
        file.write_all(&head)?;
        while let Some(piece) = flow.next().await? {
            let mut out = Vec::with_capacity(piece.len() + 64);
            cut.feed(&piece, &mut out)?;
            // One piece at a time, off the async threads: a slow disk must not stop the rest.
            (file, out) = blocking(move || file.write_all(&out).map(|()| (file, out))).await?;
            drop(out);
        }
        let patches = cut.finish()?;
        blocking(move || patch(&mut file, &patches)).await?;
        Ok(spool)
    }

    /// The file.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("dump")
    }

    fn check_room(&self, bytes: Option<u64>) -> Result<(), RestoreError> {
        let Some(needed) = bytes else { return Ok(()) };
        let room = rustix::fs::statvfs(self.folder.path()).map_err(std::io::Error::from)?;
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        if free >= needed {
            return Ok(());
        }
        let place = self.folder.path().parent().unwrap_or(self.folder.path()).display();
        let problem = format!("{place} has {} free and the dump needs {}", Size(free), Size(needed));
        Err(RestoreError::Spool(std::io::Error::new(std::io::ErrorKind::StorageFull, problem)))
    }
}

fn patch(file: &mut std::fs::File, patches: &[Patch]) -> std::io::Result<()> {
    for patch in patches {
        file.seek(SeekFrom::Start(patch.at))?;
        file.write_all(&patch.bytes)?;
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
