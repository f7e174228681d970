//! How long each copy of a tier lives and where it lies meanwhile, under the schedule, the retention and the lifecycle
//! rules. Backups are taken to be made whenever they are due, and to be good.

use super::rules::{Move, Rules};
use crate::base::BackupId;
use crate::catalog::retention::is_ahead;
use crate::catalog::{Backup, Keep};
use crate::plan::days::{later, midnight};
use crate::policy::{CopySpec, PruneBy};
use crate::resource::StorageClass;
use jiff::Timestamp;

/// One copy.
#[derive(Debug, Clone)]
pub(super) struct Life<'a> {
    /// The backup; `None`: the one that the plan takes.
    pub(super) backup: Option<&'a Backup>,
    /// When the read of the database began.
    pub(super) started: Timestamp,
    /// When it was written here.
    pub(super) written: Timestamp,
    /// Its largest file.
    pub(super) bytes: u64,
    /// Nothing is known to be wrong with it.
    pub(super) is_good: bool,
    /// Where it lies now.
    pub(super) class: StorageClass,
    /// Since when it lies there, as far as the rules tell.
    pub(super) arrived: Timestamp,
    /// Where it moves, until it goes.
    pub(super) moves: Vec<Move>,
    /// When it goes; `None`: nobody can tell.
    pub(super) end: Option<Timestamp>,
}

/// What decides over the copies of one tier of one database at one storage.
pub(super) struct Fate<'a> {
    /// The copy's wishes.
    pub(super) copy: &'a CopySpec,
    /// Who deletes.
    pub(super) prune: PruneBy,
    /// `safety.keep_at_least`.
    pub(super) keep_at_least: u32,
    /// The rules of the bucket; none for a folder.
    pub(super) rules: &'a Rules,
    /// When the next backups are due, as many as could matter.
    pub(super) future: &'a [Timestamp],
}

/// A copy before anything is known of its future. `rules`: those that have fallen on it so far.
pub(super) fn found<'a>(backup: &'a Backup, rules: &Rules, now: Timestamp) -> Life<'a> {
    let bytes = largest(backup);
    let class = backup.class();
    let moves = rules.moves(backup.finished_at, bytes, StorageClass::Standard, Timestamp::MIN);
    let arrival = moves.iter().find(|(day, to)| *to == class && *day <= now).map(|(day, _)| *day);
    Life {
        backup: Some(backup),
        started: backup.id.started(),
        written: backup.finished_at,
        bytes,
        is_good: backup.is_good(),
        class,
        arrived: arrival.unwrap_or(backup.finished_at),
        moves: Vec::new(),
        end: None,
    }
}

/// The copy of a backup that the plan brings from another storage.
pub(super) fn brought<'a>(backup: &'a Backup, class: StorageClass, now: Timestamp) -> Life<'a> {
    Life { backup: Some(backup), started: backup.id.started(), ..taken(class, Some(largest(backup)), now) }
}

fn largest(backup: &Backup) -> u64 {
    backup.objects.iter().map(|object| object.stored_bytes).max().unwrap_or(0)
}

/// The copy of the backup that the plan takes now. `bytes`: as large as the last one, if there is one.
pub(super) fn taken<'a>(class: StorageClass, bytes: Option<u64>, now: Timestamp) -> Life<'a> {
    // A size that is not known is taken to be one that moves.
    let bytes = bytes.unwrap_or(u64::MAX);
    Life {
        backup: None,
        started: now,
        written: now,
        bytes,
        is_good: true,
        class,
        arrived: now,
        moves: Vec::new(),
        end: None,
    }
}

