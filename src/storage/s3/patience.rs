//! How long a server that says nothing is waited for: by call, and in all.
//!
//! A call may take as long as it likes while its bytes go out. One that nothing is heard of any more is tried again over
//! another connection, until no call of the store was answered for [`HANGS`]: then the store is taken to hang, and what
//! is asked of it meanwhile fails at once. It is asked again after [`REST`], with less patience, and any answer ends it.
//! A run that was told to stop has little patience from the start. It knows times only, and no sockets.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A call of which nothing moved for so long is given up.
const STALL: Duration = Duration::from_secs(45);
/// The same while other calls are answered: then it is this one that takes long, such as joining the parts of an upload.
const BUSY: Duration = Duration::from_secs(90);
/// The store hangs when none of its calls was answered for so long, and one of them is given up.
const HANGS: Duration = Duration::from_secs(75);
/// How long a store that hangs is left alone.
const REST: Duration = Duration::from_secs(30);
/// Patience with a store that hung when it was last asked.
const SHORT: Duration = Duration::from_secs(10);
/// A call that did not move for so long is given up with the store.
const LONG_ENOUGH: Duration = Duration::from_secs(20);
/// Patience of a run that was told to stop.
const HASTE: Duration = Duration::from_secs(5);
/// What the operating system may hold of a request after we handed it over, in bytes.
const BUFFERED: u64 = 4 << 20;
/// Slowest line on which that still leaves, in bytes a second.
const SLOWEST: u64 = 64 << 10;

/// What is known of how a server answers. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Patience(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
    stop: Mutex<CancellationToken>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Known {
    /// Since when calls wait and none was answered.
    waits_since: Option<Instant>,
    /// When it last answered.
    heard_at: Option<Instant>,
    /// When it was last taken to hang; `None` once it answered.
    hangs_since: Option<Instant>,
    /// When the run was told to stop.
    hurried_at: Option<Instant>,
}

/// One attempt of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// When it began.
    pub(super) begun: Instant,
    /// When its last bytes were handed over.
    pub(super) moved: Instant,
    /// Bytes handed over.
    pub(super) sent: u64,
}

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is waited for.
    Wait,
    /// It is given up after so long; another one may do better.
    TryAgain(Duration),
    /// It is given up, and another one would fare no better: nothing was heard for so long.
    Hangs(Duration),
}

impl Patience {
    /// The patience of this process with a server: what one connection learnt of it, the others need not find out again.
    pub(super) fn with(server: &str) -> Patience {
        static ALL: LazyLock<Mutex<BTreeMap<String, Patience>>> = LazyLock::new(Mutex::default);
        ALL.lock().unwrap_or_else(PoisonError::into_inner).entry(server.to_owned()).or_default().clone()
    }

    /// From when this is cancelled, the store is waited for as briefly as its run can afford.
    pub(super) fn stop_with(&self, stop: &CancellationToken) {
        *self.0.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
    }

    /// True when the run was told to stop.
    pub(super) fn is_hurried(&self) -> bool {
        self.0.stop.lock().unwrap_or_else(PoisonError::into_inner).is_cancelled()
    }

    /// Notes that a call begins. `Err`: the store hangs, for so long by now, and is not asked.
    pub(super) fn begins(&self, now: Instant) -> Result<Attempt, Duration> {
        let is_hurried = self.is_hurried();
        self.known().begins(is_hurried, now)
    }

    /// Notes that the store answered, whatever it said.
    pub(super) fn answered(&self, now: Instant) {
        let mut known = self.known();
        (known.waits_since, known.hangs_since, known.heard_at) = (None, None, Some(now));
    }

