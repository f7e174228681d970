//! Stretches of WAL on one timeline.

use crate::base::{Lsn, Timeline};
use std::fmt;

/// A stretch of WAL, its end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WalSpan {
    /// On which timeline.
    pub timeline: Timeline,
    /// Its first byte.
    pub start: Lsn,
    /// The byte after its last.
    pub end: Lsn,
}

impl fmt::Display for WalSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} on timeline {}", self.start, self.end, self.timeline.0)
    }
}

/// A stretch without its timeline.
pub(super) type Bounds = (Lsn, Lsn);

/// The same bytes in as few stretches as can be, sorted.
pub(super) fn merged(mut stretches: Vec<Bounds>) -> Vec<Bounds> {
    stretches.retain(|(start, end)| start < end);
    stretches.sort_unstable();
    let mut merged: Vec<Bounds> = Vec::new();
    for (start, end) in stretches {
        match merged.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// What of `(start, end)` is in none of the stretches, which are merged.
pub(super) fn lacking((start, end): Bounds, held: &[Bounds]) -> Vec<Bounds> {
    let mut lacking = Vec::new();
    let mut at = start;
    for (from, to) in held {
        if at >= end {
            break;
        }
        if *from > at {
            lacking.push((at, end.min(*from)));
        }
        at = at.max(*to);
    }
    if at < end {
        lacking.push((at, end));
    }
    lacking
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bounds() -> impl Strategy<Value = Bounds> {
        (0_u64..40, 0_u64..12).prop_map(|(start, length)| (Lsn(start), Lsn(start + length)))
    }

    proptest! {
        #[test]
        fn every_byte_is_held_or_lacking(stretches in proptest::collection::vec(bounds(), 0..8), wanted in bounds()) {
            let within = |at: u64, all: &[Bounds]| all.iter().any(|(start, end)| start.0 <= at && at < end.0);
            let held = merged(stretches.clone());
            let lacking = lacking(wanted, &held);
            for at in 0..60 {
                prop_assert_eq!(within(at, &held), within(at, &stretches));
                prop_assert_eq!(within(at, &lacking), within(at, &[wanted]) && !within(at, &held));
            }
            prop_assert!(held.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }
}
