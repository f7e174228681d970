//! Everything that waits, for as long as something does: by whoever holds the claim.

use super::drain::{Drained, drain};
use super::spool::OutageSpool;
use crate::repository::Repository;
use crate::wal::{Claim, WalError};

/// Files that are brought before it is said how far it is, and before the next storage has its turn.
const STRIDE: usize = 256;

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BroughtEnd {
    /// Nothing waits any more.
    Empty,
    /// Something still waits.
    Left,
}

/// A storage that is brought to, and how far that is.
struct Turn<'a> {
    to: &'a Repository,
    /// What waits for it and cannot be stored there.
    n_stuck: usize,
    has_failed: bool,
}

/// Brings everything that waits for these storages, also what is laid down meanwhile. A storage that is away is left alone from
/// then on, and that is remembered. `told` hears of each stride, and says whether to go on.
pub async fn bring_all(
    spool: &OutageSpool,
    to: &[Repository],
    database: &str,
    claim: Claim,
    told: &mut (dyn FnMut(&Drained) -> bool + Send),
) -> BroughtEnd {
    let mut claim = claim;
    let mut turns: Vec<Turn> = to.iter().map(|to| Turn { to, n_stuck: 0, has_failed: false }).collect();
    loop {
        let is_stopped = !strides(spool, database, &mut turns, told).await;
        drop(claim);
        // Who laid something down until then saw that somebody brings it, and started nobody.
        let (mut is_empty, mut has_news) = (true, false);
        for turn in &turns {
            let waits = spool.waits(&turn.to.name, database).await.unwrap_or_default();
            let waits = waits.files + waits.records;
            is_empty &= waits == 0 && !turn.has_failed;
            has_news |= waits > turn.n_stuck && !turn.has_failed;
        }
        let end = if is_empty { BroughtEnd::Empty } else { BroughtEnd::Left };
        if is_stopped || !has_news {
            return end;
        }
        match spool.claim(database) {
            Ok(Some(again)) => claim = again,
            // Another process has it.
            Ok(None) | Err(_) => return end,
        }
    }
}

/// Stride by stride, storage by storage, until none gets anything more. False when it was to stop.
async fn strides(
    spool: &OutageSpool,
    database: &str,
    turns: &mut [Turn<'_>],
    told: &mut (dyn FnMut(&Drained) -> bool + Send),
) -> bool {
    loop {
        let (mut n_brought, mut n_left) = (0, 0);
        for turn in turns.iter_mut().filter(|turn| !turn.has_failed) {
            let drained = drain(spool, turn.to, database, STRIDE).await;
            match &drained.problem {
                Some(problem) if problem.may_pass() => spool.note_away(&turn.to.name, &problem.to_string()),
                Some(_) => {}
                None => spool.note_back(&turn.to.name),
            }
            turn.n_stuck = drained.conflicts;
            turn.has_failed =
                drained.problem.as_ref().is_some_and(|error| !matches!(error, WalError::OtherContent { .. }));
            if !turn.has_failed {
                n_brought += drained.brought + drained.records;
                n_left += drained.still_queued();
            }
            if !told(&drained) {
                return false;
            }
        }
        if n_brought == 0 || n_left == 0 {
            return true;
        }
    }
}
