//! A file on its way to every storage, or into the spool for those that are away.

use super::drain::{Drained, drain};
use super::spool::OutageSpool;
use crate::base::WalFile;
use crate::catalog::wal::GivenUp;
use crate::policy::WhenFull;
use crate::repository::{Repository, WalPlace};
use crate::wal::push::prepare;
use crate::wal::{Claim, LocalFile, Push, Pushed, Upshot, WalError, push};
use jiff::Timestamp;

/// Files that one call brings from the spool at most, while the server waits for it: as long as one takes. The rest is
/// another process's.
const BROUGHT_AT_ONCE: usize = 4;

/// What became of a call.
#[derive(Debug)]
pub struct Through {
    /// What was stored, and what failed for a reason that waiting does not heal.
    pub pushed: Pushed,
    /// The file in the spool, a line a storage that is away.
    pub spooled: Vec<Spooled>,
    /// What was brought of what waited, a line a storage.
    pub drained: Vec<Drained>,
    /// What waits for a storage that works, if anything does, is to be brought by another process.
    pub rest: Rest,
}

/// What is left for a process that brings what waits.
#[derive(Debug, Default)]
pub enum Rest {
    /// Nothing that can be brought now.
    #[default]
    Nothing,
    /// Something, and nobody was bringing it: with this claim it is handed on.
    Ours(Claim),
    /// Something. Another process brought it a moment ago, and may still.
    Theirs,
}

/// A file, and a storage that is away.
#[derive(Debug)]
pub struct Spooled {
    /// The storage.
    pub storage: String,
    /// Why it did not get the file itself.
    pub problem: String,
    /// How it went.
    pub end: SpoolEnd,
}

/// What became of a file whose storage is away.
#[derive(Debug)]
pub enum SpoolEnd {
    /// It waits in the spool, durably.
    Waits,
    /// The spool is full, and the server keeps it.
    Full,
    /// The spool is full, and it is given up: this stretch is by now.
    GivenUp(GivenUp),
    /// The spool could not be used.
    Failed(WalError),
}

impl Through {
    /// Of a file that no spool was between.
    pub fn directly(pushed: Pushed) -> Through {
        Through { pushed, spooled: Vec::new(), drained: Vec::new(), rest: Rest::Nothing }
    }

    /// True when the server may let go of the file: every storage has it, or it waits, or it is given up on the record.
    pub fn is_settled(&self) -> bool {
        let is_kept = |end: &SpoolEnd| matches!(end, SpoolEnd::Waits | SpoolEnd::GivenUp(_));
        let is_somewhere = !self.pushed.own.is_empty() || !self.spooled.is_empty();
        is_somewhere
            && self.pushed.own.iter().all(|upshot| upshot.end.is_ok())
            && self.spooled.iter().all(|spooled| is_kept(&spooled.end))
    }
}

/// Stores a file where it can be stored, and spools it for the storages that are away; `closed` are those that could not
/// even be opened, with why. Of what waits longer for a storage that works a little is brought first; while more waits, the file
/// waits behind it. A file that is wrong, or of which a storage has another content, is not spooled.
pub async fn push_through(
    order: &Push,
    spool: &OutageSpool,
    closed: &[(String, String)],
    own: LocalFile,
    now: Timestamp,
) -> Through {
    let mut away: Vec<(String, String)> = closed.to_vec();
    let mut asked = Push { database: order.database.clone(), to: Vec::new(), cipher: order.cipher.clone() };
    let (mut behind, mut drained) = (Vec::new(), Vec::new());
    let claim = spool.claim(&order.database).unwrap_or_else(|problem| {
        drained.push(Drained { storage: "the spool".to_owned(), problem: Some(problem), ..Drained::default() });
        None
    });
    for repository in &order.to {
        let name = || repository.name.clone();
        if let Some(problem) = spool.is_away(&repository.name) {
            away.push((name(), format!("it is away: {problem}")));
            continue;
        }
        let first = match claim {
            Some(_) => drain(spool, repository, &order.database, BROUGHT_AT_ONCE).await,
            None => still_waits(spool, repository, &order.database).await,
        };
        match &first.problem {
            Some(problem) if problem.may_pass() => away.push((name(), note_away(spool, repository, problem))),
            // What waits longer goes first: what is archived then has no holes.
            _ if first.still_queued() > 0 => behind.push(repository.clone()),
            _ => {
                spool.note_back(&repository.name);
                asked.to.push(repository.clone());
            }
        }
        // What another process brings, that one tells.
        drained.extend((claim.is_some() && first.is_worth_telling()).then_some(first));
    }
    let rest = match behind.is_empty() {
        true => {
            drop(claim);
            Rest::Nothing
        }
        false => claim.map_or(Rest::Theirs, Rest::Ours),
    };
    away.extend(behind.iter().map(|to| (to.name.clone(), "others wait longer".to_owned())));
    let mut pushed = match asked.to.is_empty() {
        true => Pushed { own: Vec::new(), ahead: Vec::new() },
        false => push(&asked, own.clone(), Vec::new()).await,
    };
    let (passing, settled): (Vec<Upshot>, Vec<Upshot>) = std::mem::take(&mut pushed.own)
        .into_iter()
        .partition(|upshot| upshot.end.as_ref().err().is_some_and(WalError::may_pass));
    pushed.own = settled;
    for (repository, problem) in asked.to.iter().filter_map(|to| Some((to, failure(&passing, &to.name)?))) {
        away.push((repository.name.clone(), note_away(spool, repository, problem)));
    }
    // Better out of order than not at all.
    asked.to = behind;
    let mut through = Through { pushed, spooled: Vec::new(), drained, rest };
    if !away.is_empty() && through.pushed.own.iter().all(|upshot| upshot.end.is_ok()) {
        let (spooled, direct) = lay_down(order, spool, &own, away, &asked, now).await;
        through.spooled = spooled;
        through.pushed.own.extend(direct);
    }
    through
}

