//! Every backup there is, by database, as a table for people.

use super::Style;
use super::age::{age, ago};
use super::restorable::windows;
use super::table::table;
use crate::base::Size;
use crate::catalog::{BrokenFile, CopyState, Layer, PointCopy, RestorePoint, VerifyLevel};
use crate::plan::RestorableWindow;
use crate::resource::Availability;
use jiff::Timestamp;
use std::fmt::Write as _;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Databases, those of the policy first.
    pub databases: Vec<ListedDatabase>,
    /// Storages that could not be read, and why: backups may be missing here.
    pub unreadable: Vec<(String, String)>,
    /// Small files that cannot be read, by their storage: the backups that they speak of may be missing here.
    pub broken: Vec<(String, BrokenFile)>,
}

/// One database and its backups.
#[derive(Debug, Clone)]
pub struct ListedDatabase {
    /// Its name in the catalog.
    pub name: String,
    /// False for a database that only the storages know.
    pub is_in_policy: bool,
    /// Newest first.
    pub points: Vec<RestorePoint>,
    /// The stretches to any moment of which its archived WAL recovers it, the oldest first.
    pub windows: Vec<RestorableWindow>,
}

/// The list for people, ending with a line feed.
pub fn list(listing: &Listing, now: Timestamp, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    for (index, database) in listing.databases.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let beside = if database.is_in_policy { String::new() } else { style.dim(" (not in the policy)") };
        let _ = writeln!(out, "{}{beside}", style.bold(&database.name));
        if database.points.is_empty() {
            let _ = writeln!(out, "  {}", style.yellow("no backup yet"));
            continue;
        }
        let rows: Vec<Vec<String>> = database.points.iter().map(|point| row(point, now)).collect();
        let paint = |row: usize, column: usize, text: &str| match (column, state(&database.points[row])) {
            (7, CopyState::Damaged) => style.red(text),
            (7, CopyState::Verified) => style.green(text),
            _ => text.to_owned(),
        };
        let headings = ["ID", "AGE", "TIER", "SIZE", "STORED", "ENCRYPTED", "WHERE", "STATE"];
        out.push_str(&table(&headings, &rows, style, paint));
        for line in windows(&database.windows).iter().filter(|_| !database.windows.is_empty()) {
            let _ = writeln!(out, "  any moment: {line}");
        }
    }
    if listing.databases.is_empty() {
        let _ = writeln!(out, "No backup was found.");
    }
    for (storage, problem) in &listing.unreadable {
        let _ = writeln!(out, "\n{} storage `{storage}` could not be read: {problem}", style.yellow("!"));
    }
    for (storage, broken) in &listing.broken {
        let _ = writeln!(out, "\n{} storage `{storage}`: {}", style.yellow("!"), broken.told());
    }
    out
}

fn row(point: &RestorePoint, now: Timestamp) -> Vec<String> {
    let best = point.best().map(|copy| &copy.backup);
    let size = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), |bytes| Size(bytes).to_string());
    vec![
        point.id.to_string(),
        age(point.started_at, now),
        best.and_then(incremental_on).map_or_else(|| point.tier.clone(), |_| format!("{} (incremental)", point.tier)),
        size(best.map(crate::catalog::Backup::plain_bytes)),
        size(best.map(crate::catalog::Backup::stored_bytes)),
        best.map_or("-", |backup| encryption(&backup.layers)).to_owned(),
        places(point),
        state_words(point, now),
    ]
}

/// The backup that an incremental one was compared with.
pub(super) fn incremental_on(backup: &crate::catalog::Backup) -> Option<&str> {
    Some(backup.cluster.as_ref()?.incremental.as_ref()?.on.as_str())
}

/// `age`, `gpg` or `no`.
pub(super) fn encryption(layers: &[Layer]) -> &'static str {
    match layers.iter().find(|layer| layer.is_encryption()) {
        Some(Layer::Age { .. }) => "age",
        Some(_) => "gpg",
        None => "no",
    }
}

/// The storages; a damaged copy says so when others are good, a cold one what keeps it from being read.
fn places(point: &RestorePoint) -> String {
    let is_mixed = point.is_good();
    let place = |copy: &PointCopy| match (copy.state(), cold_words(copy.backup.availability)) {
        (CopyState::Damaged, _) if is_mixed => format!("{} (damaged)", copy.storage),
        (_, Some(cold)) => format!("{} ({cold})", copy.storage),
        _ => copy.storage.clone(),
    };
    point.copies.iter().map(place).collect::<Vec<_>>().join(", ")
}

/// `GLACIER`, `GLACIER, thawing`, `GLACIER, thawed until 2026-12-04 09:00 UTC`; `None` for what needs no thaw.
pub(super) fn cold_words(availability: Availability) -> Option<String> {
    Some(match availability {
        Availability::Ready => return None,
        Availability::Archived(class) => class.to_string(),
        Availability::Thawing(class) => format!("{class}, thawing"),
        Availability::Thawed { class, until: Some(until) } => {
            format!("{class}, thawed until {}", until.strftime("%Y-%m-%d %H:%M UTC"))
        }
        Availability::Thawed { class, until: None } => format!("{class}, thawed"),
    })
}

/// The best that is known of any copy.
pub(super) fn state(point: &RestorePoint) -> CopyState {
    point.copies.iter().map(PointCopy::state).min().unwrap_or(CopyState::Damaged)
}

