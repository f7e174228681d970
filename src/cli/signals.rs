//! Signals that ask the program to end: from the keyboard, from a service manager, from a terminal that is closed.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the next signal to end. A hang-up that was ignored when the program started, as `nohup` has it, is none.
pub(super) async fn wait_for_signal() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
        () = received(&mut hang_up) => Ok(()),
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// True when this process was started with hang-ups ignored. To be asked before anything handles them.
fn is_hang_up_ignored() -> bool {
    // Where there is no such file, a hang-up ends the program cleanly.
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hang_up(&status))
}

/// Reads the set of ignored signals, whose lowest bit is the first signal, SIGHUP.
fn ignores_hang_up(status: &str) -> bool {
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_up_that_is_ignored_is_known() {
        assert!(ignores_hang_up("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"));
        assert!(!ignores_hang_up("SigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n"));
        assert!(!ignores_hang_up(""));
    }
}
