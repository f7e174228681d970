//! WAL that one storage of an archive has and another lacks: after an outage that was longer than the spool, or when a
//! storage is new in `wal.to`. A step a storage and cluster.

use super::infra::{folder_address, marker_address};
use super::wal::{expendable, needs};
use super::{Action, Deed, Live, LiveStorage, Phase, Subject, Symbol};
use crate::base::{Lsn, Period, WalFile, total};
use crate::catalog::wal::{ClusterWal, Expendable, WalObject};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// How long a file must have been in one storage before it is brought to another: whoever archives it may still be
/// sending it there.
const SETTLED_AFTER: Period = Period::minutes(10);

/// Address of the copying.
fn address(to: &str, database: &str, cluster: &ClusterWal) -> String {
    format!("wal-copy/{to}/{database}/{}", cluster.system)
}

/// The steps that bring WAL. `planned`: what is done before, deletions of base backups above all: what they alone needed
/// is not brought. Where it is unclear what is needed, nothing is.
pub(super) fn actions(live: &Live, subjects: &[Subject<'_>], planned: &[Action], now: Timestamp) -> Vec<Action> {
    let mut actions = Vec::new();
    for subject in subjects {
        let Some(wal) = subject.spec.wal.as_ref().filter(|wal| wal.to.len() > 1) else { continue };
        let archives: Vec<(&str, &Vec<ClusterWal>)> = wal
            .to
            .iter()
            .filter(|to| matches!(live.storages.get(to.as_str()), Some(LiveStorage::Read(_))))
            .filter_map(|to| Some((to.as_str(), live.wal.get(&(to.clone(), subject.name.clone()))?.as_ref().ok()?)))
            .collect();
        let Ok((needs, _)) = needs(live, &subject.name, planned) else { continue };
        for (to, there) in &archives {
            // Clusters in the order of their identifiers, each brought from the first storage that has something more.
            let mut known: BTreeSet<_> = BTreeSet::new();
            for (from, clusters) in archives.iter().filter(|(from, _)| from != to) {
                for cluster in clusters.iter() {
                    let before = match needs.expendable(cluster) {
                        Some(Expendable::Before(before)) => Some(before),
                        Some(Expendable::All) => continue,
                        None => None,
                    };
                    let have = there.iter().find(|other| other.system == cluster.system);
                    let mut lacking = lacking(cluster, have, before);
                    lacking.retain(|object| is_settled(object, now));
                    if !lacking.is_empty() && known.insert(cluster.system) {
                        actions.push(action((from, to), &subject.name, cluster, &lacking, before));
                    }
                }
            }
        }
    }
    actions
}

fn is_settled(object: &WalObject, now: Timestamp) -> bool {
    let stored = Timestamp::from_second(object.modified).unwrap_or(now);
    Period::between(stored, now) >= SETTLED_AFTER
}

/// Files that `from` has and `to` has under no content, and that are needed: all but what ends before a position. Of a
/// file with two contents nobody knows which is right, and neither is meant. What lies in a cold class cannot be read.
pub fn lacking(from: &ClusterWal, to: Option<&ClusterWal>, before: Option<Lsn>) -> Vec<WalObject> {
    let gone: BTreeSet<WalFile> = before
        .map(|before| expendable(Some(before)).of(from).iter().map(|object| object.file).collect())
        .unwrap_or_default();
    let lacks = |file: &WalFile| to.is_none_or(|to| !to.files.contains_key(file)) && !gone.contains(file);
    let one = |(file, contents): (&WalFile, &Vec<WalObject>)| match contents.as_slice() {
        [only] if lacks(file) && !only.class.is_cold() => Some(only.clone()),
        _ => None,
    };
    from.files.iter().filter_map(one).collect()
}

fn action(
    (from, to): (&str, &str),
    database: &str,
    cluster: &ClusterWal,
    lacking: &[WalObject],
    before: Option<Lsn>,
) -> Action {
    let segments: Vec<&WalObject> =
        lacking.iter().filter(|object| matches!(object.file, WalFile::Segment(_))).collect();
    let range = match segments.as_slice() {
        [] => String::new(),
        [only] => format!(", of segments {}", only.file),
        [first, .., last] => format!(", of segments {} to {}", first.file, last.file),
    };
    let files = if lacking.len() == 1 { "1 file".to_owned() } else { format!("{} files", lacking.len()) };
    Action {
        address: address(to, database, cluster),
        symbol: Symbol::Copy,
        phase: Phase::Copies,
        reason: format!("{to} lacks what {from} has: {files}{range}"),
        changes: Vec::new(),
        depends_on: vec![folder_address(to), marker_address(to)],
        bytes: Some(total(lacking.iter().map(|object| object.stored_bytes))),
        irreversible: None,
        loosens: false,
        deed: Deed::CopyWal {
            from: from.to_owned(),
            to: to.to_owned(),
            database: database.to_owned(),
            system_id: cluster.system.to_string(),
            before,
        },
    }
}
