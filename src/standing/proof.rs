//! Proofs that backups are what was written and that they restore: the last of each, and when the next is due.

use crate::base::{BackupId, Period};
use crate::catalog::VerifyLevel;
use crate::plan::{Due, Slot, judge};
use crate::policy::Desired;
use jiff::Timestamp;

/// The verifications of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyStanding {
    /// When a copy of it was last verified; `None`: never.
    pub last: Option<Timestamp>,
    /// How thoroughly.
    pub level: Option<VerifyLevel>,
    /// Copies whose last verification found nothing wrong.
    pub n_good: u64,
    /// Backups, each with the storage of a copy whose last verification found damage.
    pub damaged: Vec<(BackupId, String)>,
    /// What `verify.schedule` says; `None`: the policy asks for none.
    pub due: Option<Due>,
}

/// The restore drills of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillStanding {
    /// When the last one was; `None`: never.
    pub last: Option<Timestamp>,
    /// The last one passed.
    pub passed: bool,
    /// When one last passed.
    pub last_passed: Option<Timestamp>,
    /// How long the restore of the last one that passed took: the measured time to recover.
    pub restore: Option<Period>,
    /// What `drill.schedule` says; `None`: the policy asks for none.
    pub due: Option<Due>,
}

pub(super) fn verify(desired: &Desired, slots: &[&Slot<'_>], now: Timestamp) -> VerifyStanding {
    let Some(first) = slots.first() else {
        return VerifyStanding { last: None, level: None, n_good: 0, damaged: Vec::new(), due: None };
    };
    let copies = || slots.iter().flat_map(|slot| &slot.copies);
    let copies = copies().flat_map(|(storage, backups)| backups.iter().map(move |backup| (*storage, *backup)));
    let records: Vec<_> = copies.filter_map(|(storage, backup)| Some((storage, backup.verified.as_ref()?))).collect();
    let last = records.iter().max_by_key(|(_, record)| record.at);
    let mut damaged: Vec<(BackupId, String)> = records
        .iter()
        .filter(|(_, record)| !record.is_good())
        .map(|(storage, record)| (record.id.clone(), (*storage).to_owned()))
        .collect();
    damaged.sort();
    let spec = first.subject.spec.verify.as_ref();
    VerifyStanding {
        last: last.map(|(_, record)| record.at),
        level: last.map(|(_, record)| record.level),
        n_good: records.iter().filter(|(_, record)| record.is_good()).count() as u64,
        damaged,
        due: spec.map(|spec| judge(&spec.schedule, &desired.timezone, last.map(|(_, record)| record.at), now)),
    }
}

pub(super) fn drill(desired: &Desired, slots: &[&Slot<'_>], now: Timestamp) -> DrillStanding {
    let spec = slots.first().and_then(|slot| slot.subject.spec.drill.as_ref());
    let records = || slots.iter().flat_map(|slot| &slot.drills);
    let last = records().max_by_key(|record| record.at);
    let passed = records().filter(|record| record.has_passed()).max_by_key(|record| record.at);
    let held = last.map(|record| record.at);
    DrillStanding {
        last: held,
        passed: last.is_some_and(|record| record.has_passed()),
        last_passed: passed.map(|record| record.at),
        restore: passed.and_then(|record| record.recovery_time()),
        due: spec.map(|spec| judge(&spec.schedule, &desired.timezone, held, now)),
    }
}
