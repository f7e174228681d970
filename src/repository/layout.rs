//! Where everything lies in a repository: keys from parts, and parts from keys. Pure.

use super::wal_layout::WalKey;
use crate::base::{BackupId, decode_component, encode_component};

/// Folder of the manifests and of the records of verification.
pub const MANIFESTS: &str = "manifest/";
/// Folder of the files of backups.
pub const DATA: &str = "data/";
/// Folder of the locks.
pub const LOCKS: &str = "lock/";
/// Folder of the indexes.
pub const INDEXES: &str = "index/";
/// Folder of the journals.
pub const JOURNALS: &str = "journal/";

/// Folder of the WAL of all databases; see `wal_layout`.
pub const WAL: &str = "wal/";

/// Key of the marker, by which a folder is known to be a repository.
pub fn marker_key() -> String {
    "backstay.json".to_owned()
}

/// What the keys of all manifests of a database in a tier begin with, slash at the end.
pub fn manifest_prefix(tier: &str, database: &str) -> String {
    format!("{MANIFESTS}{}/{}/", encode_component(tier), encode_component(database))
}

/// Key of a backup's manifest.
pub fn manifest_key(tier: &str, database: &str, id: &BackupId) -> String {
    format!("{MANIFESTS}{}/{}/{id}.json", encode_component(tier), encode_component(database))
}

/// Key of the record of a backup's last verification.
pub fn verified_key(tier: &str, database: &str, id: &BackupId) -> String {
    format!("{MANIFESTS}{}/{}/{id}.verified.json", encode_component(tier), encode_component(database))
}

/// Key of the drills of a database's backups in a tier.
pub fn drills_key(tier: &str, database: &str) -> String {
    manifest_prefix(tier, database) + DRILLS
}

/// Name of the file of drills; no id of a backup reads so.
const DRILLS: &str = "drills.json";

/// What the keys of all files of a backup begin with, slash at the end.
pub fn data_prefix(tier: &str, database: &str, id: &str) -> String {
    format!("{DATA}{}/{}/{}/", encode_component(tier), encode_component(database), encode_component(id))
}

/// Key of one file of a backup.
pub fn object_key(tier: &str, database: &str, id: &BackupId, name: &str) -> String {
    data_prefix(tier, database, id.as_str()) + &encode_component(name)
}

/// Key of one file of a backup wherever it lies: an adopted one has a key of its own.
pub fn stored_key(tier: &str, database: &str, id: &BackupId, name: &str, own: Option<&str>) -> String {
    own.map_or_else(|| object_key(tier, database, id, name), str::to_owned)
}

/// Key of the note that an adopted backup is being removed: it names the files that a killed run leaves.
pub fn removal_key(tier: &str, database: &str, id: &BackupId) -> String {
    format!("{REMOVALS}{}/{}/{id}.json", encode_component(tier), encode_component(database))
}

/// Folder of the notes of removals.
const REMOVALS: &str = "index/removing/";

/// True for what lies in a folder of this layout, whoever put it there.
pub fn is_inside(key: &str) -> bool {
    key == marker_key() || [MANIFESTS, DATA, LOCKS, INDEXES, JOURNALS, WAL].iter().any(|folder| key.starts_with(folder))
}

/// Key of the digest beside one file of a backup.
pub fn sidecar_key(tier: &str, database: &str, id: &BackupId, name: &str) -> String {
    object_key(tier, database, id, name) + SIDECAR
}

/// What the name of a digest file adds to the name of the file it speaks of.
pub const SIDECAR: &str = ".sha256";

/// Key of a database's lock.
pub fn lock_key(database: &str) -> String {
    format!("{LOCKS}{}.json", encode_component(database))
}

/// Key of a database's index.
pub fn index_key(database: &str) -> String {
    format!("{INDEXES}{}.json", encode_component(database))
}

/// Key of what the channels of a policy were told.
pub fn alerts_key(policy: &str) -> String {
    format!("{ALERTS}{}.json", encode_component(policy))
}

