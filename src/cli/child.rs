//! A command of the user's: it has our standard streams, and signals meant for us reach it.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// With this code.
    Code(u8),
    /// By this signal.
    Signal(i32),
}

impl Ended {
    fn of(status: ExitStatus) -> Ended {
        match (status.code(), status.signal()) {
            (_, Some(signal)) => Ended::Signal(signal),
            (code, None) => Ended::Code(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        }
    }

    /// The code that a shell gives.
    pub(super) fn code(self) -> u8 {
        match self {
            Ended::Code(code) => code,
            Ended::Signal(signal) => u8::try_from(signal).map_or(255, |signal| 128_u8.saturating_add(signal)),
        }
    }

    /// How it failed, as a phrase; `None`: it did not.
    pub(super) fn failure(self) -> Option<String> {
        match self {
            Ended::Code(0) => None,
            Ended::Code(code) => Some(format!("failed with exit code {code}")),
            Ended::Signal(signal) => Some(format!("was ended by signal {signal}")),
        }
    }
}

/// Runs a command to its end. What asks us to end is passed on to it, and we wait: a command in the middle of a change
/// must not be left alone. An interrupt typed at a terminal reaches it by itself.
pub(super) fn run(words: &[OsString]) -> io::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let [program, arguments @ ..] = words else { return Err(io::ErrorKind::InvalidInput.into()) };
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminates = signal(SignalKind::terminate())?;
        let mut hang_ups = signal(SignalKind::hangup())?;
        let mut quits = signal(SignalKind::quit())?;
        let mut child = Command::new(program).args(arguments).spawn()?;
        loop {
            let number = tokio::select! {
                status = child.wait() => return Ok(Ended::of(status?)),
                _ = interrupts.recv() => rustix::process::Signal::INT,
                _ = terminates.recv() => rustix::process::Signal::TERM,
                _ = hang_ups.recv() => rustix::process::Signal::HUP,
                _ = quits.recv() => rustix::process::Signal::QUIT,
            };
            let is_typed = matches!(number, rustix::process::Signal::INT | rustix::process::Signal::QUIT);
            if !(is_typed && io::stdin().is_terminal()) {
                pass_on(&child, number);
            }
        }
    })
}

fn pass_on(child: &Child, number: rustix::process::Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended just now.
        let _ = rustix::process::kill_process(pid, number);
    }
}
