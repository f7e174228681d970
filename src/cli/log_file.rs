//! A file of lines that several processes may add to, turned over when it is large.

use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file is turned over before it grows beyond this.
const LARGEST: u64 = 10 << 20;
/// So many old files are kept: `FILE.1` is the newest.
const KEPT: u32 = 5;

/// The end of a file.
pub struct LogFile {
    path: PathBuf,
    largest: u64,
    file: Option<File>,
    /// The last line was not written whole.
    is_cut: bool,
    is_told: bool,
}

impl LogFile {
    /// Opens nothing yet.
    pub fn new(path: PathBuf) -> LogFile {
        LogFile { path, largest: LARGEST, file: None, is_cut: false, is_told: false }
    }

    /// Adds a line, which ends with a line feed. The first failure is returned as a sentence; later lines are tried all
    /// the same, for a disk may have room again.
    pub fn append(&mut self, line: &str) -> Option<String> {
        let problem = self.try_append(line).err()?;
        self.file = None;
        if std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        Some(format!("the log `{}` cannot be written: {problem}", self.path.display()))
    }

    fn try_append(&mut self, line: &str) -> io::Result<()> {
        // One write a line: lines of several processes do not mix.
        let text = if self.is_cut { format!("\n{line}") } else { line.to_owned() };
        let mut file = self.current(text.len() as u64)?;
        let written = file.write_all(text.as_bytes());
        self.is_cut = written.is_err();
        written
    }

    /// The file at the path, which another process may have turned over meanwhile.
    fn current(&mut self, more: u64) -> io::Result<&File> {
        if !self.file.as_ref().is_some_and(|file| is_at(file, &self.path)) {
            self.file = Some(open(&self.path)?);
        }
        if let Some(file) = &self.file
            && is_full(file, more, self.largest)
        {
            // One process turns over; the others wait, and find it done.
            flock(file, FlockOperation::LockExclusive)?;
            if is_at(file, &self.path) {
                turn_over(&self.path)?;
            }
            self.file = Some(open(&self.path)?);
        }
        self.file.as_ref().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

/// True while a file is what its path names.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

/// Pipes and devices have no size that matters.
fn is_full(file: &File, more: u64, largest: u64) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.len() > 0 && found.len().saturating_add(more) > largest)
}

fn turn_over(path: &Path) -> io::Result<()> {
    let numbered = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    };
    for n in (1..KEPT).rev() {
        match std::fs::rename(numbered(n), numbered(n + 1)) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => return Err(problem),
            _ => {}
        }
    }
    std::fs::rename(path, numbered(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> Vec<String> {
        std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_large_file_is_turned_over_and_no_line_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.log");
        // Two as of two processes.
        let mut logs = [LogFile::new(path.clone()), LogFile::new(path.clone())];
        logs.iter_mut().for_each(|log| log.largest = 40);
        for n in 0..20 {
            assert_eq!(logs[n % 2].append(&format!("line {n:02}\n")), None);
        }
        let mut all = lines(&path);
        for n in 1..=KEPT {
            all.extend(lines(&folder.path().join(format!("run.log.{n}"))));
        }
        all.sort();
        assert_eq!(all, (0..20).map(|n| format!("line {n:02}")).collect::<Vec<_>>());
        for n in 20..100 {
            logs[n % 2].append(&format!("line {n:02}\n"));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1 + KEPT as usize);
    }

    #[test]
    fn a_full_disk_is_told_once() {
        let mut log = LogFile::new("/dev/full".into());
        assert!(log.append("one\n").is_some_and(|told| told.contains("No space left")));
        assert_eq!(log.append("two\n"), None);
    }
}
