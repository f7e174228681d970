//! Retention: what stays and what may go, for the copies of one database and tier in one repository, each with its
//! reasons. Pure: time is an argument, the order of the input does not matter.

use super::Backup;
use crate::base::{BackupId, Period};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Clocks of two machines may differ so much; a backup dated further ahead was made under a wrong clock.
const SKEW: Period = Period::minutes(5);

/// True when a backup is dated in the future. Nothing is known of its age, so it counts as no newest backup, and stays.
pub fn is_ahead(id: &BackupId, now: Timestamp) -> bool {
    let started = id.started();
    started > now && Period::between(now, started) > SKEW
}

/// How long copies are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// By age; the safety floor `keep_at_least` holds.
    For(Period),
    /// The newest so many; no other floor.
    Last(u32),
    /// By age, but at least so many; no other floor.
    ForAtLeast(Period, u32),
}

/// A copy as retention sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The backup.
    pub id: BackupId,
    /// Nothing is known to be wrong with this copy.
    pub is_good: bool,
    /// Backups that it is whole only with: what an incremental one refers to.
    pub references: Vec<BackupId>,
}

impl Held {
    /// A copy as the catalog knows it.
    pub fn of(backup: &Backup) -> Held {
        Held { id: backup.id.clone(), is_good: backup.is_good(), references: references_of(backup) }
    }

    /// A good copy of a backup, whatever is known of the copies that are there.
    pub fn good(backup: &Backup) -> Held {
        Held { is_good: true, ..Held::of(backup) }
    }
}

fn references_of(backup: &Backup) -> Vec<BackupId> {
    backup.references().iter().map(|reference| reference.backup.clone()).collect()
}

/// What retention says of one copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The backup.
    pub id: BackupId,
    /// Whether it stays.
    pub stays: bool,
    /// Why: at least one reason.
    pub reasons: Vec<Reason>,
}

/// Why a copy stays or may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Younger than `keep` asks.
    Young {
        /// Its age.
        age: Period,
        /// What is asked.
        keep: Period,
    },
    /// Older than `keep` asks.
    Old {
        /// Its age.
        age: Period,
        /// What is asked.
        keep: Period,
    },
    /// Among the newest good ones that must stay. `rank` counts from 1.
    Newest {
        /// Its place among the good copies, newest first.
        rank: u32,
        /// How many of them stay.
        of: u32,
    },
    /// More good ones that are newer exist than must stay.
    Surplus {
        /// How many newer good copies exist.
        newer: u32,
        /// How many stay.
        of: u32,
    },
    /// It is damaged and does not count towards any number.
    Damaged,
    /// It is dated in the future and does not count towards any number until then.
    Ahead,
    /// A backup that stays refers to it.
    Referenced {
        /// One of those, the newest where ids tell.
        by: BackupId,
    },
}

impl Keep {
    /// The longest age that a copy is promised, when `keep` speaks of age.
    pub fn period(self) -> Option<Period> {
        match self {
            Keep::For(period) | Keep::ForAtLeast(period, _) => Some(period),
            Keep::Last(_) => None,
        }
    }

    /// How many good copies stay whatever their age, given the floor of `safety.keep_at_least`. Never zero.
    pub fn floor(self, keep_at_least: u32) -> u32 {
        match self {
            Keep::For(_) => keep_at_least.max(1),
            Keep::Last(count) | Keep::ForAtLeast(_, count) => count.max(1),
        }
    }
}

/// As a policy would say it: `30d`, `the last 7`, `30d and at least 3`.
impl std::fmt::Display for Keep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Keep::For(period) => write!(f, "{period}"),
            Keep::Last(count) => write!(f, "the last {count}"),
            Keep::ForAtLeast(period, count) => write!(f, "{period} and at least {count}"),
        }
    }
}

/// Decides over all copies of one database and tier in one repository. Verdicts come newest first, one a copy; an id
/// given twice is one copy, good if any mention is good. The newest good copy always stays, and so does what is dated in
/// the future, and whatever one that stays refers to.
pub fn decide(held: &[Held], keep: Keep, keep_at_least: u32, now: Timestamp) -> Vec<Verdict> {
    let mut verdicts = by_age_and_number(held, keep, keep_at_least, now);
    keep_referenced(&mut verdicts, held);
    verdicts
}

/// What stays keeps what it refers to, and that what it refers to itself. Ids of one second tell no order, so each that
/// is kept is looked at in turn.
fn keep_referenced(verdicts: &mut [Verdict], held: &[Held]) {
    let mut references: BTreeMap<&BackupId, BTreeSet<&BackupId>> = BTreeMap::new();
    for copy in held.iter().filter(|copy| !copy.references.is_empty()) {
        references.entry(&copy.id).or_default().extend(&copy.references);
    }
    if references.is_empty() {
        return;
    }
    let places: BTreeMap<BackupId, usize> =
        verdicts.iter().enumerate().map(|(place, verdict)| (verdict.id.clone(), place)).collect();
    // Oldest first, for the last one is taken out first.
    let mut staying: Vec<BackupId> =
        verdicts.iter().rev().filter(|verdict| verdict.stays).map(|verdict| verdict.id.clone()).collect();
    let mut told = BTreeSet::new();
    while let Some(by) = staying.pop() {
        for reference in references.get(&by).into_iter().flatten() {
            let Some(verdict) = places.get(*reference).and_then(|place| verdicts.get_mut(*place)) else { continue };
            if !verdict.stays {
                verdict.stays = true;
                staying.push(verdict.id.clone());
            }
            if told.insert(*reference) {
                verdict.reasons.push(Reason::Referenced { by: by.clone() });
            }
        }
    }
}