/// What waits while another process brings it.
async fn still_waits(spool: &OutageSpool, repository: &Repository, database: &str) -> Drained {
    let mut drained = Drained { storage: repository.name.clone(), ..Drained::default() };
    match spool.waits(&repository.name, database).await {
        Ok(left) => drained.left = left,
        Err(error) => drained.problem = Some(error.into()),
    }
    drained
}

fn failure<'a>(upshots: &'a [Upshot], storage: &str) -> Option<&'a WalError> {
    upshots.iter().find(|upshot| upshot.storage == storage)?.end.as_ref().err()
}

/// Remembers that a storage failed, and says it.
fn note_away(spool: &OutageSpool, repository: &Repository, problem: &WalError) -> String {
    spool.note_away(&repository.name, &problem.to_string());
    format!("it is away: {problem}")
}

/// The file in the spool, for each storage that is away; or, where there is no room, in the storage itself if that only has
/// others to get first.
async fn lay_down(
    order: &Push,
    spool: &OutageSpool,
    file: &LocalFile,
    away: Vec<(String, String)>,
    behind: &Push,
    now: Timestamp,
) -> (Vec<Spooled>, Vec<Upshot>) {
    let place = WalPlace { database: order.database.clone(), system: file.system };
    // The same for every storage: said once.
    let failed = |away: Vec<(String, String)>, error| {
        let (storage, problem) = away.into_iter().next().unwrap_or_default();
        (vec![Spooled { storage, problem, end: SpoolEnd::Failed(error) }], Vec::new())
    };
    let (key, stored) = match prepare(order, &place, file, true).await {
        Ok((key, stored)) => (key, stored.unwrap_or_default()),
        Err(error) => return failed(away, error),
    };
    let _lock = match spool.lock(&order.database).await {
        Ok(lock) => lock,
        Err(error) => return failed(away, error),
    };
    let (mut all, mut direct) = (Vec::new(), Vec::new());
    for (storage, problem) in away {
        let end = match (spool.keep(&storage, &key, stored.clone()).await, file.file, spool.when_full) {
            (Ok(true), ..) => SpoolEnd::Waits,
            (Ok(false), ..) if behind.to.iter().any(|to| to.name == storage) => {
                let mut only =
                    Push { database: order.database.clone(), to: behind.to.clone(), cipher: order.cipher.clone() };
                only.to.retain(|to| to.name == storage);
                // What was given up is known before what follows it is there.
                match spool.tell_records(&only.to, &order.database).await {
                    Ok(()) => {
                        direct.extend(push(&only, file.clone(), Vec::new()).await.own);
                        continue;
                    }
                    Err(error) => SpoolEnd::Failed(error.into()),
                }
            }
            (Ok(false), WalFile::Segment(segment), WhenFull::Gap) => {
                match spool.give_up(&storage, &key, segment, now).await {
                    Ok(record) => SpoolEnd::GivenUp(record),
                    Err(error) => SpoolEnd::Failed(error.into()),
                }
            }
            (Ok(false), ..) => SpoolEnd::Full,
            (Err(error), ..) => SpoolEnd::Failed(error.into()),
        };
        all.push(Spooled { storage, problem, end });
    }
    (all, direct)
}