/// Folder of what channels were told; no index of a database lies in a folder of its own.
const ALERTS: &str = "index/alerts/";

/// Key of a run's journal.
pub fn journal_key(run: &str) -> String {
    format!("{JOURNALS}{}.json", encode_component(run))
}

/// A key, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The marker.
    Marker,
    /// A manifest.
    Manifest(Place),
    /// A record of verification.
    Verified(Place),
    /// The drills of a database's backups in a tier.
    Drills {
        /// The tier.
        tier: String,
        /// The database entry.
        database: String,
    },
    /// A file of a backup.
    Object {
        /// The tier.
        tier: String,
        /// The database entry.
        database: String,
        /// The folder's name: the id of the backup, if it is one.
        id: String,
        /// The file's name.
        name: String,
    },
    /// A lock of a database.
    Lock(String),
    /// An index of a database.
    Index(String),
    /// What the channels of a policy were told.
    Alerts(String),
    /// A journal of a run.
    Journal(String),
    /// A note that an adopted backup is being removed.
    Removal(Place),
    /// A file of WAL.
    Wal(Box<WalKey>),
}

/// Which backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The database entry.
    pub database: String,
    /// The tier.
    pub tier: String,
    /// The id.
    pub id: BackupId,
}

/// The parts of a key, or `None` for a key that this layout does not make.
pub fn parse(key: &str) -> Option<Key> {
    if key == marker_key() {
        return Some(Key::Marker);
    }
    let single = |rest: &str| decode_component(rest.strip_suffix(".json")?);
    if let Some(rest) = key.strip_prefix(MANIFESTS) {
        let mut parts = rest.split('/');
        let (tier, database, file) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let (tier, database) = (decode_component(tier)?, decode_component(database)?);
        if file == DRILLS {
            return Some(Key::Drills { tier, database });
        }
        let stem = file.strip_suffix(".json")?;
        return Some(match stem.strip_suffix(".verified") {
            Some(id) => Key::Verified(Place { database, tier, id: id.parse().ok()? }),
            None => Key::Manifest(Place { database, tier, id: stem.parse().ok()? }),
        });
    }
    if let Some(rest) = key.strip_prefix(DATA) {
        let mut parts = rest.splitn(4, '/').map(decode_component);
        return Some(Key::Object {
            tier: parts.next()??,
            database: parts.next()??,
            id: parts.next()??,
            name: parts.next()??,
        });
    }
    if key.starts_with(WAL) {
        return WalKey::parse(key).map(|key| Key::Wal(Box::new(key)));
    }
    if let Some(rest) = key.strip_prefix(LOCKS) {
        return single(rest).map(Key::Lock);
    }
    if let Some(rest) = key.strip_prefix(REMOVALS) {
        let mut parts = rest.split('/').map(decode_component);
        let (tier, database, file) = (parts.next()??, parts.next()??, parts.next()??);
        let id = file.strip_suffix(".json")?.parse().ok()?;
        return parts.next().is_none().then_some(Key::Removal(Place { database, tier, id }));
    }
    if let Some(rest) = key.strip_prefix(ALERTS) {
        return single(rest).map(Key::Alerts);
    }
    if let Some(rest) = key.strip_prefix(INDEXES) {
        return single(rest).map(Key::Index);
    }
    single(key.strip_prefix(JOURNALS)?).map(Key::Journal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> BackupId {
        BackupId::new(jiff::Timestamp::UNIX_EPOCH, 7)
    }

    #[test]
    fn keys_read_back_whatever_the_names() {
        for database in ["app", "tenants.a b/../😀", "..", ""] {
            let place = Place { database: database.to_owned(), tier: "daily".to_owned(), id: id() };
            assert_eq!(parse(&manifest_key("daily", database, &id())), Some(Key::Manifest(place.clone())));
            assert_eq!(parse(&removal_key("daily", database, &id())), Some(Key::Removal(place.clone())));
            assert_eq!(parse(&verified_key("daily", database, &id())), Some(Key::Verified(place)));
            assert_eq!(
                parse(&object_key("daily", database, &id(), "dump.zst.age")),
                Some(Key::Object {
                    tier: "daily".to_owned(),
                    database: database.to_owned(),
                    id: id().to_string(),
                    name: "dump.zst.age".to_owned()
                })
            );
            let drills = Key::Drills { tier: "daily".to_owned(), database: database.to_owned() };
            assert_eq!(parse(&drills_key("daily", database)), Some(drills));
            assert_eq!(parse(&lock_key(database)), Some(Key::Lock(database.to_owned())));
            assert_eq!(parse(&index_key(database)), Some(Key::Index(database.to_owned())));
        }
        assert_eq!(parse(&alerts_key("shop")), Some(Key::Alerts("shop".to_owned())));
        assert_eq!(parse(&journal_key("r1")), Some(Key::Journal("r1".to_owned())));
        assert_eq!(parse(&marker_key()), Some(Key::Marker));
    }

    #[test]
    fn who_may_write_backups_may_write_every_key_and_delete_locks_and_journals_only() {
        use crate::resource::BucketPlace;
        use crate::resource::permissions::{BackupSite, Duty, Whereabouts, backup_statements};
        let place = BucketPlace { bucket: "b".to_owned(), ..BucketPlace::default() };
        let site = BackupSite { place: &place, at: Whereabouts::default(), key: None, locks: false, versions: false };
        let may = |duty, action: &str, key: &str| {
            backup_statements(duty, &site).iter().filter(|s| s.actions.contains(action)).any(|s| {
                let key = format!("arn:aws:s3:::b/{key}");
                // A star in the middle stands for any characters, as the one at the end does.
                let covers = |arn: &String| match arn.strip_suffix('*').map(|start| start.split_once('*')) {
                    Some(None) => key.starts_with(&arn[..arn.len() - 1]),
                    Some(Some((start, middle))) => key.strip_prefix(start).is_some_and(|rest| rest.contains(middle)),
                    None => *arn == key,
                };
                s.resources.iter().any(covers)
            })
        };
        let wal = "wal/app/7412/0000000100000016/0000000100000016000000B3-9f";
        assert!(may(Duty::Write, "s3:PutObject", wal) && may(Duty::Read, "s3:GetObject", wal));
        assert!(may(Duty::Prune, "s3:DeleteObject", wal) && !may(Duty::Write, "s3:DeleteObject", wal));
        assert!(!may(Duty::Plan, "s3:GetObject", wal) && may(Duty::Plan, "s3:GetObjectRetention", wal));
        assert!(may(Duty::Plan, "s3:GetObject", "wal/app/7412/history/00000002.history-9f"));
        let (lock, journal, index) = (lock_key("app"), journal_key("r1"), index_key("app"));
        let (manifest, data) = (manifest_key("daily", "app", &id()), object_key("daily", "app", &id(), "dump"));
        let drills = drills_key("daily", "app");
        for key in [&marker_key(), &lock, &journal, &index, &manifest, &drills, &data] {
            assert!(may(Duty::Write, "s3:PutObject", key), "{key}");
            assert!(may(Duty::Read, "s3:GetObject", key), "{key}");
            assert!(may(Duty::Prune, "s3:DeleteObject", key), "{key}");
            assert_eq!(may(Duty::Plan, "s3:GetObject", key), *key != data, "{key}");
            assert_eq!(may(Duty::Write, "s3:DeleteObject", key), [&lock, &journal].contains(&key), "{key}");
        }
        assert!([&lock, &journal, &index].iter().all(|key| may(Duty::Prune, "s3:PutObject", key)));
        assert!(![&manifest, &data].iter().any(|key| may(Duty::Prune, "s3:PutObject", key)));
    }

    #[test]
    fn keys_of_others_are_not_understood() {
        for key in [
            "",
            "readme.txt",
            "manifest/a/b.json",
            "manifest/a/b/latest.json",
            "manifest/a/b/c/d.json",
            "data/x",
            "lock/a",
        ] {
            assert_eq!(parse(key), None, "{key}");
        }
    }
}
