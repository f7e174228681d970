//! From listings to what they mean: which manifests there are, which files lie in which folder. Pure.

use super::index::{Index, IndexEntry};
use super::layout::{Key, Place, data_prefix, parse};
use crate::base::encode_component;
use crate::catalog::Backup;
use crate::storage::{Availability, ObjectMeta};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// A manifest that the store lists, and the record of verification beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) place: Place,
    pub(super) manifest: ObjectMeta,
    pub(super) verified: Option<ObjectMeta>,
}

/// Manifests by database, records that stand alone, and files of drills.
#[derive(Default)]
pub(super) struct Manifests {
    pub(super) by_database: BTreeMap<String, Vec<Listed>>,
    pub(super) lone_records: Vec<(Place, ObjectMeta)>,
    pub(super) drills: Vec<ObjectMeta>,
}

/// Sorts out a listing of the folder of manifests. Keys of others are not looked at.
pub(super) fn manifests(listing: Vec<ObjectMeta>) -> Manifests {
    let Manifests { mut by_database, mut lone_records, mut drills } = Manifests::default();
    for meta in listing {
        match parse(&meta.key) {
            Some(Key::Manifest(place)) => {
                let listed = Listed { place, manifest: meta, verified: None };
                match by_database.get_mut(&listed.place.database) {
                    Some(all) => all.push(listed),
                    None => drop(by_database.insert(listed.place.database.clone(), vec![listed])),
                }
            }
            // A listing is sorted, so the manifest of the same backup stands right before its record.
            Some(Key::Verified(place)) => {
                let last = by_database.get_mut(&place.database).and_then(|all| all.last_mut());
                match last.filter(|last| last.place == place) {
                    Some(listed) => listed.verified = Some(meta),
                    None => lone_records.push((place, meta)),
                }
            }
            Some(Key::Drills { .. }) => drills.push(meta),
            _ => {}
        }
    }
    Manifests { by_database, lone_records, drills }
}

/// A backup whose manifest or record of verification has to be read.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    pub(super) listed: Listed,
    /// What the index says, when it holds for the manifest.
    pub(super) backup: Option<Backup>,
}

/// One backup, and what it was read from.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) backup: Backup,
    pub(super) manifest_etag: String,
    pub(super) verified_etag: Option<String>,
}

/// What an index says of the manifests of its database, the rest to be read, and whether the index is stale.
pub(super) fn match_index(listed: Vec<Listed>, index: Option<Index>) -> (Vec<Entry>, Vec<Unread>, bool) {
    let mut indexed: HashMap<(String, String), IndexEntry> = HashMap::new();
    for entry in index.into_iter().flat_map(|index| index.entries) {
        indexed.insert((entry.backup.id.to_string(), entry.backup.tier.clone()), entry);
    }
    let (mut entries, mut unread) = (Vec::with_capacity(listed.len()), Vec::new());
    for listed in listed {
        let known = indexed.remove(&(listed.place.id.to_string(), listed.place.tier.clone()));
        let known = known.filter(|known| {
            known.manifest == listed.manifest.identity() && known.backup.database == listed.place.database
        });
        match known {
            Some(known) if known.verified == listed.verified.as_ref().map(ObjectMeta::identity) => {
                entries.push(Entry {
                    backup: known.backup,
                    manifest_etag: known.manifest,
                    verified_etag: known.verified,
                });
            }
            known => unread.push(Unread { listed, backup: known.map(|known| known.backup) }),
        }
    }
    let is_stale = !unread.is_empty() || !indexed.is_empty();
    (entries, unread, is_stale)
}

/// The files of all backups, by folder.
pub(super) struct Files {
    listing: Vec<ObjectMeta>,
    folders: HashMap<String, Range<usize>>,
    adopted: HashMap<String, ObjectMeta>,
}

impl Files {
    /// Sorts out a listing of the folder of data; files outside of it that were adopted come by key.
    pub(super) fn of(listing: Vec<ObjectMeta>, adopted: HashMap<String, ObjectMeta>) -> Files {
        let mut folders: HashMap<String, Range<usize>> = HashMap::new();
        let mut start = 0;
        for chunk in listing.chunk_by(|a, b| folder(&a.key) == folder(&b.key)) {
            let range = start..start + chunk.len();
            start = range.end;
            // Sorted by key, files of one folder may stand apart only around a folder inside it, which is not ours.
            folders.entry(folder(&chunk[0].key).to_owned()).or_insert(range);
        }
        Files { listing, folders, adopted }
    }

    /// The files in one folder; its name ends with a slash.
    pub(super) fn in_folder(&self, folder: &str) -> &[ObjectMeta] {
        self.folders.get(folder).and_then(|range| self.listing.get(range.clone())).unwrap_or_default()
    }

    /// All folders with their files.
    pub(super) fn folders(&self) -> impl Iterator<Item = (&str, &[ObjectMeta])> {
        self.folders.keys().map(|folder| (folder.as_str(), self.in_folder(folder)))
    }

    /// Notes in a backup what the listing says of its files.
    pub(super) fn describe(&self, backup: &mut Backup) {
        let prefix = data_prefix(&backup.tier, &backup.database, backup.id.as_str());
        describe(backup, &prefix, self.in_folder(&prefix), &self.adopted);
    }
}

/// The same for the files of the backup's folder `prefix`: what is missing or of another size, and in which class each
/// file lies.
pub(super) fn describe(backup: &mut Backup, prefix: &str, files: &[ObjectMeta], adopted: &HashMap<String, ObjectMeta>) {
    backup.missing.clear();
    backup.availability = Availability::Ready;
    for object in &mut backup.objects {
        let name = encode_component(&object.name);
        let found = match &object.key {
            Some(key) => adopted.get(key),
            None => files.iter().find(|meta| meta.key.strip_prefix(prefix) == Some(&name)),
        };
        let Some(meta) = found else {
            backup.missing.push(format!("`{}` is missing", object.name));
            continue;
        };
        if meta.size != object.stored_bytes {
            let problem = format!("`{}` has {} bytes instead of {}", object.name, meta.size, object.stored_bytes);
            backup.missing.push(problem);
        }
        object.class = meta.class;
        backup.availability = backup.availability.and(Availability::of_class(meta.class));
    }
}

fn folder(key: &str) -> &str {
    key.rfind('/').map_or("", |end| &key[..=end])
}
