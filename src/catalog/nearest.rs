//! The backup to restore instead of one that must be thawed first.

use super::point::{CopyState, PointCopy, RestorePoint};
use super::{Wish, retention::is_ahead};
use jiff::Timestamp;

/// The backup of the same database that can be read now and is nearest in time to `to`, in any tier and storage; the
/// same backup at another storage comes first. `None` when every other one is cold, damaged, or not meant by "the
/// newest".
pub fn nearest_readable<'a>(
    points: &'a [RestorePoint],
    to: &RestorePoint,
    wish: &Wish<'_>,
    now: Timestamp,
) -> Option<(&'a RestorePoint, &'a PointCopy)> {
    let is_meant = |point: &&RestorePoint| {
        point.database == to.database && !is_ahead(&point.id, now) && !wish.except.iter().any(|(id, _)| *id == point.id)
    };
    let readable = |point: &'a RestorePoint| {
        let is_usable =
            |copy: &&PointCopy| copy.state() != CopyState::Damaged && copy.backup.availability.is_readable();
        Some((point, point.copies.iter().find(is_usable)?))
    };
    let distance = |point: &RestorePoint| point.started_at.duration_since(to.started_at).abs();
    points.iter().filter(is_meant).filter_map(readable).min_by_key(|(point, _)| distance(point))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::BackupId;
    use crate::catalog::{Backup, Contents, Method, restore_points};
    use crate::resource::{Availability, StorageClass};

    fn backup(day: i64, availability: Availability) -> Backup {
        let at = Timestamp::from_second(1_790_000_000 + day * 86_400).unwrap_or_default();
        Backup {
            id: BackupId::new(at, 7),
            policy: "shop".to_owned(),
            database: "app".to_owned(),
            tier: "daily".to_owned(),
            method: Method::Logical,
            started_at: at,
            finished_at: at,
            server_version: "15.1".to_owned(),
            table_count: 1,
            layers: Vec::new(),
            objects: Vec::new(),
            cluster: None,
            verified: None,
            missing: Vec::new(),
            lacking: Vec::new(),
            availability,
            protection: None,
            manifest_etag: String::new(),
        }
    }

    #[test]
    fn the_nearest_in_time_that_can_be_read() {
        let (cold, warm) = (Availability::Archived(StorageClass::Glacier), Availability::Ready);
        let damaged = Backup { missing: vec!["x".to_owned()], ..backup(5, warm) };
        let backups = vec![backup(1, warm), backup(4, cold), damaged, backup(6, cold), backup(9, warm)];
        let contents = Contents { backups, ..Contents::default() };
        let points = restore_points([("offsite", &contents)]);
        let now = Timestamp::from_second(1_790_000_000 + 20 * 86_400).unwrap_or_default();
        let wish = Wish { database: "app", id: None, method: Method::Logical, tier: None, storage: None, except: &[] };
        let days = |to: usize, wish: &Wish<'_>| {
            let found = nearest_readable(&points, &points[to], wish, now);
            found.map(|(point, _)| (point.started_at.as_second() - 1_790_000_000) / 86_400)
        };
        assert_eq!((days(1, &wish), days(3, &wish)), (Some(9), Some(1)));
        let except = [(points[0].id.clone(), "was taken by a restore".to_owned())];
        assert_eq!(days(1, &Wish { except: &except, ..wish }), Some(1));
    }
}
