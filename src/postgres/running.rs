//! A client program while it runs: its streams, what it says, how it ends. It never outlives its owner.

use super::PostgresError;
use super::classify::classify;
use super::connection::Connection;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

/// Most bytes kept of what a program says: the beginning tells the cause, the end the consequence.
const KEPT_HEAD: usize = 8 << 10;
const KEPT_TAIL: usize = 24 << 10;

/// A running program. Dropping it kills the program and all it started.
pub(super) struct Running {
    program: &'static str,
    connection: Connection,
    child: Child,
    stderr: Option<JoinHandle<String>>,
    /// Its standard input, until taken.
    pub(super) stdin: Option<ChildStdin>,
    /// Its standard output, until taken.
    pub(super) stdout: Option<ChildStdout>,
}

impl Running {
    /// Starts a command; `preamble` is written to its standard input first.
    pub(super) async fn start(
        program: &'static str,
        mut command: Command,
        preamble: Option<Vec<u8>>,
        connection: &Connection,
    ) -> Result<Running, PostgresError> {
        // A process group of its own: an interrupt at the terminal reaches us alone, and we end all of it together.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let failed = |error: std::io::Error| PostgresError::Failed {
            program: program.to_owned(),
            server: connection.describe(),
            sqlstate: None,
            problem: format!("it cannot be run: {error}"),
        };
        let mut child = command.spawn().map_err(failed)?;
        let stderr = child.stderr.take().map(|stderr| tokio::spawn(keep_words(stderr)));
        let mut stdin = child.stdin.take();
        if let (Some(stdin), Some(preamble)) = (&mut stdin, preamble) {
            // A program that is gone already says why on its standard error.
            let _ = stdin.write_all(&preamble).await;
        }
        let stdout = child.stdout.take();
        Ok(Running { program, connection: connection.clone(), child, stderr, stdin, stdout })
    }

    /// Waits for the end: what it said if it ended well, else what that means. Its output must have been read to the
    /// end or taken, and its standard input is closed.
    pub(super) async fn finish(mut self) -> Result<String, PostgresError> {
        drop(self.stdin.take());
        drop(self.stdout.take());
        let status = self.child.wait().await;
        let said = match self.stderr.take() {
            Some(words) => words.await.unwrap_or_default(),
            None => String::new(),
        };
        let said = self.connection.redact(&said);
        match status {
            Ok(status) if status.success() => Ok(said),
            Ok(status) => Err(classify(self.program, &self.connection, &words_or_status(&said, status))),
            Err(error) => Err(classify(self.program, &self.connection, &error.to_string())),
        }
    }

    /// Process id, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // `id` is None once the child was waited for, so the number cannot belong to somebody else by now.
        let pid = self.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // The group may be gone already.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

fn words_or_status(said: &str, status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    let how = match (status.code(), status.signal()) {
        (_, Some(signal)) => format!("it was ended by signal {signal}"),
        (Some(code), _) => format!("it exited with status {code}"),
        _ => "it ended".to_owned(),
    };
    if said.trim().is_empty() {
        how
    } else if status.signal().is_some() {
        format!("{said}\n{how}")
    } else {
        said.to_owned()
    }
}

/// Reads to the end and keeps the first and the last of it.
async fn keep_words(mut from: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut buffer = vec![0; 8 << 10];
    let mut cut = false;
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..length]);
        if kept.len() > KEPT_HEAD + KEPT_TAIL {
            kept.drain(KEPT_HEAD..kept.len() - KEPT_TAIL);
            cut = true;
        }
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if cut { text(&kept[..KEPT_HEAD]) + "\n[…]\n" + &text(&kept[KEPT_HEAD..]) } else { text(&kept) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::Secret;

    async fn run(script: &str) -> Result<String, PostgresError> {
        let connection = Connection::from_url(&Secret::new("postgresql://u:canary@h/d")).unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Running::start("pg_dump", command, Some(b"line\n".to_vec()), &connection).await?.finish().await
    }

    #[tokio::test]
    async fn words_are_kept_bounded_and_redacted() {
        assert_eq!(run("read x; echo \"got $x canary\" >&2").await.unwrap(), "got line •••\n");
        let long = run("echo first >&2; head -c 1000000 /dev/zero | tr '\\0' x >&2; echo last >&2").await.unwrap();
        assert!(long.starts_with("first") && long.ends_with("last\n") && long.len() < 40_000, "{}", long.len());
    }

    #[tokio::test]
    async fn every_end_is_told() {
        assert!(run("exit 3").await.unwrap_err().to_string().contains("status 3"));
        assert!(run("kill -9 $$").await.unwrap_err().to_string().contains("signal 9"));
        assert!(run("echo no canary >&2; exit 1").await.unwrap_err().to_string().ends_with("no •••"));
    }

    #[tokio::test]
    async fn dropping_kills_the_whole_group() {
        let connection = Connection::from_url(&Secret::new("postgresql://h/d")).unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 1000 & echo $!; wait"]);
        let mut running = Running::start("psql", command, None, &connection).await.unwrap();
        let mut stdout = running.stdout.take().unwrap();
        let mut first = [0; 1];
        stdout.read_exact(&mut first).await.unwrap();
        drop(running);
        // The grandchild holds the pipe: its end is the end of both.
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).await.unwrap();
    }
}
