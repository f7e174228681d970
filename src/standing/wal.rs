//! The archived WAL of one database: to which moments it can be restored, what is missing, how late the newest is.

use crate::base::{Period, WalFile};
use crate::catalog::wal::{Cut, Head, Restorable};
use crate::plan::{Archiver, Live, Subject, reach};
use crate::policy::Desired;
use jiff::Timestamp;

/// How the archived WAL of one database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalStanding {
    /// What can be restored to any moment, and what is missing.
    pub restorable: Restorable,
    /// When the newest segment was stored; `None`: none is.
    pub newest_at: Option<Timestamp>,
    /// How long what the server wrote since has been waiting; zero: nothing waits. `None`: there is nothing that it could be
    /// measured from.
    pub lag: Option<Period>,
    /// What the server wrote longer ago than this is archived or received; `None`: nobody knows more than when the newest segment was
    /// stored.
    safe_until: Option<Period>,
    /// From when on that is late.
    pub lag_limit: Period,
    /// The server said how far it has written; otherwise everything since the newest segment counts as waiting.
    pub is_server_asked: bool,
    /// What PostgreSQL cannot archive and when it last tried, when nothing was archived since.
    pub failing: Option<(String, Timestamp)>,
    /// Storages of the archive that could not be read, and why.
    pub unreadable: Vec<(String, String)>,
}

/// What an idle server writes: headers of a page and a segment, a checkpoint, the list of running transactions.
const IDLE: u64 = 1024;

/// WAL is late after so many times `archive_timeout`,
const TIMEOUTS: u64 = 10;
/// but not before,
const AT_LEAST: Period = Period::minutes(10);
/// and after this long where there is none.
const WITHOUT_TIMEOUT: Period = Period::days(1);

impl WalStanding {
    /// Why nothing newer than the windows can be restored, though WAL of it is archived.
    pub fn cut(&self) -> Option<&Cut> {
        self.restorable.cut.as_ref()
    }

    /// What waits is late.
    pub fn is_late(&self) -> bool {
        self.lag.is_some_and(|lag| lag > self.lag_limit)
    }

    /// Everything that is archived could be read.
    pub fn is_whole(&self) -> bool {
        self.unreadable.is_empty()
    }

    /// What would be lost now, as far as WAL tells; `None` where no window is left.
    pub(super) fn loss(&self, now: Timestamp) -> Option<Period> {
        let age = Period::between(self.restorable.newest()?, now);
        let safe = self.safe_until.filter(|_| self.restorable.reaches_head());
        Some(safe.map_or(age, |safe| safe.min(age)))
    }
}

/// `None` where no WAL is archived, or nobody looked.
pub(super) fn wal(desired: &Desired, live: &Live, subject: &Subject<'_>, now: Timestamp) -> Option<WalStanding> {
    let spec = subject.spec.wal.as_ref()?;
    let found = reach(live, &subject.name, now)?;
    let restorable = found.restorable;
    let said = live.archivers.get(&subject.name).and_then(|said| said.as_ref().ok());
    let timeout = spec.archive_timeout.or(said.and_then(|said| said.archive_timeout));
    let by_timeout = timeout.map(|timeout| Period(timeout.0.saturating_mul(TIMEOUTS)).max(AT_LEAST));
    let lag_limit = desired.alerts.thresholds.wal_lag.or(by_timeout).unwrap_or(WITHOUT_TIMEOUT);
    let head = restorable.head;
    // Without WAL, what was written since the first base backup waits.
    let since = head.map(|head| head.stored_at).or_else(|| restorable.oldest());
    let waiting = said.zip(head).and_then(|(said, head)| waiting(said, &head, now));
    let lag = waiting.map(|waiting| waiting.0).or_else(|| since.map(|since| Period::between(since, now)));
    let is_known = found.unreadable.is_empty();
    Some(WalStanding {
        newest_at: head.map(|head| head.stored_at),
        // What cannot be read may be newer.
        lag: lag.filter(|_| is_known),
        safe_until: waiting.filter(|(_, rest)| is_known && *rest == Rest::Safe).map(|(lag, _)| lag),
        lag_limit,
        is_server_asked: said.is_some(),
        failing: said.and_then(|said| said.failing.clone()),
        unreadable: found.unreadable,
        restorable,
    })
}

/// What is known of all that is older than what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// It is archived or received.
    Safe,
    /// What waits is a whole segment, in which older changes are.
    InIt,
}

