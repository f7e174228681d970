//! Large files written past the page cache: what is restored is read by a server later, if at all, and pushes out of memory
//! nothing that others on the machine use. It also spares a copy of every byte into that cache.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Positions in memory and in the file are multiples of it: no disk has larger sectors.
pub(super) const SECTOR: u64 = 4096;
/// Bytes that are written at once.
const CHUNK: usize = 1 << 20;

/// Memory that begins at a multiple of [`SECTOR`], for one file after another.
#[derive(Debug)]
pub(super) struct Chunk {
    memory: Vec<u8>,
    begin: usize,
    filled: usize,
}

impl Chunk {
    pub(super) fn new() -> Chunk {
        let memory = vec![0; CHUNK + SECTOR as usize];
        // Where there is no such offset nothing is written directly, which is as good.
        let begin = memory.as_ptr().align_offset(SECTOR as usize).min(SECTOR as usize);
        Chunk { memory, begin, filled: 0 }
    }

    fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.filled));
        let from = self.begin + self.filled;
        self.memory[from..from + now.len()].copy_from_slice(now);
        self.filled += now.len();
        later
    }
}

/// A stretch of a file that is being written.
#[derive(Debug)]
pub(super) struct DirectFile {
    file: File,
    /// The same for what cannot be written directly.
    ordinary: File,
    is_direct: bool,
    chunk: Chunk,
    at: u64,
}

impl DirectFile {
    /// Opens a file to be written from `at` on, a multiple of [`SECTOR`]. Where the file system does no direct writing, it is
    /// written as usual.
    pub(super) fn open(path: &Path, at: u64, mut chunk: Chunk) -> io::Result<DirectFile> {
        chunk.filled = 0;
        let ordinary = OpenOptions::new().write(true).open(path)?;
        let flag = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).unwrap_or(0);
        let (file, is_direct) = match OpenOptions::new().write(true).custom_flags(flag).open(path) {
            Ok(file) => (file, true),
            Err(error) if is_refusal(&error) => (ordinary.try_clone()?, false),
            Err(error) => return Err(error),
        };
        Ok(DirectFile { file, ordinary, is_direct, chunk, at })
    }

    /// Takes what comes next.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            bytes = self.chunk.take(bytes);
            if self.chunk.filled == CHUNK {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and gives the memory back.
    pub(super) fn finish(mut self) -> io::Result<Chunk> {
        self.flush()?;
        Ok(self.chunk)
    }

    fn flush(&mut self) -> io::Result<()> {
        let Chunk { memory, begin, filled } = &self.chunk;
        let bytes = &memory[*begin..begin + filled];
        // The end of a file need not be the end of a sector.
        let (mut direct, _) =
            bytes.split_at(if self.is_direct { bytes.len() - bytes.len() % SECTOR as usize } else { 0 });
        match self.file.write_all_at(direct, self.at) {
            Err(error) if is_refusal(&error) => (self.is_direct, direct) = (false, &[]),
            written => written?,
        }
        self.ordinary.write_all_at(&bytes[direct.len()..], self.at + direct.len() as u64)?;
        self.at += *filled as u64;
        self.chunk.filled = 0;
        Ok(())
    }
}

/// What a file system says that does not write directly, or not so.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_length_is_written_wherever_it_begins(
            length in prop_oneof![0_usize..9000, (1_usize << 20) - 3..(1 << 20) + 3, 2_000_000_usize..4_000_000],
            sectors in 0_u64..3,
            piece in 1_usize..300_000,
        ) {
            let content: Vec<u8> = (0..length as u32).map(|n| (n % 251) as u8).collect();
            let (at, mut chunk) = (sectors * SECTOR, Chunk::new());
            // Where tests are run, the folder of the build is on a disk and the temporary one may be in memory.
            for folder in [std::env::temp_dir(), std::env::current_exe().unwrap().parent().unwrap().to_owned()] {
                let file = tempfile::NamedTempFile::new_in(folder).unwrap();
                let mut direct = DirectFile::open(file.path(), at, chunk).unwrap();
                for bytes in content.chunks(piece) {
                    direct.write(bytes).unwrap();
                }
                chunk = direct.finish().unwrap();
                let read = std::fs::read(file.path()).unwrap();
                prop_assert_eq!(read.get(at as usize..).unwrap_or_default(), &content);
            }
        }
    }
}