/// Fills in the future of copies at one storage.
pub(super) fn live_on(copies: &mut [Life<'_>], fate: &Fate<'_>, now: Timestamp) {
    let mut order: Vec<usize> = (0..copies.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse((copies[*index].started, copies[*index].backup.map(|b| &b.id))));
    let tonight = midnight(now);
    let mut newer = 0;
    for index in order.iter().copied() {
        let life = &copies[index];
        if life.backup.is_some_and(|backup| is_ahead(&backup.id, now)) {
            continue;
        }
        let by_rule = fate.rules.end(life.written, life.bytes, tonight);
        let end = match fate.prune {
            PruneBy::Lifecycle => by_rule,
            PruneBy::Backstay => [by_rule, pruned(life, fate, newer, now)].into_iter().flatten().min(),
        };
        let mut moves = fate.rules.moves(life.written, life.bytes, life.class, tonight);
        moves.retain(|(day, _)| end.is_none_or(|end| *day < end));
        newer += u32::from(life.is_good);
        let life = &mut copies[index];
        (life.moves, life.end) = (moves, end);
    }
    if fate.prune == PruneBy::Backstay {
        outlive_what_refers(copies, &order);
    }
}

/// What a copy refers to stays as long as it does. `order`: newest first.
fn outlive_what_refers(copies: &mut [Life<'_>], order: &[usize]) {
    for index in order {
        let (end, backup) = (copies[*index].end, copies[*index].backup);
        for reference in backup.map(|backup| backup.references()).unwrap_or_default() {
            for life in copies.iter_mut().filter(|life| life.id() == Some(&reference.backup)) {
                life.end = life.end.zip(end).map(|(own, its)| own.max(its));
            }
        }
    }
}

/// When retention lets a copy go that has so many newer good ones; `None`: not as far as can be seen.
fn pruned(life: &Life<'_>, fate: &Fate<'_>, newer: u32, now: Timestamp) -> Option<Timestamp> {
    let floor = fate.copy.keep.floor(fate.keep_at_least);
    let old = |period: crate::base::Period| later(life.started, period.to_signed());
    let by_count = || match floor.checked_sub(newer) {
        None | Some(0) => Some(now),
        Some(lacking) => fate.future.get(lacking as usize - 1).copied(),
    };
    let end = match fate.copy.keep {
        Keep::Last(_) => by_count()?,
        // A damaged copy holds no place among those that must stay.
        Keep::For(period) | Keep::ForAtLeast(period, _) if !life.is_good => old(period),
        Keep::For(period) | Keep::ForAtLeast(period, _) => by_count()?.max(old(period)),
    };
    Some(end.max(now))
}

impl Life<'_> {
    /// Where it lies at an instant.
    pub(super) fn class_at(&self, at: Timestamp) -> StorageClass {
        let moves = self.moves.iter().take_while(|(day, _)| *day <= at);
        moves.last().map_or(self.class, |(_, class)| *class)
    }

    /// The backup's id; `None` for the one that the plan takes.
    pub(super) fn id(&self) -> Option<&BackupId> {
        self.backup.map(|backup| &backup.id)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::base::{Period, Sha256};
    use crate::catalog::retention::{Held, decide};
    use crate::catalog::{BackupObject, Method};
    use crate::resource::Availability;
    use proptest::prelude::*;

    const DAY: i64 = 86_400;
    const NOW: i64 = 20_000 * DAY + 43_200;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn backup(age_days: i64, number: u32) -> Backup {
        let started = at(NOW - age_days * DAY - 36_000);
        Backup {
            id: BackupId::new(started, number),
            policy: "shop".to_owned(),
            database: "app".to_owned(),
            tier: "daily".to_owned(),
            method: Method::Logical,
            started_at: started,
            finished_at: started,
            server_version: "15.1".to_owned(),
            table_count: 1,
            layers: Vec::new(),
            objects: vec![BackupObject {
                name: "dump".to_owned(),
                stored_bytes: 1 << 20,
                plain_bytes: 1 << 20,
                stored_sha256: Sha256::of(b""),
                lock: None,
                key: None,
                class: StorageClass::Standard,
            }],
            cluster: None,
            verified: None,
            missing: Vec::new(),
            lacking: Vec::new(),
            availability: Availability::Ready,
            protection: None,
            manifest_etag: String::new(),
        }
    }

    fn any_keep() -> impl Strategy<Value = Keep> {
        prop_oneof![
            (1_u64..40).prop_map(|d| Keep::For(Period::days(d))),
            (1_u32..12).prop_map(Keep::Last),
            (1_u64..40, 1_u32..12).prop_map(|(d, n)| Keep::ForAtLeast(Period::days(d), n)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The closed form says the same as asking retention day by day while backups are made.
        #[test]
        fn copies_go_when_retention_lets_them(
            ages in prop::collection::btree_set(0_i64..60, 0..12),
            damaged in any::<u16>(),
            keep in any_keep(),
            floor in 0_u32..6,
        ) {
            let mut backups: Vec<Backup> = ages.iter().enumerate().map(|(n, age)| backup(*age, n as u32)).collect();
            for (index, backup) in backups.iter_mut().enumerate() {
                if damaged >> index & 1 == 1 && index % 3 == 0 {
                    backup.missing.push("dump".to_owned());
                }
            }
            let future: Vec<Timestamp> = (0..100).map(|n| at(NOW + n * DAY + 3_600)).collect();
            let copy = CopySpec {
                to: "local".to_owned(),
                keep,
                class: StorageClass::Standard,
                transitions: Vec::new(),
                lock: None,
            };
            let rules = Rules::default();
            let fate =
                Fate { copy: &copy, prune: PruneBy::Backstay, keep_at_least: floor, rules: &rules, future: &future };
            let mut lives: Vec<Life<'_>> = backups.iter().map(|b| found(b, &rules, at(NOW))).collect();
            live_on(&mut lives, &fate, at(NOW));
            // Just before and at each end, and every week in between.
            let ends = lives.iter().filter_map(|life| life.end).flat_map(|end| [-1, 0].map(|s| end.as_second() + s));
            let weeks = (0..14).map(|week| NOW + week * 7 * DAY);
            for then in ends.chain(weeks).filter(|then| *then >= NOW).map(at).collect::<Vec<_>>() {
                let mut held: Vec<Held> =
                    backups.iter().map(Held::of).collect();
                let made = future.iter().take_while(|due| **due <= then).enumerate();
                held.extend(made.map(|(n, due)| Held { id: BackupId::new(*due, n as u32), is_good: true, references: Vec::new() }));
                for verdict in decide(&held, keep, floor, then) {
                    let Some(life) = lives.iter().find(|life| life.id() == Some(&verdict.id)) else { continue };
                    // A damaged copy under `last` goes with the good one in its place, which the count does not see.
                    let stays = life.end.is_none_or(|end| then < end);
                    prop_assert_eq!(stays, verdict.stays, "{} at {}: {:?}", verdict.id, then, life.end);
                }
            }
        }
    }
}
