//! How long restore points live by the words of a policy alone, without looking at a store.

use super::life::{Fate, Life, live_on, taken};
use super::rules::Rules;
use crate::catalog::Keep;
use crate::policy::{CopySpec, PruneBy, TierSpec};
use crate::resource::whole_days;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How far a schedule is looked into: a floor of more backups than this is never reached.
const LOOKAHEAD: u32 = 1_000;

/// When the next backups of a tier are due, as many as a floor of `keep_at_least` could ask for.
pub fn next_due(tier: &TierSpec, keep_at_least: u32, zone: &TimeZone, now: Timestamp) -> Vec<Timestamp> {
    let floor = tier.copies.iter().map(|copy| copy.keep.floor(keep_at_least)).max().unwrap_or(0);
    let next = |at: &Timestamp| tier.schedule.next_after(*at, zone);
    std::iter::successors(next(&now), next).take(floor.min(LOOKAHEAD) as usize).collect()
}

/// When each copy of one tier of one database at one storage goes: the moments in which the backups began, and whether
/// the copies are good, give the ends in the same order. `None`: not as far as can be seen. `future`: when the next
/// backups are due.
pub fn ends(
    copies: &[(Timestamp, bool)],
    copy: &CopySpec,
    prune: PruneBy,
    keep_at_least: u32,
    future: &[Timestamp],
    now: Timestamp,
) -> Vec<Option<Timestamp>> {
    let rules = match (prune, copy.keep) {
        (PruneBy::Lifecycle, Keep::For(period)) => Rules::expiring(whole_days(period).max(1)),
        _ => Rules::default(),
    };
    let mut lives: Vec<Life<'_>> = copies
        .iter()
        .map(|(started, is_good)| Life {
            started: *started,
            written: *started,
            is_good: *is_good,
            ..taken(copy.class, None, now)
        })
        .collect();
    live_on(&mut lives, &Fate { copy, prune, keep_at_least, rules: &rules, future }, now);
    lives.into_iter().map(|life| life.end).collect()
}
