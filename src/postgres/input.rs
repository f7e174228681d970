//! Writing into the pipe of a program that reads it in small pieces.
//!
//! `pg_restore` reads 4 KiB at a time. A writer that waits for room in a full pipe is woken for each of them: half a
//! million times for 2 GB, each time for 4 KiB. One that rests a moment instead finds room for a few hundred, and the
//! program goes on meanwhile with what is still in the pipe.

use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;

/// The longest pipe that the kernel gives to anyone.
const PIPE_BYTES: usize = 1 << 20;
/// How long it rests first: a full pipe does not run dry in this time below 1 GB/s.
const REST: Duration = Duration::from_millis(1);
/// How long it rests at most when nothing was taken: the program has other work, such as an index to build.
const LONGEST_REST: Duration = Duration::from_millis(16);

/// The standard input of a program. Dropping it is the end of the input.
pub struct Input {
    pipe: ChildStdin,
    pace: Pace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Rests while the pipe is full.
    Rests,
    /// Is woken when there is room: a short pipe would run dry during a rest.
    Waits,
}

impl Input {
    pub(super) fn new(pipe: ChildStdin) -> Input {
        let is_long = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_BYTES).is_ok_and(|length| length >= PIPE_BYTES);
        Input { pipe, pace: if is_long { Pace::Rests } else { Pace::Waits } }
    }

    /// Writes all the bytes; an error when the program reads no more. Bytes may be lost when it is given up half-way.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if self.pace == Pace::Waits {
            return self.pipe.write_all(bytes).await;
        }
        let mut rest = REST;
        while !bytes.is_empty() {
            match rustix::io::write(&self.pipe, bytes) {
                Ok(n) => {
                    bytes = &bytes[n..];
                    rest = REST;
                }
                Err(Errno::AGAIN) => {
                    tokio::time::sleep(rest).await;
                    rest = (rest * 2).min(LONGEST_REST);
                }
                Err(Errno::INTR) => {}
                Err(problem) => return Err(problem.into()),
            }
        }
        Ok(())
    }

    /// Writes a range of a file, which must have it; false when the program reads no more. The kernel hands the pages of
    /// the file on without copying them, so what lies there must not change until the program has read it.
    pub async fn write_file(&mut self, file: &File, range: Range<u64>) -> io::Result<bool> {
        let Range { start: mut at, end } = range;
        let mut rest = REST;
        while at < end {
            let count = usize::try_from(end - at).unwrap_or(usize::MAX);
            match rustix::fs::sendfile(&self.pipe, file, Some(&mut at), count) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => rest = REST,
                Err(Errno::AGAIN) => {
                    tokio::time::sleep(rest).await;
                    rest = (rest * 2).min(LONGEST_REST);
                }
                Err(Errno::INTR) => {}
                Err(Errno::PIPE) => return Ok(false),
                Err(problem) => return Err(problem.into()),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use std::process::Stdio;
    use tokio::io::AsyncReadExt;
    use tokio::process::Command;

    async fn comes_through(pace: Pace, command: &str) {
        let mut child =
            Command::new("sh").args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = Input { pace, ..Input::new(child.stdin.take().unwrap()) };
        let mut output = child.stdout.take().unwrap();
        let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
        let expected = bytes.clone();
        let writing = tokio::spawn(async move {
            for piece in bytes.chunks(77_777) {
                input.write_all(piece).await?;
            }
            io::Result::Ok(())
        });
        let mut got = Vec::new();
        output.read_to_end(&mut got).await.unwrap();
        assert!(got == expected);
        writing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn every_byte_comes_through_at_any_pace() {
        comes_through(Pace::Rests, "cat").await;
        comes_through(Pace::Waits, "cat").await;
        comes_through(Pace::Rests, "dd bs=4096 iflag=fullblock status=none").await;
    }

    #[tokio::test]
    async fn a_file_comes_through() {
        let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let mut child = Command::new("dd")
            .args(["bs=4096", "iflag=fullblock", "status=none"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut input, mut output) = (Input::new(child.stdin.take().unwrap()), child.stdout.take().unwrap());
        let writing = tokio::spawn(async move {
            assert!(input.write_file(&file, 17..3_000_001).await.unwrap());
            assert!(input.write_file(&file, 3_000_001..5_000_000).await.unwrap());
            // There is no more of it.
            assert_eq!(
                input.write_file(&file, 5_000_000..5_000_001).await.unwrap_err().kind(),
                io::ErrorKind::UnexpectedEof
            );
        });
        let mut got = Vec::new();
        output.read_to_end(&mut got).await.unwrap();
        writing.await.unwrap();
        assert!(got == bytes[17..]);
    }

    #[tokio::test]
    async fn a_program_that_is_gone_is_an_error() {
        let mut child = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
        let mut input = Input::new(child.stdin.take().unwrap());
        child.wait().await.unwrap();
        // More than the pipe takes: a program that another test starts just now may hold the other end until it runs.
        let written = input.write_all(&[0; 2 * PIPE_BYTES]).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &[0; 10]).unwrap();
        assert!(!input.write_file(&file, 0..10).await.unwrap());
    }
}
