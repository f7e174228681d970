//! WAL that no base backup needs: a step a storage and cluster, which says up to where.

use super::{Action, Deed, Live, LiveStorage, Note, Phase, Subject, Symbol, prune};
use crate::base::{Lsn, encode_component, total};
use crate::catalog::wal::{ClusterWal, Expendable, WalNeeds};
use crate::catalog::{Backup, Method};
use crate::policy::Desired;
use std::collections::BTreeSet;

/// Address of the deletion of WAL.
fn address(storage: &str, database: &str, cluster: &ClusterWal) -> String {
    format!("wal/{storage}/{database}/{}", cluster.system)
}

/// The steps that delete WAL, after those of `planned` that delete base backups. Where anything is unclear, nothing is
/// deleted, and a note says so if there is WAL.
pub(super) fn actions(
    desired: &Desired,
    live: &Live,
    subjects: &[Subject<'_>],
    planned: &[Action],
    notes: &mut Vec<Note>,
) -> Vec<Action> {
    let mut actions = Vec::new();
    for subject in subjects.iter().filter(|subject| subject.spec.wal.is_some()) {
        let archives: Vec<(&str, &Vec<ClusterWal>)> = live
            .wal
            .iter()
            .filter(|((_, database), _)| *database == subject.name)
            .filter_map(|((storage, _), found)| Some((storage.as_str(), found.as_ref().ok()?)))
            .filter(|(storage, found)| !found.is_empty() && !prune::is_by_lifecycle(desired, storage))
            .collect();
        if archives.is_empty() {
            continue;
        }
        match needs(live, &subject.name, planned) {
            Ok((needs, after)) => {
                for (storage, clusters) in archives {
                    actions.extend(clusters.iter().filter_map(|c| action(storage, &subject.name, c, &needs, &after)));
                }
            }
            Err(problem) => notes.push(Note {
                about: format!("databases.{}.wal", subject.entry),
                message: format!("no WAL is deleted: {problem}"),
                is_problem: false,
            }),
        }
    }
    actions
}

/// What the base backups need that are left after the planned deletions, and the addresses of those.
pub(super) fn needs(live: &Live, database: &str, planned: &[Action]) -> Result<(WalNeeds, Vec<String>), String> {
    let mut pruned: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut after = Vec::new();
    for action in planned {
        if let Deed::PruneBackup { database: of, id, storage, .. } = &action.deed
            && of == database
        {
            pruned.insert((storage, id));
            after.push(action.address.clone());
        }
    }
    let mut kept: Vec<&Backup> = Vec::new();
    let folder = encode_component(database);
    for (name, storage) in &live.storages {
        let read = match storage {
            LiveStorage::Read(read) => read,
            // A base backup may lie there.
            LiveStorage::Unreadable(_) => return Err(format!("storage `{name}` cannot be read")),
        };
        let is_theirs = |key: &str| key.starts_with("manifest/") && key.split('/').nth(2) == Some(folder.as_str());
        if let Some(broken) = read.contents.broken.iter().find(|broken| is_theirs(&broken.key)) {
            return Err(format!("`{}` in {name} cannot be read", broken.key));
        }
        let theirs = read.contents.backups.iter().filter(|backup| backup.database == database);
        kept.extend(theirs.filter(|backup| !pruned.contains(&(name.as_str(), backup.id.as_str()))));
    }
    after.sort();
    let of_base = kept.into_iter().filter(|backup| backup.method == Method::Physical);
    WalNeeds::of(of_base).map(|needs| (needs, after)).map_err(|problem| problem.to_string())
}

fn action(storage: &str, database: &str, cluster: &ClusterWal, needs: &WalNeeds, after: &[String]) -> Option<Action> {
    let expendable = needs.expendable(cluster)?;
    let gone = expendable.of(cluster);
    if gone.is_empty() {
        return None;
    }
    let files = if gone.len() == 1 { "1 file".to_owned() } else { format!("{} files", gone.len()) };
    let (before, reason) = match expendable {
        Expendable::Before(before) => (Some(before), format!("{files}: no base backup needs WAL before {before}")),
        Expendable::All => (None, format!("{files}: its cluster has no base backup any more")),
    };
    Some(Action {
        address: address(storage, database, cluster),
        symbol: Symbol::Delete,
        phase: Phase::Prune,
        reason,
        changes: Vec::new(),
        depends_on: after.to_vec(),
        bytes: Some(total(gone.iter().map(|object| object.stored_bytes))),
        irreversible: None,
        loosens: false,
        deed: Deed::PruneWal {
            storage: storage.to_owned(),
            database: database.to_owned(),
            system_id: cluster.system.to_string(),
            before,
        },
    })
}

/// What a step deletes: everything before a position, or everything.
pub fn expendable(before: Option<Lsn>) -> Expendable {
    before.map_or(Expendable::All, Expendable::Before)
}
