//! Segments that were fetched before PostgreSQL asked for them. Each lies there under its name with its digest, which is
//! compared again when it is taken: a crash may have left anything.

use super::WalError;
use crate::base::WalFile;
use crate::catalog::wal::WalDigest;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Segments that lie there at most.
pub const PREFETCHED: usize = 8;
/// How long a file that is on its way is waited for; after that, who asked fetches it.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOKS_EVERY: Duration = Duration::from_millis(3);

/// What the name of a file on its way adds to the segment's.
const ON_ITS_WAY: &str = ".part";
const LOCK: &str = "lock";

/// A folder of segments of one cluster.
#[derive(Debug, Clone)]
pub struct FetchedFolder {
    folder: PathBuf,
}

/// Held by whoever fills the folder. Let go when dropped.
pub struct Filling {
    _lock: File,
}

impl FetchedFolder {
    /// The folder, which need not exist.
    pub fn new(folder: PathBuf) -> FetchedFolder {
        FetchedFolder { folder }
    }

    /// Puts a segment where it is wanted, if it is here, or arrives while somebody fetches it. Blocks.
    pub fn take(&self, file: WalFile, to: &Path) -> Result<bool, WalError> {
        let begun = Instant::now();
        loop {
            if let Some(taken) = self.take_now(file, to) {
                return taken.map(|()| true);
            }
            let on_its_way = self.folder.join(format!("{file}{ON_ITS_WAY}")).exists() && self.is_being_filled();
            if !on_its_way || begun.elapsed() > PATIENCE {
                return Ok(false);
            }
            std::thread::sleep(LOOKS_EVERY);
        }
    }

    fn take_now(&self, file: WalFile, to: &Path) -> Option<Result<(), WalError>> {
        let start = format!("{file}-");
        let name = self.names().into_iter().find(|name| name.starts_with(&start))?;
        let path = self.folder.join(&name);
        let content = fs::read(&path).ok();
        let digest = name.strip_prefix(&start).and_then(|digest| digest.parse::<WalDigest>().ok());
        // Good or not, it is not needed any more.
        let _ = fs::remove_file(&path);
        let content = content.filter(|content| Some(WalDigest::of(content)) == digest)?;
        Some(place_file(to, &content))
    }

    /// Segments that lie here.
    pub fn segments(&self) -> BTreeSet<WalFile> {
        let name = |name: String| name.split_once('-')?.0.parse().ok();
        self.names().into_iter().filter_map(name).collect()
    }

    /// Becomes the one who fills the folder; `None` when somebody does.
    pub fn fill(&self) -> io::Result<Option<Filling>> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let lock = File::create(self.folder.join(LOCK))?;
        match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Filling { _lock: lock })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn is_being_filled(&self) -> bool {
        let Ok(lock) = File::open(self.folder.join(LOCK)) else { return false };
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockShared).is_err()
    }

    /// Removes what is not of these. By whoever fills the folder.
    pub fn keep_only(&self, wanted: &BTreeSet<WalFile>) {
        for name in self.names() {
            let file = name.split_once('-').and_then(|(file, _)| file.parse().ok());
            if name != LOCK && file.is_none_or(|file: WalFile| !wanted.contains(&file)) {
                // Only room is lost.
                let _ = fs::remove_file(self.folder.join(name));
            }
        }
    }

    /// Says that a segment is on its way.
    pub fn expect(&self, file: WalFile) -> io::Result<()> {
        File::create(self.folder.join(format!("{file}{ON_ITS_WAY}"))).map(drop)
    }

    /// Says that a segment will not come.
    pub fn give_up(&self, file: WalFile) {
        // Whoever waits for it sees that nobody fills the folder any more.
        let _ = fs::remove_file(self.folder.join(format!("{file}{ON_ITS_WAY}")));
    }

    /// Puts a segment here that was expected.
    pub fn put(&self, file: WalFile, digest: &WalDigest, content: &[u8]) -> io::Result<()> {
        let part = self.folder.join(format!("{file}{ON_ITS_WAY}"));
        fs::write(&part, content)?;
        fs::rename(part, self.folder.join(format!("{file}-{digest}")))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }
}

/// Writes a file under another name beside its place, then gives it its name. PostgreSQL makes it durable.
pub fn place_file(to: &Path, content: &[u8]) -> Result<(), WalError> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::Builder::new().prefix(".backstay-").tempfile_in(folder)?;
        file.write_all(content)?;
        file.persist(to).map_err(|error| error.error).map(drop)
    };
    write().map_err(|problem| WalError::Unwritable { path: to.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn file(number: u32) -> WalFile {
        format!("0000000100000016000000{number:02X}").parse().unwrap()
    }

    #[test]
    fn what_lies_there_is_taken_once_and_only_whole() {
        let folder = tempfile::tempdir().unwrap();
        let fetched = FetchedFolder::new(folder.path().join("fetched"));
        let to = folder.path().join("RECOVERYXLOG");
        assert!(!fetched.take(file(1), &to).unwrap());
        let filling = fetched.fill().unwrap().unwrap();
        assert!(fetched.fill().unwrap().is_none());
        for number in [1, 2, 3] {
            fetched.expect(file(number)).unwrap();
            fetched.put(file(number), &WalDigest::of(b"content"), b"content").unwrap();
        }
        assert!(fetched.take(file(1), &to).unwrap());
        assert_eq!(fs::read(&to).unwrap(), b"content");
        assert!(!fetched.take(file(1), &to).unwrap());
        fs::write(fetched.folder.join(format!("{}-{}", file(2), WalDigest::of(b"content"))), b"conten").unwrap();
        assert!(!fetched.take(file(2), &to).unwrap());
        fetched.expect(file(4)).unwrap();
        fetched.keep_only(&BTreeSet::from([file(3)]));
        assert_eq!(fetched.segments(), BTreeSet::from([file(3)]));
        drop(filling);
        // Nobody brings it any more, so nobody waits.
        fetched.expect(file(5)).unwrap();
        assert!(!fetched.take(file(5), &to).unwrap());
    }

    #[test]
    fn what_is_on_its_way_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let fetched = FetchedFolder::new(folder.path().to_owned());
        let filling = fetched.fill().unwrap().unwrap();
        fetched.expect(file(1)).unwrap();
        let to = folder.path().join("to");
        let taken = std::thread::scope(|scope| {
            let taking = scope.spawn(|| fetched.take(file(1), &to));
            fetched.put(file(1), &WalDigest::of(b"x"), b"x").unwrap();
            taking.join().unwrap()
        });
        assert!(taken.unwrap());
        drop(filling);
    }
}