fn state_words(point: &RestorePoint, now: Timestamp) -> String {
    match state(point) {
        CopyState::Damaged => {
            let problem = point.copies.first().and_then(|copy| copy.problems().into_iter().next());
            format!("damaged: {}", problem.unwrap_or_default())
        }
        CopyState::Unverified => "unverified".to_owned(),
        CopyState::Verified => {
            let newest = point.copies.iter().filter_map(|copy| copy.backup.verified.as_ref()).max_by_key(|r| r.at);
            newest.map_or_else(String::new, |record| {
                let deep = if record.level == VerifyLevel::Deep { "deep, " } else { "" };
                format!("verified ({deep}{})", ago(record.at, now))
            })
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::super::list_json::list_view;
    use super::*;
    use crate::base::{BackupId, Sha256};
    use crate::catalog::{Backup, BackupObject, Contents, Method, VerifyProblem, VerifyRecord, restore_points};
    use crate::resource::StorageClass;

    pub(in crate::report) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    pub(in crate::report) fn backup(day: u8, layers: Vec<Layer>) -> Backup {
        let started = at(&format!("2026-11-{day:02}T02:00:00Z"));
        Backup {
            policy: "shop".to_owned(),
            id: BackupId::new(started, u32::from(day)),
            database: "app".to_owned(),
            tier: "daily".to_owned(),
            method: Method::Logical,
            started_at: started,
            finished_at: at(&format!("2026-11-{day:02}T02:03:20Z")),
            server_version: "15.18".to_owned(),
            table_count: 12,
            layers,
            objects: vec![BackupObject {
                name: "dump.zst".to_owned(),
                stored_bytes: 310 << 20,
                plain_bytes: 1200 << 20,
                stored_sha256: Sha256::of(b""),
                lock: None,
                key: None,
                class: StorageClass::Standard,
            }],
            cluster: None,
            verified: None,
            missing: Vec::new(),
            lacking: Vec::new(),
            availability: Availability::Ready,
            protection: None,
            manifest_etag: String::new(),
        }
    }

    fn listing() -> Listing {
        let age = vec![Layer::Zstd { level: 3 }, Layer::Age { recipients: Vec::new() }];
        let mut verified = backup(19, age);
        verified.verified = Some(VerifyRecord {
            format: 1,
            id: verified.id.clone(),
            at: at("2026-11-20T06:00:00Z"),
            level: VerifyLevel::Deep,
            problems: Vec::new(),
        });
        let mut damaged = backup(18, vec![Layer::Zstd { level: 3 }]);
        damaged.missing = vec!["`dump.zst` is missing".to_owned()];
        let mut bad_copy = verified.clone();
        bad_copy.verified.as_mut().unwrap().problems =
            vec![VerifyProblem { key: "data/x".to_owned(), problem: "has another digest".to_owned() }];
        let local = Contents { backups: vec![damaged, verified, backup(20, Vec::new())], ..Contents::default() };
        let offsite = Contents { backups: vec![bad_copy], ..Contents::default() };
        let points = restore_points([("local", &local), ("offsite", &offsite)]);
        let database = |name: &str, is_in_policy, points| ListedDatabase {
            name: name.to_owned(),
            is_in_policy,
            points,
            windows: Vec::new(),
        };
        Listing {
            databases: vec![
                database("app", true, points),
                database("web", true, vec![]),
                database("old", false, vec![]),
            ],
            unreadable: vec![("nas".to_owned(), "permission denied".to_owned())],
            broken: vec![(
                "local".to_owned(),
                BrokenFile {
                    key: "manifest/daily/app/x.json".to_owned(),
                    problem: "its digest does not agree".to_owned(),
                },
            )],
        }
    }

    #[test]
    fn people_see_a_table() {
        insta::assert_snapshot!(list(&listing(), at("2026-11-20T08:00:00Z"), Style::PLAIN));
    }

    #[test]
    fn machines_see_a_document() {
        insta::assert_json_snapshot!(list_view(&listing(), at("2026-11-20T08:00:00Z")));
    }

    #[test]
    fn a_cold_copy_says_how_cold() {
        use StorageClass::{DeepArchive, Glacier};
        let until = Some(at("2026-12-04T09:00:00Z"));
        let states = [
            Availability::Archived(DeepArchive),
            Availability::Thawing(Glacier),
            Availability::Thawed { class: Glacier, until },
        ];
        let backups = states.into_iter().enumerate().map(|(n, availability)| {
            let mut backup = Backup { availability, ..backup(18 + n as u8, Vec::new()) };
            backup.objects[0].class = availability.cold_class().unwrap_or_default();
            backup
        });
        let offsite = Contents { backups: backups.collect(), ..Contents::default() };
        let local = Contents { backups: vec![backup(19, Vec::new())], ..Contents::default() };
        let points = restore_points([("local", &local), ("offsite", &offsite)]);
        let databases =
            vec![ListedDatabase { name: "app".to_owned(), is_in_policy: true, points, windows: Vec::new() }];
        let listing = Listing { databases, ..Listing::default() };
        insta::assert_snapshot!(list(&listing, at("2026-11-20T08:00:00Z"), Style::PLAIN));
        let view = list_view(&listing, at("2026-11-20T08:00:00Z"));
        let copy = &serde_json::to_value(&view).unwrap()["databases"][0]["backups"][0]["copies"][0];
        assert_eq!((&copy["storage_class"], &copy["availability"]), (&"GLACIER".into(), &"thawed".into()));
        assert_eq!(copy["thawed_until"], "2026-12-04T09:00:00Z");
    }

    #[test]
    fn nothing_is_told_too() {
        assert_eq!(list(&Listing::default(), Timestamp::UNIX_EPOCH, Style::PLAIN), "No backup was found.\n");
    }
}
