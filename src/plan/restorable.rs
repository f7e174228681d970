//! Which moments of a database can be restored from its base backups and its archived WAL, now and after a plan.

use super::{Action, Deed, Live, Note, Phase, Scope, Subject, wal};
use crate::base::{Lsn, Period, WalFile};
use crate::catalog::wal::{ClusterWal, Cut, Restorable, Settling, WalGap, Window, good_bases, restorable};
use crate::catalog::{Backup, Method};
use crate::policy::{DatabaseSpec, Desired, TierSpec};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What can be restored of a database whose WAL is archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// From all storages that could be read.
    pub restorable: Restorable,
    /// Storages whose archive could not be read, and why.
    pub unreadable: Vec<(String, String)>,
}

/// What can be restored of a database at `now`; `None` where its WAL is not archived, or nobody looked.
pub fn reach(live: &Live, database: &str, now: Timestamp) -> Option<Reach> {
    reach_of(live, database, |_| true, now)
}

/// The same by the WAL of one storage alone, with the base backups of all.
pub fn reach_from(live: &Live, database: &str, storage: &str, now: Timestamp) -> Option<Reach> {
    reach_of(live, database, |name| name == storage, now)
}

fn reach_of(live: &Live, database: &str, is_meant: impl Fn(&str) -> bool, now: Timestamp) -> Option<Reach> {
    let backups = live.readable().flat_map(|(_, read)| &read.contents.backups);
    let own = backups.filter(|backup| backup.database == database);
    let mut archives = live.wal.iter().filter(|((storage, of), _)| of == database && is_meant(storage)).peekable();
    archives.peek()?;
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for ((storage, _), clusters) in archives {
        match clusters {
            Ok(clusters) => found.extend(clusters),
            Err(problem) => unreadable.push((storage.clone(), problem.clone())),
        }
    }
    let restorable = judged(live, database, own, found, unreadable.is_empty(), now);
    Some(Reach { restorable, unreadable })
}

fn judged<'a>(
    live: &Live,
    database: &str,
    backups: impl Iterator<Item = &'a Backup>,
    archives: Vec<&ClusterWal>,
    is_whole: bool,
    now: Timestamp,
) -> Restorable {
    let given_up: Vec<_> =
        archives.iter().flat_map(|wal| wal.given_up.iter().map(|record| (wal.system, record.span()))).collect();
    let clusters = ClusterWal::together(archives);
    let archiver = live.archivers.get(database).and_then(|said| said.as_ref().ok());
    let archived = archiver.and_then(|said| match said.last_archived? {
        WalFile::Segment(segment) => Some((said.system?, segment)),
        WalFile::Partial(_) | WalFile::BackupHistory(..) | WalFile::History(_) => None,
    });
    // A base backup may lie in a storage that cannot be read, too.
    let is_whole = is_whole && live.readable().count() == live.storages.len();
    let may_wait = live.spooled.contains(database);
    let settling = Settling { now, archived, given_up: &given_up, is_whole, may_wait };
    restorable(&clusters, &good_bases(backups), &settling)
}

/// Why a tier has to take a base backup of a database now though its schedule does not say so: nothing else leads to the
/// newest WAL. Meant is its most frequent scheduled tier of base backups.
pub(super) fn cut(desired: &Desired, subject: &Subject<'_>, tier: &str, live: &Live, now: Timestamp) -> Option<Cut> {
    (subject.spec.wal.is_some() && most_frequent(desired, subject.spec, now) == Some(tier))
        .then(|| reach(live, &subject.name, now)?.restorable.cut)
        .flatten()
}

/// The scheduled tier of base backups that is due next; of several the first of the policy.
fn most_frequent<'a>(desired: &Desired, spec: &'a DatabaseSpec, now: Timestamp) -> Option<&'a str> {
    let interval = |tier: &TierSpec| {
        let next = tier.schedule.next_after(now, &desired.timezone)?;
        let after = tier.schedule.next_after(next, &desired.timezone);
        Some(after.map_or(Period(u64::MAX), |after| Period::between(next, after)))
    };
    let tiers = spec.tiers.iter().filter_map(|name| {
        let tier = desired.tiers.get(name).filter(|tier| tier.method == Method::Physical)?;
        Some((interval(tier)?, name.as_str()))
    });
    tiers.min_by_key(|(interval, _)| *interval).map(|(_, name)| name)
}

/// To which moments a database can be restored, now and after a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restorability {
    /// The database entry.
    pub database: String,
    /// The stretches to any moment of which it can be restored now, the oldest first.
    pub windows: Vec<RestorableWindow>,
    /// WAL that is missing between them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<MissingWal>,
    /// The stretches after the plan, where it deletes something; what a base backup that it takes begins is not among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows_after: Option<Vec<RestorableWindow>>,
    /// Why nothing newer than the windows can be restored before another base backup is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_off: Option<String>,
    /// Storages that could not be read: there may be more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable_storages: Vec<String>,
}

/// A stretch to any moment of which a database can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestorableWindow {
    /// System identifier of the cluster.
    pub system_id: String,
    /// The first moment: when the oldest of the base backups was finished.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// The last moment as far as it is known: when the last segment was stored.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// Position from which on the oldest base backup is consistent.
    #[schemars(with = "String")]
    pub from_lsn: Lsn,
    /// Where archived WAL ends.
    #[schemars(with = "String")]
    pub until_lsn: Lsn,
    /// The timeline at the end.
    pub timeline: u32,
    /// Ids of the base backups in it, the oldest first.
    pub backups: Vec<String>,
}

