//! Reading a pipe in large pieces.
//!
//! `pg_dump` writes 4 KiB at a time. A reader that waits for the next write is woken for each of them: half a million
//! times for 2 GB, which costs more processor time than the reading itself. One that rests a moment after it emptied
//! the pipe finds a hundred kilobytes instead, and the writer goes on meanwhile.

use std::io::{self, Read};
use std::time::Duration;

/// How long it rests: a pipe of 1 MiB does not fill up in this time below 3 GB/s.
const REST: Duration = Duration::from_micros(300);

/// A program's output read unhurriedly. Not for what comes in large pieces anyway: it would only be slower.
pub struct Gather<R> {
    source: R,
    is_empty: bool,
}

impl<R: Read> Gather<R> {
    /// Reads `source`.
    pub fn new(source: R) -> Gather<R> {
        Gather { source, is_empty: false }
    }
}

impl<R: Read> Read for Gather<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_empty {
            std::thread::sleep(REST);
        }
        let n = self.source.read(buffer)?;
        self.is_empty = n < buffer.len();
        Ok(n)
    }
}
