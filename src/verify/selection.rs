//! Which backups are meant.

use crate::base::BackupId;
use crate::repository::layout::{Key, Place, parse};
use std::collections::BTreeSet;

/// Which backups are meant; everything that is not said means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only those of this database entry, or of the databases that an entry with `match` found.
    pub database: Option<String>,
    /// Only the backup with this id.
    pub id: Option<BackupId>,
    /// Only the backups with these ids.
    pub ids: Option<BTreeSet<BackupId>>,
}

impl Selection {
    /// Whether a backup is meant.
    pub fn holds(&self, place: &Place) -> bool {
        self.holds_database(&place.database)
            && self.id.as_ref().is_none_or(|id| *id == place.id)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&place.id))
    }

    /// Whether a small file is to be looked at for its own sake.
    pub(super) fn holds_file(&self, key: &str) -> bool {
        match parse(key) {
            Some(Key::Marker) => true,
            Some(Key::Removal(place)) => self.holds(&place),
            Some(Key::Manifest(place) | Key::Verified(place)) => self.holds(&place),
            Some(Key::Drills { database, .. } | Key::Index(database) | Key::Lock(database)) => {
                self.id.is_none() && self.ids.is_none() && self.holds_database(&database)
            }
            Some(Key::Journal(_) | Key::Alerts(_)) => *self == Selection::default(),
            Some(Key::Object { .. } | Key::Wal(_)) | None => false,
        }
    }

    fn holds_database(&self, database: &str) -> bool {
        self.database.as_ref().is_none_or(|wanted| {
            let rest = database.strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_means_its_databases_and_no_other_entry() {
        let selection = Selection { database: Some("app".to_owned()), ..Selection::default() };
        assert!(selection.holds_file("index/app.json") && selection.holds_file("index/app.tenant.json"));
        assert!(!selection.holds_file("index/apple.json") && !selection.holds_file("journal/r.json"));
        assert!(selection.holds_file("backstay.json") && Selection::default().holds_file("journal/r.json"));
        assert!(!Selection::default().holds_file("readme"));
    }
}
