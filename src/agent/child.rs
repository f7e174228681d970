//! A job, or a process that is kept running: started in a group of its own, waited for, asked to stop, ended.

use crate::schedule::JobKey;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc::UnboundedSender;

/// The program and the words that do a job.
#[derive(Debug, Clone)]
pub struct JobCommand {
    /// This program.
    pub program: PathBuf,
    /// Its words.
    pub words: Vec<OsString>,
}

/// A process that ended.
#[derive(Debug)]
pub struct Ended<K = JobKey> {
    /// Which.
    pub key: K,
    /// Its exit code; `None` when a signal ended it or it could not be started.
    pub code: Option<i32>,
    /// Why it could not be started.
    pub problem: Option<String>,
    /// How long it took, in seconds.
    pub seconds: u64,
}

/// A line that a process said.
#[derive(Debug)]
pub struct Said<K> {
    /// Which.
    pub key: K,
    /// What it wrote to standard error.
    pub line: String,
}

/// A running process.
#[derive(Debug, Clone, Copy)]
pub struct Child {
    pid: Option<Pid>,
}

impl Child {
    /// Starts a job; its end is sent, also when it cannot be started.
    ///
    /// It has a process group of its own: who stops this process from a terminal stops it only, and the job ends in
    /// peace. Its output goes where ours goes.
    pub fn start<K: Send + 'static>(key: K, command: &JobCommand, ended: UnboundedSender<Ended<K>>) -> Child {
        let mut started = Command::new(&command.program);
        started.args(&command.words).stdin(Stdio::null()).process_group(0);
        Child::begin(key, started, ended, |_| {})
    }

    /// The same for one that must not outlive this process, however that ends: its standard input is a pipe from here, which
    /// ends then. What it says comes line by line.
    pub fn start_tied<K: Clone + Send + 'static>(
        key: K,
        command: &JobCommand,
        ended: UnboundedSender<Ended<K>>,
        said: UnboundedSender<Said<K>>,
    ) -> Child {
        let mut started = Command::new(&command.program);
        started.args(&command.words).stdin(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let speaker = key.clone();
        Child::begin(key, started, ended, |child| {
            let Some(errors) = child.stderr.take() else { return };
            tokio::spawn(async move {
                let mut lines = BufReader::new(errors).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    // Nobody listens any more when this process ends.
                    let _ = said.send(Said { key: speaker.clone(), line });
                }
            });
        })
    }

    fn begin<K: Send + 'static>(
        key: K,
        mut started: Command,
        ended: UnboundedSender<Ended<K>>,
        with: impl FnOnce(&mut tokio::process::Child),
    ) -> Child {
        let began = Instant::now();
        let mut child = match started.spawn() {
            Ok(child) => child,
            Err(problem) => {
                let _ = ended.send(Ended { key, code: None, problem: Some(problem.to_string()), seconds: 0 });
                return Child { pid: None };
            }
        };
        with(&mut child);
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        tokio::spawn(async move {
            // Waiting would close it.
            let input = child.stdin.take();
            let status = child.wait().await;
            drop(input);
            let problem = status.as_ref().err().map(ToString::to_string);
            let code = status.ok().and_then(|status| status.code());
            // Nobody waits for it any more when the process ends.
            let _ = ended.send(Ended { key, code, problem, seconds: began.elapsed().as_secs() });
        });
        Child { pid }
    }

    /// Asks it to stop cleanly. Its client programs are its own to stop.
    pub fn ask_to_stop(&self) {
        if let Some(pid) = self.pid {
            // It may have ended by now.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Ends it and everything that it started.
    pub fn end(&self) {
        if let Some(pid) = self.pid {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}
