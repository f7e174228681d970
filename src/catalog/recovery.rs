//! How far a cluster is recovered, and from which base backup. Pure.

use super::point::{CopyState, PointCopy, RestorePoint};
use super::{Cluster, Method};
use crate::base::{BackupId, Lsn};
use jiff::Timestamp;
use std::fmt;

/// Where recovery ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoveryTarget {
    /// As soon as the base backup is consistent.
    Immediate,
    /// With the last WAL there is.
    Latest,
    /// Before the first transaction that was committed after this moment.
    Time(Timestamp),
    /// After the record at this position.
    Lsn(Lsn),
    /// After this transaction was committed; 64 bits with the epoch, or the 32 that logs show.
    Xid(u64),
    /// At a point that `pg_create_restore_point()` named.
    Name(String),
}

impl fmt::Display for RecoveryTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecoveryTarget::Immediate => f.write_str("the moment of the backup"),
            RecoveryTarget::Latest => f.write_str("the last WAL there is"),
            RecoveryTarget::Time(time) => write!(f, "{time}"),
            RecoveryTarget::Lsn(lsn) => write!(f, "WAL position {lsn}"),
            RecoveryTarget::Xid(xid) => write!(f, "transaction {xid}"),
            RecoveryTarget::Name(name) => write!(f, "restore point `{}`", crate::base::visible(name)),
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct BaseWish<'a> {
    /// The database entry.
    pub database: &'a str,
    /// A certain backup; `None`: the newest one from which the target can be reached.
    pub id: Option<&'a BackupId>,
    /// Only this tier.
    pub tier: Option<&'a str>,
    /// Only this storage.
    pub storage: Option<&'a str>,
    /// Where recovery ends.
    pub target: &'a RecoveryTarget,
    /// Not these.
    pub except: &'a [BackupId],
}

/// The base backup to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base<'a> {
    /// The backup.
    pub point: &'a RestorePoint,
    /// The copy of it.
    pub copy: &'a PointCopy,
    /// Its cluster.
    pub cluster: &'a Cluster,
}

/// Why there is no base backup to begin with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBase {
    /// There is none at all that fits the words.
    #[error("no physical backup of `{0}` was found")]
    None(String),
    /// Every copy of those that fit is damaged.
    #[error("every copy of {0} is damaged")]
    Damaged(BackupId),
    /// The target lies before the backups that are left.
    #[error("{target} lies before what can be restored: {}", .oldest.as_ref().map_or_else(
        || "no backup was consistent by then".to_owned(),
        |(id, from)| format!("the oldest backup, {id}, was consistent at {from}"),
    ))]
    TooEarly {
        /// What was asked for.
        target: String,
        /// The oldest backup and from when or where on it can be used.
        oldest: Option<(BackupId, String)>,
    },
}

/// Chooses among the points of all storages, which stand newest first: the newest base backup that was consistent
/// before the target, so that little has to be replayed. Its first copy that is not damaged, those that can be read now
/// first.
pub fn choose_base<'a>(points: &'a [RestorePoint], wish: &BaseWish<'_>) -> Result<Base<'a>, NoBase> {
    let fits = |point: &&RestorePoint| {
        point.database == wish.database
            && wish.id.is_none_or(|id| point.id == *id)
            && wish.tier.is_none_or(|tier| point.tier == tier)
            && !wish.except.contains(&point.id)
    };
    let (mut damaged, mut oldest) = (None, None);
    for point in points.iter().filter(fits) {
        let copies = point.copies.iter().filter(|copy| wish.storage.is_none_or(|storage| copy.storage == storage));
        let physical = copies.filter(|copy| copy.backup.method == Method::Physical);
        let mut known = physical.filter_map(|copy| Some((copy, copy.backup.cluster.as_ref()?))).peekable();
        let Some((first, cluster)) = known.peek().copied() else { continue };
        if let Some(from) = begins_after(first, cluster, wish.target) {
            oldest = Some((point.id.clone(), from));
            continue;
        }
        let sound = known.filter(|(copy, _)| copy.state() != CopyState::Damaged);
        match sound.min_by_key(|(copy, _)| copy.backup.availability.distance()) {
            Some((copy, cluster)) => return Ok(Base { point, copy, cluster }),
            None => damaged = damaged.or(Some(point.id.clone())),
        }
    }
    Err(match (damaged, oldest) {
        (Some(id), _) => NoBase::Damaged(id),
        (None, Some(oldest)) => NoBase::TooEarly { target: wish.target.to_string(), oldest: Some(oldest) },
        (None, None) => NoBase::None(wish.database.to_owned()),
    })
}

