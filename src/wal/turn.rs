//! Whose turn it is with a file that PostgreSQL asks for: another process may be sending it just then, or has done so.

use super::{Ahead, AheadFailure, Claim, Identity};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long who sends a file is waited for. After that it is sent twice, which harms nothing.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOKS_EVERY: Duration = Duration::from_millis(2);

/// What to do with the file.
#[derive(Debug)]
pub enum Turn {
    /// Nothing: it is archived.
    Done,
    /// It is to be archived here.
    Ours {
        /// Keeps others from sending it, too, where that can be said.
        claim: Option<Claim>,
        /// Why it could not be archived ahead.
        failures: Vec<AheadFailure>,
        /// That was found out while it was waited for here: trying at once would find the same.
        is_fresh: bool,
    },
}

/// Waits for another process that is sending the file. Blocks.
pub fn turn(ahead: &Ahead, identity: &Identity, named: &[PathBuf]) -> Turn {
    let begun = Instant::now();
    let mut was_waited_for = false;
    loop {
        if ahead.take(identity, named) {
            return Turn::Done;
        }
        let claim = ahead.claim(&identity.name);
        if matches!(claim, Ok(None)) && begun.elapsed() < PATIENCE {
            was_waited_for = true;
            std::thread::sleep(LOOKS_EVERY);
            continue;
        }
        // It may have come to its end between the two looks.
        if ahead.take(identity, named) {
            return Turn::Done;
        }
        let failures = ahead.take_failures(identity);
        return Turn::Ours { claim: claim.ok().flatten(), failures, is_fresh: was_waited_for };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::SystemId;
    use crate::wal::{Upshot, WalError};

    fn identity() -> Identity {
        let name = "0000000100000016000000B3".to_owned();
        Identity { system: SystemId(7), name, bytes: 16 << 20, modified: 5, inode: (3, 4) }
    }

    #[test]
    fn who_sends_it_is_waited_for_and_heard() {
        let folder = tempfile::tempdir().unwrap();
        let ahead = Ahead::in_folder(folder.path().join("ahead"));
        let waiting = |end: &(dyn Fn() + Sync)| {
            // A process that another test starts holds what is open here until it is another program.
            let free = std::iter::repeat_with(|| {
                std::thread::sleep(LOOKS_EVERY);
                ahead.claim(&identity().name).unwrap()
            });
            let claim = free.take(5000).flatten().next().unwrap();
            std::thread::scope(|scope| {
                let turn = scope.spawn(|| turn(&ahead, &identity(), &[]));
                std::thread::sleep(LOOKS_EVERY * 5);
                assert!(!turn.is_finished());
                end();
                drop(claim);
                turn.join().unwrap()
            })
        };
        assert!(matches!(waiting(&|| ahead.note(&identity(), &[], &[]).unwrap()), Turn::Done));
        let upshot = || Upshot { storage: "far".to_owned(), end: Err(WalError::NoRepository("/mnt".to_owned())) };
        let failed = waiting(&|| ahead.complain(&identity(), AheadFailure::of(&[upshot()])).unwrap());
        let Turn::Ours { claim: Some(claim), failures, is_fresh: true } = failed else { panic!("{failed:?}") };
        assert_eq!(failures.len(), 1);
        drop(claim);
        // It died.
        let died = waiting(&|| {});
        let Turn::Ours { claim: Some(_), failures, .. } = died else { panic!("{died:?}") };
        assert_eq!(failures, []);
    }
}