    /// What becomes of an attempt that has no answer.
    pub(super) fn judge(&self, attempt: Attempt, now: Instant) -> Verdict {
        let is_hurried = self.is_hurried();
        self.known().judge(attempt, is_hurried, now)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn begins(&mut self, is_hurried: bool, now: Instant) -> Result<Attempt, Duration> {
        if let Some(since) = self.hangs_since
            && (is_hurried || now - since < REST)
        {
            return Err(now - self.waits_since.unwrap_or(since));
        }
        self.waits_since.get_or_insert(now);
        Ok(Attempt { begun: now, moved: now, sent: 0 })
    }

    fn judge(&mut self, attempt: Attempt, is_hurried: bool, now: Instant) -> Verdict {
        let stalled = now.saturating_duration_since(attempt.moved);
        let since = self.waits_since.unwrap_or(self.heard_at.map_or(attempt.begun, |at| at.max(attempt.begun)));
        let waits = now.saturating_duration_since(since);
        if is_hurried {
            let hurried_at = *self.hurried_at.get_or_insert(now);
            if now - hurried_at.max(attempt.moved) < HASTE {
                return Verdict::Wait;
            }
            self.hangs_since = Some(now);
            return Verdict::Hangs(stalled);
        }
        if self.hangs_since.is_some_and(|since| since > attempt.begun) && stalled >= LONG_ENOUGH {
            return Verdict::Hangs(waits);
        }
        let leaving = Duration::from_secs(attempt.sent.min(BUFFERED) / SLOWEST);
        let answers_others = self.waits_since.is_none_or(|since| since > attempt.moved);
        let patience = match (self.hangs_since, answers_others) {
            (Some(_), _) => SHORT,
            (None, true) => BUSY,
            (None, false) => STALL,
        };
        let patience = patience + leaving;
        if stalled < patience {
            Verdict::Wait
        } else if self.hangs_since.is_some() || waits >= HANGS {
            self.hangs_since = Some(now);
            Verdict::Hangs(waits)
        } else {
            Verdict::TryAgain(stalled)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// The verdict on an attempt that begins at a time and never moves, and when it falls.
    fn end(known: &mut Known, begins: Instant, is_hurried: bool) -> (Verdict, Instant) {
        let attempt = known.begins(is_hurried, begins).unwrap();
        (0..1000)
            .map(|second| begins + seconds(second))
            .find_map(|now| match known.judge(attempt, is_hurried, now) {
                Verdict::Wait => None,
                verdict => Some((verdict, now)),
            })
            .unwrap()
    }

    #[test]
    fn a_store_that_says_nothing_is_tried_twice_and_then_left_alone() {
        let (mut known, start) = (Known::default(), Instant::now());
        let (first, at) = end(&mut known, start, false);
        assert_eq!((first, at - start), (Verdict::TryAgain(STALL), STALL));
        let (second, at) = end(&mut known, at, false);
        assert_eq!((second, at - start), (Verdict::Hangs(seconds(90)), seconds(90)));
        assert_eq!(known.begins(false, at + seconds(5)).unwrap_err(), seconds(95));
        // Asked again later, it is waited for less.
        let later = at + REST;
        let (third, at) = end(&mut known, later, false);
        assert!(matches!(third, Verdict::Hangs(_)) && at - later == SHORT, "{third:?}");
    }

    #[test]
    fn an_answer_makes_patience_whole_again() {
        let patience = Patience::default();
        let start = Instant::now();
        let attempt = patience.begins(start).unwrap();
        assert_eq!(patience.judge(attempt, start + seconds(90)), Verdict::Hangs(seconds(90)));
        patience.answered(start + seconds(91));
        let attempt = patience.begins(start + seconds(91)).unwrap();
        assert_eq!(patience.judge(attempt, start + seconds(91) + STALL), Verdict::TryAgain(STALL));
    }

    #[test]
    fn what_moves_is_waited_for_however_long_it_takes() {
        let (patience, start) = (Patience::default(), Instant::now());
        let mut attempt = patience.begins(start).unwrap();
        for second in (0..10_000).step_by(30) {
            let now = start + seconds(second);
            assert_eq!(patience.judge(attempt, now), Verdict::Wait, "{second}");
            (attempt.moved, attempt.sent) = (now, attempt.sent + 1000);
        }
    }

    #[test]
    fn what_takes_long_at_a_store_that_answers_is_waited_for_longer_and_tried_again() {
        let (patience, start) = (Patience::default(), Instant::now());
        let slow = patience.begins(start).unwrap();
        let verdict = (0..100).map(|second| start + seconds(second)).find_map(|now| {
            // A heartbeat of the lock.
            patience.begins(now).unwrap();
            patience.answered(now);
            let verdict = patience.judge(slow, now);
            (verdict != Verdict::Wait).then_some((verdict, now - start))
        });
        assert_eq!(verdict, Some((Verdict::TryAgain(BUSY), BUSY)));
    }

    #[test]
    fn what_may_still_be_leaving_is_waited_for_longer() {
        let (mut known, start) = (Known::default(), Instant::now());
        let attempt = Attempt { sent: 16 << 20, ..known.begins(false, start).unwrap() };
        assert_eq!(known.judge(attempt, false, start + STALL + seconds(63)), Verdict::Wait);
        assert!(matches!(known.judge(attempt, false, start + STALL + seconds(64)), Verdict::Hangs(_)));
    }

    #[test]
    fn all_calls_of_a_store_that_hangs_end_together() {
        let (mut known, start) = (Known::default(), Instant::now());
        let large = Attempt { sent: 16 << 20, ..known.begins(false, start + seconds(60)).unwrap() };
        known.waits_since = Some(start);
        let (_, at) = end(&mut known, start + seconds(40), false);
        assert_eq!(at - start, seconds(85));
        assert!(matches!(known.judge(large, false, at), Verdict::Hangs(_)));
    }

    #[test]
    fn a_run_that_was_told_to_stop_waits_once_and_briefly() {
        let (mut known, start) = (Known::default(), Instant::now());
        let before = known.begins(false, start).unwrap();
        assert_eq!(known.judge(before, false, start + seconds(30)), Verdict::Wait);
        assert_eq!(known.judge(before, true, start + seconds(31)), Verdict::Wait);
        assert!(matches!(known.judge(before, true, start + seconds(36)), Verdict::Hangs(_)));
        assert!(known.begins(true, start + seconds(100)).is_err(), "and does not ask again");
    }
}