/// When or where a backup became consistent, if that is after the target. What a transaction or a named point comes
/// after is not known before it is replayed.
fn begins_after(copy: &PointCopy, cluster: &Cluster, target: &RecoveryTarget) -> Option<String> {
    match target {
        RecoveryTarget::Time(time) if copy.backup.finished_at > *time => Some(copy.backup.finished_at.to_string()),
        RecoveryTarget::Lsn(lsn) if cluster.stop_lsn > *lsn => Some(cluster.stop_lsn.to_string()),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::{SegmentSize, Timeline};
    use crate::catalog::{Backup, VerifyLevel, VerifyProblem, VerifyRecord, WalOfBackup};
    use crate::resource::Availability;
    use jiff::Timestamp;

    fn at(day: i8) -> Timestamp {
        jiff::civil::date(2026, 11, day).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
    }

    /// A base backup of WAL that nobody asks for.
    pub(in crate::catalog) fn physical(id: BackupId) -> Backup {
        Backup {
            policy: "p".to_owned(),
            database: "main".to_owned(),
            tier: "base".to_owned(),
            method: Method::Physical,
            started_at: id.started(),
            finished_at: id.started(),
            server_version: "15.1".to_owned(),
            table_count: 0,
            layers: Vec::new(),
            objects: Vec::new(),
            cluster: Some(Cluster {
                system_identifier: "7".to_owned(),
                timeline: Timeline(1),
                start_lsn: Lsn(1 << 24),
                stop_lsn: Lsn(1 << 24),
                wal_segment_bytes: SegmentSize::DEFAULT,
                wal: WalOfBackup::Included,
                checksums: true,
                bad_pages: Vec::new(),
                tablespaces: Vec::new(),
                databases: Vec::new(),
                files: 0,
                bytes: 0,
                incremental: None,
            }),
            verified: None,
            missing: Vec::new(),
            lacking: Vec::new(),
            availability: Availability::Ready,
            protection: None,
            manifest_etag: String::new(),
            id,
        }
    }

    /// Consistent on a day, at the WAL position of its number; damaged or not.
    fn point(day: i8, is_damaged: bool) -> RestorePoint {
        let id = BackupId::new(at(day), 7);
        let problem = VerifyProblem { key: "pack".to_owned(), problem: "is short".to_owned() };
        let problems = if is_damaged { vec![problem] } else { Vec::new() };
        let mut backup = physical(id.clone());
        let lsn = Lsn(u64::from(day.unsigned_abs()) << 24);
        if let Some(cluster) = &mut backup.cluster {
            (cluster.start_lsn, cluster.stop_lsn) = (lsn, lsn);
        }
        backup.verified =
            Some(VerifyRecord { format: 1, id: id.clone(), at: at(day), level: VerifyLevel::Deep, problems });
        let copies = vec![PointCopy { storage: "local".to_owned(), backup }];
        RestorePoint { id, database: "main".to_owned(), tier: "base".to_owned(), started_at: at(day), copies }
    }

    fn chosen(points: &[RestorePoint], target: RecoveryTarget) -> Result<i8, NoBase> {
        let wish = BaseWish { database: "main", id: None, tier: None, storage: None, target: &target, except: &[] };
        choose_base(points, &wish).map(|base| base.point.started_at.to_zoned(jiff::tz::TimeZone::UTC).day())
    }

    #[test]
    fn the_newest_backup_that_was_consistent_before_the_target_is_taken() {
        let points = [point(9, false), point(6, true), point(3, false)];
        assert_eq!(chosen(&points, RecoveryTarget::Latest), Ok(9));
        assert_eq!(chosen(&points, RecoveryTarget::Time(at(9))), Ok(9));
        assert_eq!(chosen(&points, RecoveryTarget::Time(at(8))), Ok(3), "the one of the sixth is damaged");
        assert_eq!(chosen(&points, RecoveryTarget::Lsn(Lsn(5 << 24))), Ok(3));
        let early = chosen(&points, RecoveryTarget::Time(at(2))).unwrap_err();
        assert!(early.to_string().contains("20261103T000000Z"), "{early}");
        assert_eq!(chosen(&points[1..2], RecoveryTarget::Latest), Err(NoBase::Damaged(points[1].id.clone())));
        assert_eq!(chosen(&[], RecoveryTarget::Latest), Err(NoBase::None("main".to_owned())));
    }
}
