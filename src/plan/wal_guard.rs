//! The guard over deletions of WAL: more than `safety.max_prune` of what a storage holds, where that is not what goes day by
//! day.
//!
//! WAL follows base backups. What goes because one base backup goes is what the policy asked for, and so is what goes because
//! one of few goes: of three each is a third. WAL that no base backup needs though none goes is another matter: then a
//! base backup is gone that nobody planned to delete, or lies in a storage that the policy no longer names.

use super::guard::SHARE_COUNTS_FROM;
use super::{Action, Deed, Guard, GuardKind, Live, Plan, Subject, wal};
use crate::base::{Period, Size};
use crate::catalog::Method;
use crate::catalog::wal::{WalNeeds, WalObject};
use std::collections::{BTreeMap, BTreeSet};

/// WAL of less than this is not looked at when it was needed by nothing: an archive begins before its first base backup.
const BEFORE_THE_FIRST: Period = Period::days(1);

/// What steps at one storage delete of a database's WAL.
#[derive(Default)]
struct Going {
    addresses: Vec<String>,
    n_files: usize,
    bytes: u64,
    /// Of that, what nothing needed before the plan.
    unneeded: Vec<WalObject>,
}

/// One guard for each database and storage.
pub(super) fn guards(live: &Live, subjects: &[Subject<'_>], actions: &[Action]) -> Vec<Guard> {
    // Whose WAL stays is not looked at: there may be a thousand databases.
    let prunes = actions.iter().filter_map(|action| match &action.deed {
        Deed::PruneWal { database, .. } => Some(database.as_str()),
        _ => None,
    });
    let pruned: BTreeSet<&str> = prunes.collect();
    let theirs = subjects.iter().filter(|subject| pruned.contains(subject.name.as_str()));
    theirs.flat_map(|subject| of_database(live, subject, actions)).collect()
}

fn of_database(live: &Live, subject: &Subject<'_>, actions: &[Action]) -> Vec<Guard> {
    let database = subject.name.as_str();
    // What is needed before the plan. Where that is unclear nothing was needed for certain.
    let needs = wal::needs(live, database, &[]).map(|(needs, _)| needs).unwrap_or_default();
    let going = going(live, database, actions, &needs);
    if going.is_empty() {
        return Vec::new();
    }
    let (n_bases, n_leaving) = bases(live, database, actions);
    let follows = n_bases >= SHARE_COUNTS_FROM && n_leaving > 1;
    let max_prune = subject.spec.safety.max_prune;
    let mut guards = Vec::new();
    for (storage, going) in going {
        let unneeded: u64 = if spans_long(&going.unneeded) { bytes_of(&going.unneeded) } else { 0 };
        let followed = if follows { going.bytes - bytes_of(&going.unneeded) } else { 0 };
        let stored = stored(live, database, storage);
        if unneeded + followed <= max_prune.of(stored) {
            continue;
        }
        let (bytes, n_files) = (going.bytes, going.n_files);
        let mut message = format!(
            "{database}: {} of {} of WAL at {storage} would be deleted, {n_files} files, more than {max_prune}",
            Size(bytes),
            Size(stored)
        );
        if unneeded > 0 {
            message += &format!(
                "; {} of it was needed by no base backup before: if there was one, it is gone, or in a storage that the \
                 policy does not name",
                Size(unneeded)
            );
        }
        guards.push(Guard {
            kind: GuardKind::TooMuchWal,
            database: database.to_owned(),
            tier: String::new(),
            message,
            hint: String::new(),
            actions: going.addresses,
            n_allowed: Some(n_files),
        });
    }
    let n: usize = guards.iter().filter_map(|guard| guard.n_allowed).sum();
    for guard in &mut guards {
        guard.hint = format!("If that is meant, run `backstay apply --allow-prune-wal {database}={n}`.");
    }
    guards
}

/// What goes, by storage.
fn going<'a>(live: &Live, database: &str, actions: &'a [Action], needs: &WalNeeds) -> BTreeMap<&'a str, Going> {
    let mut all: BTreeMap<&str, Going> = BTreeMap::new();
    for action in actions {
        let Deed::PruneWal { storage, database: of, system_id, before } = &action.deed else { continue };
        let found = live.wal.get(&(storage.clone(), of.clone())).and_then(|found| found.as_ref().ok());
        let mut clusters = found.into_iter().flatten().filter(|cluster| cluster.system.to_string() == *system_id);
        let Some(cluster) = clusters.next().filter(|_| of == database) else { continue };
        let gone = wal::expendable(*before).of(cluster);
        let going = all.entry(storage).or_default();
        going.addresses.push(action.address.clone());
        going.n_files += gone.len();
        going.bytes += bytes_of(&gone);
        going.unneeded.extend(needs.expendable(cluster).into_iter().flat_map(|expendable| expendable.of(cluster)));
    }
    all
}

/// How many base backups there are, and how many of them are nowhere any more after the plan.
fn bases(live: &Live, database: &str, actions: &[Action]) -> (usize, usize) {
    let pruned: BTreeSet<(&str, &str)> = actions
        .iter()
        .filter_map(|action| match &action.deed {
            Deed::PruneBackup { storage, id, database: of, .. } if of == database => {
                Some((storage.as_str(), id.as_str()))
            }
            _ => None,
        })
        .collect();
    let (mut all, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for (storage, read) in live.readable() {
        let own = read.contents.backups.iter().filter(|backup| backup.database == database);
        for backup in own.filter(|backup| backup.method == Method::Physical) {
            all.insert(&backup.id);
            if !pruned.contains(&(storage, backup.id.as_str())) {
                kept.insert(&backup.id);
            }
        }
    }
    (all.len(), all.len() - kept.len())
}

fn stored(live: &Live, database: &str, storage: &str) -> u64 {
    let found = live.wal.get(&(storage.to_owned(), database.to_owned())).and_then(|found| found.as_ref().ok());
    found.into_iter().flatten().map(|cluster| cluster.stored_bytes()).sum()
}

fn bytes_of(objects: &[WalObject]) -> u64 {
    objects.iter().map(|object| object.stored_bytes).sum()
}

fn spans_long(objects: &[WalObject]) -> bool {
    let times = || objects.iter().map(|object| object.modified);
    times().max().zip(times().min()).is_some_and(|(last, first)| last.abs_diff(first) > BEFORE_THE_FIRST.0)
}

/// How many files of a database's WAL a plan deletes under a guard: the number that `--allow-prune-wal` must name.
pub fn n_wal_deletions(plan: &Plan, database: &str) -> usize {
    let guards = plan.guards.iter().filter(|guard| guard.kind == GuardKind::TooMuchWal && guard.database == database);
    guards.filter_map(|guard| guard.n_allowed).sum()
}
