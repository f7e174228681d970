//! Whether summaries cover a stretch of WAL. Pure.

use crate::base::Lsn;
use crate::postgres::WalSummary;

/// The summaries that tell everything from one checkpoint to another, or from where on one lacks. `available` are of one
/// timeline.
///
/// A server begins a summary at every place where a backup may begin, and each where the last one ended. So those that are
/// wanted fit exactly; whatever fits otherwise is of another history than the one that the earlier backup knew.
pub(super) fn covering(available: &[WalSummary], from: Lsn, to: Lsn) -> Result<Vec<WalSummary>, Lsn> {
    let mut wanted = Vec::new();
    let mut at = from;
    while at < to {
        let mut next = available.iter().filter(|summary| summary.start == at);
        let (Some(summary), None) = (next.next(), next.next()) else { return Err(at) };
        if summary.end <= at || summary.end > to {
            return Err(at);
        }
        wanted.push(*summary);
        at = summary.end;
    }
    if at == to && from < to { Ok(wanted) } else { Err(from) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timeline;
    use proptest::prelude::*;

    fn summary(start: u64, end: u64) -> WalSummary {
        WalSummary { timeline: Timeline(1), start: Lsn(start), end: Lsn(end) }
    }

    #[test]
    fn what_does_not_fit_exactly_is_doubted() {
        let all = [summary(10, 20), summary(20, 30), summary(30, 40)];
        let covered = |from, to| covering(&all, Lsn(from), Lsn(to));
        assert_eq!(covered(10, 40), Ok(all.to_vec()));
        assert_eq!(covered(20, 30), Ok(all[1..2].to_vec()));
        assert_eq!(covered(12, 40), Err(Lsn(12)), "the backup began in the middle of one");
        assert_eq!(covered(10, 35), Err(Lsn(30)), "and ended so");
        assert_eq!(covered(10, 50), Err(Lsn(40)));
        assert_eq!(covered(20, 20), Err(Lsn(20)), "a backup begins with a checkpoint, so there is WAL between two");
        assert_eq!(covered(40, 20), Err(Lsn(40)));
        let twice = [all[0], summary(20, 25), all[1], all[2]];
        assert_eq!(covering(&twice, Lsn(10), Lsn(40)), Err(Lsn(20)), "two histories");
        assert_eq!(covering(&[summary(10, 10)], Lsn(10), Lsn(20)), Err(Lsn(10)));
    }

    proptest! {
        #[test]
        fn a_hole_anywhere_is_found(
            lengths in prop::collection::vec(1_u64..1_000, 1..20),
            before in 0_usize..4, after in 0_usize..4, gone in any::<prop::sample::Index>(),
        ) {
            let mut at = 100;
            let all: Vec<WalSummary> = lengths.iter().map(|length| {
                at += length;
                summary(at - length, at)
            }).collect();
            let first = before.min(all.len() - 1);
            let last = (all.len() - 1).saturating_sub(after).max(first);
            let (from, to) = (all[first].start, all[last].end);
            prop_assert_eq!(covering(&all, from, to), Ok(all[first..=last].to_vec()));
            let gone = gone.index(all.len());
            let mut left = all.clone();
            left.remove(gone);
            if (first..=last).contains(&gone) {
                prop_assert_eq!(covering(&left, from, to), Err(all[gone].start));
            } else {
                prop_assert_eq!(covering(&left, from, to), Ok(all[first..=last].to_vec()));
            }
        }
    }
}
