//! Which backup is restored, and from where. Damaged copies are never taken; one that can be read now is taken before
//! one that must be thawed.

use super::Method;
use super::point::{CopyState, PointCopy, RestorePoint};
use crate::base::BackupId;

/// What the user asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish<'a> {
    /// The database entry.
    pub database: &'a str,
    /// A certain backup; `None`: the newest good one.
    pub id: Option<&'a BackupId>,
    /// Only backups made so.
    pub method: Method,
    /// Only this tier.
    pub tier: Option<&'a str>,
    /// Only this storage.
    pub storage: Option<&'a str>,
    /// Backups that are not meant by "the newest", each with the reason as a phrase.
    pub except: &'a [(BackupId, String)],
}

/// The copy to restore from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<'a> {
    /// The backup.
    pub point: &'a RestorePoint,
    /// The copy.
    pub copy: &'a PointCopy,
    /// Why this one, in phrases.
    pub reasons: Vec<String>,
    /// What would have come first and cannot be used, as sentences without a full stop.
    pub passed_over: Vec<String>,
}

/// Why there is nothing to restore.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoChoice {
    /// No storage holds a backup that fits.
    #[error("no backup of `{database}`{narrowed} was found in {searched}")]
    None {
        /// The database entry.
        database: String,
        /// The narrowing words typed, such as ` in tier \`daily\``.
        narrowed: String,
        /// The storages looked into.
        searched: String,
    },
    /// The backup asked for is of something else.
    #[error("backup {id} is {actual}, not {wanted}")]
    Other {
        /// The backup.
        id: BackupId,
        /// What it is.
        actual: String,
        /// What was asked for.
        wanted: String,
    },
    /// There are backups, and every copy of them is damaged.
    #[error("every copy is damaged: {}", .0.join("; "))]
    Damaged(Vec<String>),
}

/// Chooses among the points of all storages, which stand newest first with copies in order of preference.
pub fn choose<'a>(points: &'a [RestorePoint], wish: &Wish<'_>, searched: &[String]) -> Result<Choice<'a>, NoChoice> {
    let fits = |point: &&RestorePoint| {
        point.database == wish.database
            && wish.id.is_none_or(|id| point.id == *id)
            && wish.tier.is_none_or(|tier| point.tier == tier)
            && copies(point, wish).next().is_some()
    };
    let (mut damaged, mut passed_over) = (Vec::new(), Vec::new());
    for point in points.iter().filter(fits) {
        if let Some((id, why)) = wish.except.iter().find(|(id, _)| wish.id.is_none() && *id == point.id) {
            passed_over.push(format!("{id} {why}"));
            continue;
        }
        let is_damaged = |copy: &&PointCopy| copy.state() == CopyState::Damaged;
        let sound = copies(point, wish).filter(|copy| !is_damaged(copy));
        let good = sound.min_by_key(|copy| copy.backup.availability.distance());
        let before = copies(point, wish).take_while(|copy| Some(*copy) != good).filter(is_damaged);
        damaged.extend(before.map(|copy| describe_damage(point, copy)));
        if let Some(copy) = good {
            let reasons = reasons(point, copy, wish, damaged.is_empty());
            passed_over.extend(damaged);
            return Ok(Choice { point, copy, reasons, passed_over });
        }
    }
    if !damaged.is_empty() {
        return Err(NoChoice::Damaged(damaged));
    }
    Err(nothing(points, wish, searched))
}

fn copies<'a>(point: &'a RestorePoint, wish: &Wish<'_>) -> impl Iterator<Item = &'a PointCopy> {
    let (method, storage) = (wish.method, wish.storage.map(str::to_owned));
    let fits = move |copy: &&PointCopy| {
        copy.backup.method == method && storage.as_ref().is_none_or(|storage| copy.storage == *storage)
    };
    point.copies.iter().filter(fits)
}

fn describe_damage(point: &RestorePoint, copy: &PointCopy) -> String {
    format!("{} at `{}` is damaged: {}", point.id, copy.storage, copy.problems().join(", "))
}

fn reasons(point: &RestorePoint, copy: &PointCopy, wish: &Wish<'_>, is_newest: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    reasons.push(match (wish.id, is_newest) {
        (Some(_), _) => "asked for by its id".to_owned(),
        (None, true) => match wish.tier {
            Some(tier) => format!("the newest backup of tier `{tier}`"),
            None => "the newest backup".to_owned(),
        },
        (None, false) => "the newest backup that is not damaged".to_owned(),
    });
    let first = copies(point, wish).find(|other| other.state() != CopyState::Damaged);
    let colder = first.filter(|first| first.backup.availability.distance() > copy.backup.availability.distance());
    match wish.storage {
        _ if let Some(colder) = colder => reasons.push(format!(
            "`{}` can be read sooner than `{}`, where it lies in {}",
            copy.storage,
            colder.storage,
            colder.backup.class()
        )),
        Some(_) => reasons.push(format!("storage `{}` was asked for", copy.storage)),
        None if point.copies.len() > 1 => reasons.push(format!("`{}` comes first in the policy", copy.storage)),
        None => reasons.push(format!("only `{}` holds it", copy.storage)),
    }
    reasons.push(match copy.backup.verified.as_ref() {
        Some(record) => format!("verified {}", record.at.strftime("%Y-%m-%d %H:%M UTC")),
        None => "never verified, complete by its sizes".to_owned(),
    });
    reasons
}

