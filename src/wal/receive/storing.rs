//! The way out of the spool: what is whole goes to every store, is let go of here, and moves the slot.

use super::ReceiveError;
use super::receive::{Receive, Shared};
use super::slot::Slot;
use super::spool::Waiting;
use crate::base::{Lsn, SystemId, WalFile, WalSegment};
use crate::event::Event;
use crate::repository::Repository;
use crate::wal::{LocalFile, PgWal, Push, READY_AT_ONCE, WalError, push};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// How long a store that fails is left alone.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];

/// Stores what waits until receiving is over and nothing waits, or until storing fails after that. Fails for what no
/// waiting heals: another content under the same name.
pub(super) async fn store(order: &Receive<'_>, shared: &Shared, slot: Option<&Slot<'_>>) -> Result<(), ReceiveError> {
    let mut failures = 0;
    let mut spread = Spread::default();
    loop {
        let is_over = shared.is_over.is_cancelled();
        let waiting = shared.spool.waiting()?;
        shared.set_backlog(waiting.iter().map(|waiting| waiting.bytes).sum());
        if waiting.is_empty() {
            if is_over {
                return Ok(());
            }
            shared.wait_for_work(None).await;
            continue;
        }
        match once(order, shared, &waiting).await? {
            None => {
                failures = 0;
                if let Some(slot) = slot {
                    advance(order, shared, slot).await?;
                }
            }
            Some(problem) => {
                shared.warn(order, &problem.to_string());
                spread.work(order, &waiting, &problem).await;
                if is_over {
                    let n = waiting.len();
                    let told = format!("{n} files of WAL wait in the state folder; the next run stores them first");
                    order.observer.on(&Event::Warning(told));
                    return Ok(());
                }
                let pause = PAUSES[failures.min(PAUSES.len() - 1)];
                failures += 1;
                shared.wait_for_work(Some(pause)).await;
            }
        }
    }
}

/// What was brought to the storages that work while another one fails: files are let go of only when all have them.
#[derive(Default)]
struct Spread {
    failing: String,
    done: BTreeSet<PathBuf>,
}

impl Spread {
    /// Brings everything that waits to the storages that did not fail. Whether it worked shows when the other works again.
    async fn work(&mut self, order: &Receive<'_>, waiting: &[Waiting], problem: &ReceiveError) {
        let ReceiveError::Store { storage: failing, .. } = problem else { return };
        if self.failing != *failing {
            failing.clone_into(&mut self.failing);
            self.done.clear();
        }
        let to: Vec<Repository> = order.push.to.iter().filter(|to| to.name != *failing).cloned().collect();
        if to.is_empty() {
            return;
        }
        let Push { database, cipher, .. } = &order.push;
        let push_order = Push { database: database.clone(), to, cipher: cipher.clone() };
        self.done.retain(|path| waiting.iter().any(|waiting| waiting.path == *path));
        let mut left: Vec<LocalFile> = waiting
            .iter()
            .filter(|waiting| !self.done.contains(&waiting.path))
            .filter_map(|waiting| look(waiting).ok())
            .collect();
        while let Some(own) = (!left.is_empty()).then(|| left.remove(0)) {
            let path = own.path.clone();
            let same = left.iter().filter(|file| file.system == own.system);
            let ahead: Vec<LocalFile> = same.take(READY_AT_ONCE - 1).cloned().collect();
            let pushed = push(&push_order, own, ahead).await;
            if !pushed.is_archived() {
                return;
            }
            self.done.insert(path);
            self.done.extend(pushed.ahead.into_iter().map(|file| file.path));
            left.retain(|file| !self.done.contains(&file.path));
        }
    }
}

/// Stores what is first and what can go along with it. Gives the problem that may pass, of the first storage that has
/// one.
async fn once(order: &Receive<'_>, shared: &Shared, waiting: &[Waiting]) -> Result<Option<ReceiveError>, ReceiveError> {
    let Some(first) = waiting.first() else { return Ok(None) };
    let own = match look(first) {
        Ok(own) => own,
        Err(problem) => {
            return Err(ReceiveError::Store { storage: "the state folder".to_owned(), problem: Box::new(problem) });
        }
    };
    let same = waiting.iter().skip(1).filter(|waiting| waiting.system == first.system);
    let ahead: Vec<LocalFile> = same.take(READY_AT_ONCE - 1).filter_map(|waiting| look(waiting).ok()).collect();
    let pushed = push(&order.push, own, ahead).await;
    if pushed.is_archived() {
        shared.spool.remove(first)?;
    }
    for file in &pushed.ahead {
        if let Some(waiting) = waiting.iter().find(|waiting| waiting.path == file.path) {
            shared.spool.remove(waiting)?;
        }
    }
    let failed = pushed.own.into_iter().find_map(|upshot| Some((upshot.storage, upshot.end.err()?)));
    match failed {
        None => Ok(None),
        // Two that received from the same server until a timeline ended rarely stopped at the same byte. The segment
        // goes on in the next timeline, so nothing hangs on which of the two is stored.
        Some((storage, WalError::OtherContent { .. })) if matches!(first.file, WalFile::Partial(_)) => {
            let kept = shared.spool.set_aside(first)?;
            let told = format!("{storage} has another `{}`; ours is kept as `{}`", first.file, kept.display());
            order.observer.on(&Event::Warning(told));
            Ok(None)
        }
        Some((storage, problem @ WalError::OtherContent { .. })) => {
            Err(ReceiveError::Store { storage, problem: Box::new(problem) })
        }
        Some((storage, problem)) => Ok(Some(ReceiveError::Store { storage, problem: Box::new(problem) })),
    }
}

fn look(waiting: &Waiting) -> Result<LocalFile, WalError> {
    let mut folder = PgWal::of(&waiting.path);
    folder.cluster = Some(waiting.system);
    folder.look(&waiting.path)
}

/// Moves the slot over everything of the server's cluster that is neither growing nor waiting.
async fn advance(order: &Receive<'_>, shared: &Shared, slot: &Slot<'_>) -> Result<(), ReceiveError> {
    let Some((system, growing, size)) = shared.growing() else { return Ok(()) };
    let start = |segment: WalSegment| segment.start(size);
    let of_file = |waiting: &Waiting| match waiting.file {
        WalFile::Segment(segment) | WalFile::Partial(segment) => Some(start(segment)),
        WalFile::BackupHistory(..) | WalFile::History(_) => None,
    };
    let waiting = shared.spool.waiting()?;
    let of_cluster = |waiting: &&Waiting| waiting.system == system;
    let safe = waiting.iter().filter(of_cluster).filter_map(of_file).fold(start(growing), Lsn::min);
    if !shared.is_news(system, safe) {
        return Ok(());
    }
    match slot.advance(safe).await {
        Ok(()) => shared.advanced(system, safe),
        // The server keeps more than it need: asked again with the next segment.
        Err(problem) => shared.warn(order, &format!("the slot was not moved: {problem}")),
    }
    Ok(())
}

/// Up to where a slot was moved, of which cluster.
pub(super) type Moved = Option<(SystemId, Lsn)>;
