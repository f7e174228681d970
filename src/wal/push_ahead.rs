//! Into the stores before PostgreSQL asks: what is ready, for as long as something is.

use super::outage::OutageSpool;
use super::push::{at_once, carry, shelves};
use super::{Ahead, AheadFailure, Identity, LocalFile, PgWal, Push, READY_AT_ONCE, Stamp, Upshot, WalError};
use crate::base::{SystemId, WalFile};
use crate::repository::WalPlace;
use futures_util::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// After so long without a file it ends: it is soon started again.
const REST: Duration = Duration::from_secs(3);
/// Between two looks for files.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// When so many wait already for the server, it is worth waiting for these, which then cost one listing together.
const ROUND: usize = 8;

/// What is to be done ahead, and where that is remembered.
pub struct PushAhead {
    /// Where WAL goes.
    pub order: Push,
    /// Where it waits, if the policy says so, while a storage is away.
    pub spool: Option<OutageSpool>,
    /// Where the server keeps it.
    pub pg_wal: PgWal,
    /// Whose it is.
    pub system: SystemId,
    /// Archived a moment ago.
    pub after: WalFile,
    /// Where it is remembered.
    pub ahead: Ahead,
    /// Policies as they were named, and every file that they were read from.
    pub named: Vec<PathBuf>,
    /// See `named`.
    pub read: Vec<Stamp>,
}

/// Archives what is ready, in the order in which the server will ask, at most [`READY_AT_ONCE`] files ahead of it. Ends when
/// nothing is ready for a while, when the policy is another one, when a storage is away, or with what failed first. What
/// became of a file is remembered, and each is claimed while it is on its way.
pub async fn push_ahead(job: &PushAhead) -> Vec<AheadFailure> {
    let mut done: BTreeMap<String, Identity> = BTreeMap::new();
    let (mut last, mut pause) = (Instant::now(), SHORTEST_PAUSE);
    while last.elapsed() < REST && job.read.iter().all(Stamp::holds) && is_anyone_there(job).await {
        let files = window(job, &mut done).await;
        let round = match files.is_empty() {
            true => Round::default(),
            false => carry_all(job, files).await,
        };
        if !round.failures.is_empty() {
            return round.failures;
        }
        if round.archived.is_empty() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            continue;
        }
        done.extend(round.archived.into_iter().map(|identity| (identity.name.clone(), identity)));
        (last, pause) = (Instant::now(), SHORTEST_PAUSE);
    }
    Vec::new()
}

/// Files that were carried together.
#[derive(Default)]
struct Round {
    archived: Vec<Identity>,
    failures: Vec<AheadFailure>,
}

/// False when a storage is away: then calls lay down each file in the spool.
async fn is_anyone_there(job: &PushAhead) -> bool {
    let Some(spool) = &job.spool else { return true };
    for repository in &job.order.to {
        let is_away = spool.is_away(&repository.name).is_some();
        let waits = spool.waits(&repository.name, &job.order.database).await;
        if is_away || !waits.is_ok_and(|waits| waits.files == 0) {
            return false;
        }
    }
    true
}

/// What the server will ask for next and is not archived.
async fn window(job: &PushAhead, done: &mut BTreeMap<String, Identity>) -> Vec<LocalFile> {
    let (pg_wal, ahead, system, after) = (job.pg_wal.clone(), job.ahead.clone(), job.system, job.after.to_string());
    let known = std::mem::take(done);
    let looking = tokio::task::spawn_blocking(move || {
        let ready = pg_wal.ready();
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let names: BTreeSet<String> = ready.iter().map(name).collect();
        ahead.keep_only(&names);
        let next: Vec<&PathBuf> = ready.iter().take(READY_AT_ONCE).collect();
        let missing = next.iter().filter(|path| !ahead.has_note(&name(path)) && name(path) != after);
        let looked = missing.filter_map(|path| pg_wal.look(path).ok()).filter(|file| file.system == system);
        let files: Vec<LocalFile> =
            looked.filter(|file| known.get(&file.identity.name) != Some(&file.identity)).collect();
        let is_worth = next.len() < READY_AT_ONCE || files.len() >= ROUND;
        let known = known.into_iter().filter(|(name, _)| names.contains(name)).collect();
        (if is_worth { files } else { Vec::new() }, known)
    });
    let (files, known) = looking.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    *done = known;
    files
}

async fn carry_all(job: &PushAhead, files: Vec<LocalFile>) -> Round {
    let place = WalPlace { database: job.order.database.clone(), system: job.system };
    let (shelves, failed) = shelves(&job.order, &place, &files).await;
    if !failed.is_empty() {
        let failures = files.first().map(|first| complain(job, first, &failed)).unwrap_or_default();
        return Round { archived: Vec::new(), failures };
    }
    let has_failed = AtomicBool::new(false);
    let in_all = files.first().map_or(1, at_once);
    let carried: Vec<(Option<Identity>, Vec<AheadFailure>)> = stream::iter(files)
        .map(|file| async {
            let file = file;
            let is_to_go = !has_failed.load(Ordering::Relaxed) && job.read.iter().all(Stamp::holds);
            // A call that was faster sends it, or has done so.
            let claim = if is_to_go { job.ahead.claim(&file.identity.name).ok().flatten() } else { None };
            let Some(_claim) = claim else { return (None, Vec::new()) };
            let upshots = carry(&job.order, &place, &shelves, &file).await;
            if upshots.iter().all(|upshot| upshot.end.is_ok()) {
                // What is not remembered is found stored when it is asked for.
                let _ = job.ahead.note(&file.identity, &job.named, &job.read);
                return (Some(file.identity), Vec::new());
            }
            has_failed.store(true, Ordering::Relaxed);
            (None, complain(job, &file, &upshots))
        })
        .buffered(in_all)
        .collect()
        .await;
    let mut round = Round::default();
    for (archived, failures) in carried {
        round.archived.extend(archived);
        if round.failures.is_empty() {
            round.failures = failures;
        }
    }
    round
}

/// Remembers what failed, for the call that asks for the file.
fn complain(job: &PushAhead, file: &LocalFile, upshots: &[Upshot]) -> Vec<AheadFailure> {
    for upshot in upshots {
        if let (Some(spool), Err(error)) = (&job.spool, &upshot.end)
            && error.may_pass()
            && !matches!(error, WalError::FailedBefore(_))
        {
            spool.note_away(&upshot.storage, &error.to_string());
        }
    }
    let failures = AheadFailure::of(upshots);
    let _ = job.ahead.complain(&file.identity, failures.clone());
    failures
}
