//! A job as a process: started in a group of its own, waited for, asked to stop, ended.

use crate::schedule::JobKey;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;
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

/// A job that ended.
#[derive(Debug)]
pub struct Ended {
    /// Which.
    pub key: JobKey,
    /// Its exit code; `None` when a signal ended it or it could not be started.
    pub code: Option<i32>,
    /// Why it could not be started.
    pub problem: Option<String>,
    /// How long it took, in seconds.
    pub seconds: u64,
}

/// A running job.
#[derive(Debug, Clone, Copy)]
pub struct Child {
    pid: Option<Pid>,
}

impl Child {
    /// Starts a job; its end is sent, also when it cannot be started.
    ///
    /// It has a process group of its own: who stops this process from a terminal stops it only, and the job ends in
    /// peace. Its output goes where ours goes.
    pub fn start(key: JobKey, command: &JobCommand, ended: UnboundedSender<Ended>) -> Child {
        let began = Instant::now();
        let started = Command::new(&command.program).args(&command.words).stdin(Stdio::null()).process_group(0).spawn();
        match started {
            Ok(mut child) => {
                let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
                tokio::spawn(async move {
                    let status = child.wait().await;
                    let problem = status.as_ref().err().map(ToString::to_string);
                    let code = status.ok().and_then(|status| status.code());
                    // Nobody waits for it any more when the process ends.
                    let _ = ended.send(Ended { key, code, problem, seconds: began.elapsed().as_secs() });
                });
                Child { pid }
            }
            Err(problem) => {
                let _ = ended.send(Ended { key, code: None, problem: Some(problem.to_string()), seconds: 0 });
                Child { pid: None }
            }
        }
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