/// WAL that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingWal {
    /// System identifier of the cluster.
    pub system_id: String,
    /// The timeline.
    pub timeline: u32,
    /// Its first byte.
    #[schemars(with = "String")]
    pub start_lsn: Lsn,
    /// The byte after its last.
    #[schemars(with = "String")]
    pub end_lsn: Lsn,
    /// The first segment that is missing.
    pub first: String,
    /// The last one.
    pub last: String,
    /// How many there are.
    pub n_segments: u64,
    /// The last moment before it that can be restored; absent: none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lost_from: Option<Timestamp>,
    /// The first moment after it that can be restored; absent: none before another base backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lost_until: Option<Timestamp>,
    /// It does not come any more; otherwise it may be on its way.
    pub is_settled: bool,
    /// The first base backup that began after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<String>,
}

impl RestorableWindow {
    /// The same for people and machines.
    pub fn of(window: &Window) -> RestorableWindow {
        RestorableWindow {
            system_id: window.system.to_string(),
            from: window.from_at,
            until: window.until_at,
            from_lsn: window.from.lsn,
            until_lsn: window.until.lsn,
            timeline: window.until.timeline.0,
            backups: window.bases.iter().map(ToString::to_string).collect(),
        }
    }
}

impl MissingWal {
    /// The same for people and machines.
    pub fn of(gap: &WalGap) -> MissingWal {
        MissingWal {
            system_id: gap.system.to_string(),
            timeline: gap.span.timeline.0,
            start_lsn: gap.span.start,
            end_lsn: gap.span.end,
            first: gap.first.to_string(),
            last: gap.last.to_string(),
            n_segments: gap.n_segments,
            lost_from: gap.lost_from,
            lost_until: gap.lost_until,
            is_settled: gap.is_settled,
            closed_by: gap.closed_by.as_ref().map(ToString::to_string),
        }
    }
}

/// What the actions leave of what can be restored, by database. Where nothing leads to the newest WAL and no action does
/// anything about it, that is a problem.
pub(super) fn restorability(
    desired: &Desired,
    subjects: &[Subject<'_>],
    live: &Live,
    actions: &[Action],
    scope: &Scope,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Vec<Restorability> {
    let mut all = Vec::new();
    for subject in subjects.iter().filter(|subject| subject.spec.wal.is_some()) {
        let Some(Reach { restorable, unreadable }) = reach(live, &subject.name, now) else { continue };
        let is_base = |tier: &str| desired.tiers.get(tier).is_some_and(|spec| spec.method == Method::Physical);
        let is_taken = |action: &Action| match &action.deed {
            Deed::TakeBackup { database, tier, .. } => *database == subject.name && is_base(tier),
            _ => false,
        };
        if let Some(cut) = restorable.cut.as_ref().filter(|_| scope.has(Phase::Backups))
            && !actions.iter().any(is_taken)
        {
            notes.push(Note {
                about: format!("databases.{}.wal", subject.entry),
                message: format!("{cut}; take one with `backstay backup {}`", subject.name),
                is_problem: true,
            });
        }
        let windows: Vec<RestorableWindow> = restorable.windows.iter().map(RestorableWindow::of).collect();
        let after = after(live, &subject.name, actions, now);
        all.push(Restorability {
            database: subject.name.clone(),
            gaps: restorable.gaps.iter().map(MissingWal::of).collect(),
            windows_after: after.filter(|after| *after != windows),
            windows,
            cut_off: restorable.cut.as_ref().map(ToString::to_string),
            unreadable_storages: unreadable.into_iter().map(|(storage, _)| storage).collect(),
        });
    }
    all
}

/// The windows once the actions have deleted what they delete; `None`: nothing that makes one.
fn after(live: &Live, database: &str, actions: &[Action], now: Timestamp) -> Option<Vec<RestorableWindow>> {
    let mut pruned: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut archives: Vec<(&str, ClusterWal)> = live
        .wal
        .iter()
        .filter(|((_, of), _)| of == database)
        .flat_map(|((storage, _), found)| {
            found.iter().flatten().map(move |cluster| (storage.as_str(), cluster.clone()))
        })
        .collect();
    let mut deletes = false;
    for action in actions {
        match &action.deed {
            Deed::PruneBackup { database: of, id, storage, .. } if of == database => {
                pruned.insert((storage, id));
                deletes = true;
            }
            Deed::PruneWal { database: of, storage, system_id, before } if of == database => {
                let theirs = |at: &str, cluster: &ClusterWal| at == storage && cluster.system.to_string() == *system_id;
                for (_, cluster) in archives.iter_mut().filter(|(at, cluster)| theirs(at, cluster)) {
                    *cluster = cluster.without(&wal::expendable(*before).of(cluster));
                }
                deletes = true;
            }
            _ => {}
        }
    }
    if !deletes {
        return None;
    }
    let pruned = &pruned;
    let kept = live.readable().flat_map(|(storage, read)| {
        let stays = move |backup: &&Backup| !pruned.contains(&(storage, backup.id.as_str()));
        read.contents.backups.iter().filter(stays)
    });
    let kept = kept.filter(|backup| backup.database == database);
    let found = judged(live, database, kept, archives.iter().map(|(_, cluster)| cluster).collect(), true, now);
    Some(found.windows.iter().map(RestorableWindow::of).collect())
}