/// How long something has been waiting, by what the server says; `None`: since the newest segment was stored, for all it knows.
fn waiting(said: &Archiver, head: &Head, now: Timestamp) -> Option<(Period, Rest)> {
    if said.system.is_some_and(|own| own != head.system) {
        return None;
    }
    if said.written.0 <= head.at.lsn.0.saturating_add(IDLE) {
        return Some((Period(0), Rest::Safe));
    }
    if let Some((received, takes)) = said.received {
        // What a receiver has reaches the stores by whole segments.
        let is_near = received.0 <= head.at.lsn.0.saturating_add(2 * head.segment_size.bytes());
        return is_near.then_some((takes, Rest::Safe));
    }
    // What it counts as archived and no storage has waits in a spool, and there is nothing to see of it.
    if let Some(WalFile::Segment(last)) = said.last_archived
        && last.timeline == head.at.timeline
        && last.end(head.segment_size) > head.at.lsn
    {
        return None;
    }
    match (said.ready, said.archive_timeout) {
        (Some(Some(since)), _) => Some((Period::between(since, now), Rest::InIt)),
        // PostgreSQL finishes a segment that long after the first change in it.
        (Some(None), Some(timeout)) => Some((Period::between(head.stored_at, now).min(timeout), Rest::Safe)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::{Lsn, SegmentSize, SystemId, Timeline, WalSegment};
    use crate::catalog::wal::WalPosition;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const END: u64 = 5 << 24;

    fn head() -> Head {
        Head {
            system: SystemId(7),
            at: WalPosition { timeline: Timeline(1), lsn: Lsn(END) },
            segment_size: SegmentSize::DEFAULT,
            stored_at: at(1000),
        }
    }

    fn said(written: u64) -> Archiver {
        Archiver {
            system: Some(SystemId(7)),
            written: Lsn(written),
            received: None,
            last_archived: None,
            failing: None,
            ready: Some(None),
            archive_timeout: None,
        }
    }

    #[test]
    fn what_waits_is_measured_by_what_the_server_says() {
        let lag = |said: Archiver| waiting(&said, &head(), at(5000)).map(|(lag, _)| lag.0);
        // Idle, whatever the clock says.
        assert_eq!(lag(said(END)), Some(0));
        assert_eq!(lag(said(END + IDLE)), Some(0));
        assert_eq!(lag(said(0)), Some(0));
        let busy = || said(END + IDLE + 1);
        // A change waits in a segment that nothing finishes: nobody knows since when.
        assert_eq!(lag(busy()), None);
        assert_eq!(lag(Archiver { ready: None, ..busy() }), None);
        assert_eq!(lag(Archiver { archive_timeout: Some(Period(60)), ..busy() }), Some(60));
        assert_eq!(
            lag(Archiver { archive_timeout: Some(Period(60)), ready: Some(Some(at(4000))), ..busy() }),
            Some(1000)
        );
        // It is archived by the server's book, and in no storage.
        let last = |number| Some(WalFile::Segment(WalSegment::numbered(Timeline(1), number, SegmentSize::DEFAULT)));
        let in_time = || Archiver { archive_timeout: Some(Period(60)), ..busy() };
        assert_eq!(lag(Archiver { last_archived: last(4), ..in_time() }), Some(60));
        assert_eq!(lag(Archiver { last_archived: last(5), ..in_time() }), None);
        // A receiver has it; the stores follow by segments.
        let received = |lsn| Some((Lsn(lsn), Period(2)));
        assert_eq!(lag(Archiver { received: received(END + IDLE), ready: None, ..busy() }), Some(2));
        assert_eq!(lag(Archiver { received: received(END + (3 << 24)), ready: None, ..busy() }), None);
        // Another cluster has nothing in this archive.
        assert_eq!(lag(Archiver { system: Some(SystemId(8)), ..said(0) }), None);
        assert_eq!(lag(Archiver { system: None, ..said(0) }), Some(0));
    }

    proptest! {
        #[test]
        fn nothing_waits_for_longer_than_the_newest_segment_is_old(
            written in 0_u64..END * 2,
            ready in proptest::option::of(proptest::option::of(1000_i64..5000)),
            timeout in proptest::option::of(1_u64..10_000),
        ) {
            let said = Archiver {
                ready: ready.map(|since| since.map(at)),
                archive_timeout: timeout.map(Period),
                ..said(written)
            };
            let lag = waiting(&said, &head(), at(5000));
            prop_assert!(lag.is_none_or(|(lag, _)| lag.0 <= 4000));
            prop_assert!(written > END + IDLE || lag == Some((Period(0), Rest::Safe)));
        }
    }
}
