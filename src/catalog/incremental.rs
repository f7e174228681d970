//! Whether the next backup of a tier is full, or refers to which earlier one. Pure.

use super::retention::is_ahead;
use super::{Backup, Method};
use crate::base::{BackupId, Period};
use jiff::Timestamp;
use std::fmt;

/// What the names of files with digests of blocks begin with.
pub const BLOCK_DIGESTS: &str = "blocks.b3";

/// Why a backup is full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyFull {
    /// There is no good full one.
    First,
    /// The last full one is old enough.
    Due {
        /// Its age.
        age: Period,
        /// What the policy asks.
        full_every: Period,
    },
    /// No backup since the last full one is whole in every storage that gets the next one, with digests of its blocks.
    NoneWhole(BackupId),
    /// The policy makes it so.
    Policy(String),
}

/// The backup to which the next one may refer: the newest that every one of `shelves` holds whole, which are the
/// backups of one tier of one database in each storage that gets the next one. None is older than the last full one.
pub fn choose_earlier<'a>(
    shelves: &[&[&'a Backup]],
    full_every: Period,
    now: Timestamp,
) -> Result<&'a Backup, WhyFull> {
    let age = |backup: &Backup| (backup.started_at, backup.id.clone());
    let usable = |backup: &Backup| {
        let is_physical = backup.method == Method::Physical && backup.cluster.is_some();
        is_physical && backup.is_good() && backup.availability.is_readable() && !is_ahead(&backup.id, now)
    };
    let good = || shelves.iter().flat_map(|shelf| shelf.iter().copied()).filter(|backup| usable(backup));
    let is_full = |backup: &&Backup| backup.cluster.as_ref().is_some_and(|cluster| cluster.incremental.is_none());
    let full = good().filter(is_full).max_by_key(|backup| age(backup)).ok_or(WhyFull::First)?;
    let full_age = Period::between(full.started_at, now);
    // What is due at the same hour every week would otherwise come a day late each time.
    if full_age.0.saturating_add(slack(full_every).0) >= full_every.0 {
        return Err(WhyFull::Due { age: full_age, full_every });
    }
    let has_digests = |backup: &Backup| backup.objects.iter().any(|object| object.name.starts_with(BLOCK_DIGESTS));
    let everywhere =
        |backup: &&Backup| shelves.iter().all(|shelf| shelf.iter().any(|other| other.id == backup.id && usable(other)));
    let since = good().filter(|backup| age(backup) >= age(full) && has_digests(backup));
    let newest = since.filter(everywhere).max_by_key(|backup| age(backup));
    newest.ok_or_else(|| WhyFull::NoneWhole(full.id.clone()))
}

/// How much earlier than asked a full one may come.
fn slack(full_every: Period) -> Period {
    Period((full_every.0 / 10).min(Period::hours(1).0))
}

impl fmt::Display for WhyFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WhyFull::First => f.write_str("no good full one exists"),
            WhyFull::Due { age, full_every } => {
                write!(f, "the last full one is {} old, one is due every {full_every}", age.human())
            }
            WhyFull::NoneWhole(full) => {
                write!(f, "no backup since {full} is whole, with digests of its blocks, in every storage of the tier")
            }
            WhyFull::Policy(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::Sha256;
    use crate::catalog::recovery::tests::physical;
    use crate::catalog::{BackupObject, Incremental, Reference};
    use crate::resource::StorageClass;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap()
    }

    /// A backup of an hour, full or on that of another hour.
    fn backup(at: i64, on: Option<i64>) -> Backup {
        let id = |at: i64| BackupId::new(hour(at), at as u32);
        let mut backup = physical(id(at));
        backup.objects = vec![BackupObject {
            name: "blocks.b3.zst".to_owned(),
            stored_bytes: 1,
            plain_bytes: 1,
            stored_sha256: Sha256::of(b""),
            lock: None,
            key: None,
            class: StorageClass::Standard,
        }];
        backup.cluster.as_mut().unwrap().incremental = on.map(|on| Incremental {
            on: id(on),
            references: vec![Reference { backup: id(on), packs: vec!["pack".to_owned()] }],
            unread: None,
        });
        backup
    }

    fn chosen(shelves: &[&[&Backup]], now: i64) -> Result<i64, WhyFull> {
        let earlier = choose_earlier(shelves, Period::hours(24 * 7), hour(now))?;
        Ok((earlier.id.started().as_second() - 1_800_000_000) / 3600)
    }

    #[test]
    fn the_newest_that_is_whole_everywhere_is_taken() {
        let (full, first, second) = (backup(0, None), backup(24, Some(0)), backup(48, Some(24)));
        let all: &[&Backup] = &[&full, &first, &second];
        assert_eq!(chosen(&[all], 72), Ok(48));
        assert_eq!(chosen(&[all, &[&full, &first]], 72), Ok(24));
        assert_eq!(chosen(&[all, &[]], 72), Err(WhyFull::NoneWhole(full.id.clone())));
        assert_eq!(chosen(&[&[&first]], 72), Err(WhyFull::First));
        assert_eq!(chosen(&[], 72), Err(WhyFull::First));
        let damaged = Backup { lacking: vec!["x".to_owned()], ..second.clone() };
        assert_eq!(chosen(&[&[&full, &first, &damaged]], 72), Ok(24));
        let without = Backup { objects: Vec::new(), ..full.clone() };
        assert_eq!(chosen(&[&[&without]], 72), Err(WhyFull::NoneWhole(full.id.clone())));
        let ahead = backup(100, Some(0));
        assert_eq!(chosen(&[&[&full, &ahead]], 72), Ok(0));
    }

    #[test]
    fn a_full_one_is_due_after_its_time_and_no_older_chain_goes_on() {
        let (full, late) = (backup(0, None), backup(24 * 6, Some(0)));
        assert_eq!(chosen(&[&[&full, &late]], 24 * 7 - 2), Ok(24 * 6));
        assert!(matches!(chosen(&[&[&full, &late]], 24 * 7), Err(WhyFull::Due { .. })));
        let almost = hour(24 * 7) - jiff::SignedDuration::from_secs(60);
        let early = choose_earlier(&[&[&full, &late]], Period::hours(24 * 7), almost);
        assert!(matches!(early, Err(WhyFull::Due { .. })), "a minute is no reason to wait for a day");
        let next = backup(24 * 7, None);
        assert_eq!(chosen(&[&[&full, &late, &next]], 24 * 8), Ok(24 * 7));
        assert_eq!(
            chosen(&[&[&full, &late, &next], &[&full, &late]], 24 * 8),
            Err(WhyFull::NoneWhole(next.id.clone()))
        );
    }
}
