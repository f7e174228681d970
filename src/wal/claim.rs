//! Who is doing something just now: a lock on a small file, which a process that died does not hold.

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Held by one process at a time. Let go when dropped, and then nothing is left behind.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    lock: File,
    /// Another process holds it from now on.
    is_handed_over: bool,
}

impl Claim {
    /// Takes what the path stands for; `None` while another holds it.
    pub fn take(path: PathBuf) -> io::Result<Option<Claim>> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        loop {
            let lock = File::create(&path)?;
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                // Who held it before may have removed the file since it was opened here.
                Ok(()) if is_at(&lock, &path) => return Ok(Some(Claim { path, lock, is_handed_over: false })),
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Starts a process that has the claim from its first moment until it ends: as its standard input.
    pub fn hand_over(mut self, command: &mut Command) -> io::Result<()> {
        command.stdin(self.lock.try_clone()?).spawn()?;
        self.is_handed_over = true;
        Ok(())
    }

    /// The claim that this process was handed; `None` when standard input is not that.
    pub fn handed_over(path: PathBuf) -> Option<Claim> {
        let lock = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
        is_at(&lock, &path).then_some(Claim { path, lock, is_handed_over: false })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_handed_over {
            // Still held. Whoever opens it meanwhile sees that it is gone.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn one_holds_it_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/claim");
        let first = Claim::take(path.clone()).unwrap();
        assert!(first.is_some() && Claim::take(path.clone()).unwrap().is_none());
        drop(first);
        assert!(!path.exists());
        // What a process that died left.
        File::create(&path).unwrap();
        assert!(Claim::take(path).unwrap().is_some());
    }

    #[test]
    fn it_is_handed_over_for_as_long_as_the_other_process_lives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claim");
        let claim = Claim::take(path.clone()).unwrap().unwrap();
        claim.hand_over(Command::new("sleep").arg("0.3")).unwrap();
        assert!(path.exists() && Claim::take(path.clone()).unwrap().is_none());
        while Claim::take(path.clone()).unwrap().is_none() {
            std::thread::yield_now();
        }
    }
}