/// Says as exactly as possible why nothing fits.
fn nothing(points: &[RestorePoint], wish: &Wish<'_>, searched: &[String]) -> NoChoice {
    let elsewhere = wish.id.and_then(|id| points.iter().find(|point| point.id == *id));
    if let (Some(id), Some(point)) = (wish.id, elsewhere) {
        let (actual, wanted) = if point.database != wish.database {
            (format!("of database `{}`", point.database), format!("of `{}`", wish.database))
        } else if wish.tier.is_some_and(|tier| tier != point.tier) {
            (format!("of tier `{}`", point.tier), format!("of `{}`", wish.tier.unwrap_or_default()))
        } else {
            let held: Vec<String> = point.copies.iter().map(|copy| format!("`{}`", copy.storage)).collect();
            (format!("at {}", held.join(", ")), format!("at `{}`", wish.storage.unwrap_or_default()))
        };
        return NoChoice::Other { id: id.clone(), actual, wanted };
    }
    let mut narrowed = wish.id.map(|id| format!(" with the id {id}")).unwrap_or_default();
    narrowed += &wish.tier.map(|tier| format!(" in tier `{tier}`")).unwrap_or_default();
    let searched = match wish.storage {
        Some(storage) => format!("storage `{storage}`"),
        None if searched.is_empty() => "any storage that can be read".to_owned(),
        None => searched.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    };
    NoChoice::None { database: wish.database.to_owned(), narrowed, searched }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::catalog::{Backup, Contents, Method, VerifyLevel, VerifyProblem, VerifyRecord, restore_points};
    use crate::resource::{Availability, StorageClass};
    use proptest::prelude::*;

    fn backup(day: u8, tier: &str, verdict: u8) -> Backup {
        let at: jiff::Timestamp = format!("2026-11-{day:02}T02:00:00Z").parse().unwrap();
        let id = BackupId::new(at, u32::from(day));
        let problem = VerifyProblem { key: "dump".to_owned(), problem: "has another digest".to_owned() };
        let record = |problems| VerifyRecord { format: 1, id: id.clone(), at, level: VerifyLevel::Checksum, problems };
        Backup {
            policy: "shop".to_owned(),
            database: "app".to_owned(),
            tier: tier.to_owned(),
            method: Method::Logical,
            started_at: at,
            finished_at: at,
            server_version: "15.1".to_owned(),
            table_count: 1,
            layers: Vec::new(),
            objects: Vec::new(),
            cluster: None,
            verified: match verdict {
                0 => None,
                1 => Some(record(Vec::new())),
                _ => Some(record(vec![problem])),
            },
            missing: Vec::new(),
            lacking: Vec::new(),
            availability: Availability::Ready,
            protection: None,
            manifest_etag: String::new(),
            id,
        }
    }

    fn contents(backups: Vec<Backup>) -> Contents {
        Contents { backups, ..Contents::default() }
    }

    fn points(a: Vec<Backup>, b: Vec<Backup>) -> Vec<RestorePoint> {
        let (a, b) = (contents(a), contents(b));
        restore_points([("local", &a), ("offsite", &b)])
    }

    fn wish(id: Option<&BackupId>) -> Wish<'_> {
        Wish { database: "app", id, method: Method::Logical, tier: None, storage: None, except: &[] }
    }

    #[test]
    fn the_newest_good_copy_at_the_first_storage_is_taken() {
        let points = points(vec![backup(1, "daily", 1), backup(2, "daily", 0)], vec![backup(2, "daily", 1)]);
        let choice = choose(&points, &wish(None), &[]).unwrap();
        assert_eq!((choice.point.id.as_str(), choice.copy.storage.as_str()), ("20261102T020000Z-caaa", "local"));
        assert!(choice.passed_over.is_empty());
        assert_eq!(
            choice.reasons,
            ["the newest backup", "`local` comes first in the policy", "never verified, complete by its sizes"]
        );
    }

    #[test]
    fn a_damaged_copy_is_passed_over_and_named() {
        let points = points(vec![backup(1, "daily", 1), backup(2, "daily", 2)], vec![backup(2, "daily", 0)]);
        let choice = choose(&points, &wish(None), &[]).unwrap();
        assert_eq!(choice.copy.storage, "offsite");
        assert_eq!(choice.passed_over, ["20261102T020000Z-caaa at `local` is damaged: `dump` has another digest"]);
        let local = Wish { storage: Some("local"), ..wish(None) };
        assert_eq!(choose(&points, &local, &[]).unwrap().point.id.as_str(), "20261101T020000Z-baaa");
        let id: BackupId = "20261102T020000Z-caaa".parse().unwrap();
        let error = choose(&points, &Wish { id: Some(&id), ..local }, &[]).unwrap_err();
        assert!(matches!(error, NoChoice::Damaged(_)), "{error}");
    }

    #[test]
    fn a_copy_that_can_be_read_is_taken_before_a_cold_one() {
        use Availability::{Archived, Ready, Thawed, Thawing};
        use StorageClass::{DeepArchive, Glacier};
        let thawed = Thawed { class: Glacier, until: None };
        let taken = |near: Availability, far: Availability| {
            let (mut a, mut b) = (backup(2, "daily", 1), backup(2, "daily", 0));
            (a.availability, b.availability) = (near, far);
            let points = points(vec![a], vec![b, backup(1, "daily", 1)]);
            let choice = choose(&points, &wish(None), &[]).unwrap();
            assert_eq!(choice.point.id.as_str(), "20261102T020000Z-caaa", "a cold backup is still the newest");
            assert!(choice.passed_over.is_empty());
            (choice.copy.storage.clone(), choice.reasons[1].contains("sooner"))
        };
        let (local, offsite) = (("local".to_owned(), false), ("offsite".to_owned(), true));
        assert_eq!(taken(Archived(Glacier), Ready), offsite);
        assert_eq!(taken(Archived(Glacier), thawed), offsite);
        assert_eq!(taken(Archived(Glacier), Thawing(DeepArchive)), offsite);
        assert_eq!(taken(Archived(DeepArchive), Archived(Glacier)), offsite);
        assert_eq!(taken(thawed, Ready), local);
        assert_eq!(taken(Archived(Glacier), Archived(Glacier)), local);
    }

    #[test]
    fn a_backup_that_is_not_meant_is_passed_over_unless_it_is_named() {
        let points = points(vec![backup(1, "daily", 1), backup(2, "daily", 1)], Vec::new());
        let except = [(points[0].id.clone(), "was taken by a restore".to_owned())];
        let choice = choose(&points, &Wish { except: &except, ..wish(None) }, &[]).unwrap();
        assert_eq!(choice.point.id, points[1].id);
        assert_eq!(choice.passed_over, ["20261102T020000Z-caaa was taken by a restore"]);
        assert_eq!(choice.reasons[0], "the newest backup");
        let named = Wish { except: &except, ..wish(Some(&points[0].id)) };
        assert_eq!(choose(&points, &named, &[]).unwrap().point.id, points[0].id);
    }

    #[test]
    fn what_does_not_fit_is_told_exactly() {
        let points = points(vec![backup(1, "daily", 1)], Vec::new());
        let id = points[0].id.clone();
        let other = Wish { database: "web", ..wish(Some(&id)) };
        let said = |wish: &Wish<'_>| choose(&points, wish, &["local".to_owned()]).unwrap_err().to_string();
        assert_eq!(said(&other), "backup 20261101T020000Z-baaa is of database `app`, not of `web`");
        let weekly = Wish { tier: Some("weekly"), ..wish(None) };
        assert_eq!(said(&weekly), "no backup of `app` in tier `weekly` was found in `local`");
        let offsite = Wish { storage: Some("offsite"), ..wish(Some(&id)) };
        assert_eq!(said(&offsite), "backup 20261101T020000Z-baaa is at `local`, not at `offsite`");
    }

    proptest! {
        #[test]
        fn never_a_damaged_copy_and_never_an_older_one_than_needed(
            a in proptest::collection::vec(0_u8..4, 8),
            b in proptest::collection::vec(0_u8..4, 8),
        ) {
            let make = |verdicts: &[u8]| -> Vec<Backup> {
                let all = verdicts.iter().enumerate().filter(|(_, verdict)| **verdict < 3);
                all.map(|(day, verdict)| backup(day as u8 + 1, "daily", *verdict)).collect()
            };
            let points = points(make(&a), make(&b));
            let newest = (0..8).rev().find(|day| a[*day] < 2 || b[*day] < 2);
            match choose(&points, &wish(None), &[]) {
                Ok(choice) => {
                    prop_assert!(choice.copy.backup.is_good());
                    prop_assert_eq!(choice.point.started_at, backup(newest.unwrap() as u8 + 1, "", 0).started_at);
                }
                Err(_) => prop_assert_eq!(newest, None),
            }
        }
    }
}
