//! When the backups of each tier are due: walked once a tier, however many databases have it.

use crate::base::Period;
use crate::plan::backups::Slot;
use crate::policy::Desired;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How far a schedule is looked into: a floor of more backups than this is never reached.
const LOOKAHEAD: u32 = 1_000;

/// What is ahead of one tier.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// When the next backups are due, as many as the largest floor under deletion asks for.
    pub(super) next: Vec<Timestamp>,
    /// The longest time between two backups; `None`: no schedule bounds it.
    pub(super) interval: Option<Period>,
}

/// The agenda of every tier that some database has, by name.
pub(super) fn agendas<'a>(desired: &Desired, slots: &[Slot<'a>], now: Timestamp) -> BTreeMap<&'a str, Agenda> {
    let mut floors: BTreeMap<&str, (u32, &Slot<'_>)> = BTreeMap::new();
    for slot in slots {
        let keep_at_least = slot.subject.spec.safety.keep_at_least;
        let floor = slot.spec.copies.iter().map(|copy| copy.keep.floor(keep_at_least)).max().unwrap_or(0);
        let (largest, _) = floors.entry(slot.tier).or_insert((floor, slot));
        *largest = floor.max(*largest);
    }
    let agenda = |(tier, (floor, slot)): (&'a str, (u32, &Slot<'_>))| {
        let schedule = &slot.spec.schedule;
        let next = |at: &Timestamp| schedule.next_after(*at, &desired.timezone);
        let agenda = Agenda {
            next: std::iter::successors(next(&now), next).take(floor.min(LOOKAHEAD) as usize).collect(),
            interval: schedule.longest_interval(now, &desired.timezone),
        };
        (tier, agenda)
    };
    floors.into_iter().map(agenda).collect()
}