fn by_age_and_number(held: &[Held], keep: Keep, keep_at_least: u32, now: Timestamp) -> Vec<Verdict> {
    let mut copies: BTreeMap<&BackupId, bool> = BTreeMap::new();
    for copy in held {
        *copies.entry(&copy.id).or_default() |= copy.is_good;
    }
    let floor = keep.floor(keep_at_least);
    let mut newer: u32 = 0;
    let mut verdicts = Vec::with_capacity(copies.len());
    for (id, is_good) in copies.into_iter().rev() {
        if is_ahead(id, now) {
            verdicts.push(Verdict { id: id.clone(), stays: true, reasons: vec![Reason::Ahead] });
            continue;
        }
        let age = Period::between(id.started(), now);
        let mut reasons = Vec::new();
        let mut stays = false;
        if let Some(period) = keep.period() {
            stays |= age < period;
            reasons.push(if age < period {
                Reason::Young { age, keep: period }
            } else {
                Reason::Old { age, keep: period }
            });
        }
        let counted = if is_good {
            stays |= newer < floor;
            newer < floor
        } else {
            reasons.push(Reason::Damaged);
            // Without an age to go by, a damaged copy stays visible as long as a good one in its place would.
            stays |= keep.period().is_none() && newer < floor;
            false
        };
        if counted {
            reasons.push(Reason::Newest { rank: newer + 1, of: floor });
        } else if !stays {
            reasons.push(Reason::Surplus { newer, of: floor });
        }
        newer += u32::from(is_good);
        verdicts.push(Verdict { id: id.clone(), stays, reasons });
    }
    verdicts
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::Young { age, keep } => write!(f, "{} old, kept for {keep}", age.human()),
            Reason::Old { age, keep } => write!(f, "{} old, kept for {keep}", age.human()),
            Reason::Newest { rank, of } => write!(f, "number {rank} of the newest {of} good ones"),
            Reason::Surplus { newer, of } => {
                let exist = if *newer == 1 { "newer good one exists" } else { "newer good ones exist" };
                write!(f, "{newer} {exist}, {of} must stay")
            }
            Reason::Damaged => f.write_str("damaged"),
            Reason::Ahead => f.write_str("dated in the future"),
            Reason::Referenced { by } => write!(f, "{by} refers to it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 86_400;
    const NOW: i64 = 1_800_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or_default()
    }

    fn held(ages_in_days: &[i64]) -> Vec<Held> {
        let id = |(i, age): (usize, &i64)| BackupId::new(at(NOW - age * DAY), i as u32);
        ages_in_days.iter().enumerate().map(|a| Held { id: id(a), is_good: true, references: Vec::new() }).collect()
    }

    fn staying(held: &[Held], keep: Keep, floor: u32, now: i64) -> Vec<BackupId> {
        decide(held, keep, floor, at(now)).into_iter().filter(|v| v.stays).map(|v| v.id).collect()
    }

    #[test]
    fn age_decides_down_to_the_floor() {
        let copies = held(&[0, 1, 29, 30, 31, 400]);
        assert_eq!(staying(&copies, Keep::For(Period::days(30)), 3, NOW).len(), 3);
        assert_eq!(staying(&copies, Keep::For(Period::days(30)), 5, NOW).len(), 5);
        assert_eq!(staying(&copies, Keep::ForAtLeast(Period::days(30), 1), 5, NOW).len(), 3);
        assert_eq!(staying(&copies, Keep::Last(2), 5, NOW).len(), 2);
        assert_eq!(staying(&copies, Keep::Last(0), 0, NOW).len(), 1);
    }

    #[test]
    fn a_damaged_copy_does_not_count() {
        let mut copies = held(&[0, 1, 2, 3]);
        copies[0].is_good = false;
        let verdicts = decide(&copies, Keep::Last(2), 3, at(NOW));
        let stays: Vec<bool> = verdicts.iter().map(|v| v.stays).collect();
        assert_eq!(stays, [true, true, true, false]);
        assert_eq!(verdicts[0].reasons, [Reason::Damaged]);
    }

    #[test]
    fn copies_dated_in_the_future_push_no_other_out() {
        let copies = held(&[-100, -50, 0, 1, 2, 3]);
        for keep in [Keep::Last(3), Keep::ForAtLeast(Period::days(1), 3)] {
            let stays: Vec<bool> = decide(&copies, keep, 3, at(NOW)).iter().map(|verdict| verdict.stays).collect();
            assert_eq!(stays, [true, true, true, true, true, false]);
        }
        assert!(!is_ahead(&copies[2].id, at(NOW - 60)), "clocks differ a little");
    }

    fn any_keep() -> impl Strategy<Value = Keep> {
        prop_oneof![
            (0_u64..60).prop_map(|d| Keep::For(Period::days(d))),
            (0_u32..12).prop_map(Keep::Last),
            (0_u64..60, 0_u32..12).prop_map(|(d, n)| Keep::ForAtLeast(Period::days(d), n)),
        ]
    }

    fn any_held() -> impl Strategy<Value = Vec<Held>> {
        let copy = (-20 * DAY..90 * DAY, any::<u32>(), prop::bool::weighted(0.8));
        prop::collection::vec(copy, 0..25).prop_map(|all| {
            let of = |(age, r, is_good)| Held { id: BackupId::new(at(NOW - age), r), is_good, references: Vec::new() };
            all.into_iter().map(of).collect()
        })
    }

    /// Some of them refer to others.
    fn any_chains() -> impl Strategy<Value = Vec<Held>> {
        (any_held(), prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 25)).prop_map(
            |(mut copies, references)| {
                // Whatever their ids say: those of one second stand in any order.
                let mut known = BTreeSet::new();
                copies.retain(|copy| known.insert(copy.id.clone()));
                for (n, chosen) in (0..copies.len()).zip(references) {
                    let others = chosen.iter().filter(|_| n > 0).map(|index| copies[index.index(n)].id.clone());
                    copies[n].references = others.collect();
                }
                copies
            },
        )
    }

    #[test]
    fn what_is_referred_to_stays_with_the_reason() {
        let mut copies = held(&[0, 6, 7, 13, 14]);
        copies[1].references = vec![copies[2].id.clone()];
        copies[3].references = vec![copies[4].id.clone()];
        let verdicts = decide(&copies, Keep::Last(2), 3, at(NOW));
        assert_eq!(verdicts.iter().map(|verdict| verdict.stays).collect::<Vec<_>>(), [true, true, true, false, false]);
        assert_eq!(verdicts[2].reasons.last(), Some(&Reason::Referenced { by: copies[1].id.clone() }));
    }

    proptest! {
        #[test]
        fn the_newest_good_copy_is_never_removed(copies in any_held(), keep in any_keep(), floor in 0_u32..8, later in 0_i64..4_000) {
            let newest = copies.iter().filter(|c| c.is_good).map(|c| &c.id).max();
            if let Some(newest) = newest {
                prop_assert!(staying(&copies, keep, floor, NOW + later * DAY).contains(newest));
            }
        }

        #[test]
        fn nothing_that_stays_refers_to_what_goes(copies in any_chains(), keep in any_keep(), floor in 0_u32..8, later in 0_i64..400) {
            let stays = staying(&copies, keep, floor, NOW + later * DAY);
            for copy in copies.iter().filter(|copy| stays.contains(&copy.id)) {
                prop_assert!(copy.references.iter().all(|reference| stays.contains(reference)));
            }
        }

        #[test]
        fn references_keep_only_what_they_need(copies in any_chains(), keep in any_keep(), floor in 0_u32..8) {
            let free: Vec<Held> = copies.iter().map(|copy| Held { references: Vec::new(), ..copy.clone() }).collect();
            let without = staying(&free, keep, floor, NOW);
            for verdict in decide(&copies, keep, floor, at(NOW)) {
                let is_needed = verdict.reasons.iter().any(|reason| matches!(reason, Reason::Referenced { .. }));
                prop_assert_eq!(verdict.stays, is_needed || without.contains(&verdict.id));
            }
        }

        #[test]
        fn good_copies_never_fall_below_the_floor(copies in any_held(), days in 0_u64..60, floor in 0_u32..8) {
            let n_good = |ids: Vec<BackupId>| ids.iter().filter(|id| copies.iter().any(|c| &c.id == *id && c.is_good)).count();
            let all = n_good(copies.iter().map(|c| c.id.clone()).collect::<std::collections::BTreeSet<_>>().into_iter().collect());
            prop_assert!(n_good(staying(&copies, Keep::For(Period::days(days)), floor, NOW)) >= all.min(floor as usize));
        }

        #[test]
        fn time_never_brings_back_what_may_go(copies in any_chains(), keep in any_keep(), floor in 0_u32..8, later in 0_i64..400) {
            let now = staying(&copies, keep, floor, NOW);
            for id in staying(&copies, keep, floor, NOW + later * DAY) {
                prop_assert!(now.contains(&id));
            }
        }

        #[test]
        fn the_order_of_the_input_does_not_matter(copies in any_chains(), keep in any_keep(), floor in 0_u32..8, seed in any::<u64>()) {
            let mut shuffled = copies.clone();
            shuffled.sort_by_key(|c| crate::base::Sha256::of(format!("{seed}{}", c.id).as_bytes()));
            prop_assert_eq!(decide(&copies, keep, floor, at(NOW)), decide(&shuffled, keep, floor, at(NOW)));
        }
    }
}
