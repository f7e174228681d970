//! What the storages of every policy hold, for the verbs that look for a backup.

use super::context::Context;
use super::exit::Exit;
use super::policy_files::valid_policies;
use crate::catalog::{RestorePoint, restore_points};
use crate::observe::{Places, observe, open};
use crate::plan::{Live, LiveStorage};
use crate::policy::Desired;

/// A policy, its storages, and the backups in them.
pub struct PolicyCatalog {
    /// What the policy means.
    pub desired: Desired,
    /// Its storages, opened.
    pub places: Places,
    /// Every backup of all its storages, newest first within a database.
    pub points: Vec<RestorePoint>,
    /// Storages that could be read, in the policy's order.
    pub searched: Vec<String>,
    /// Storages that could not be read, and why.
    pub unreadable: Vec<(String, String)>,
}

/// Loads the policies and reads all their storages.
pub async fn read_catalogs(context: &Context) -> Result<Vec<PolicyCatalog>, Exit> {
    let mut catalogs = Vec::new();
    for desired in valid_policies(context)? {
        let places = open(&desired, context.lookup.as_ref());
        let live = observe(&desired, &places, context.lookup.as_ref()).await;
        catalogs.push(PolicyCatalog::of(desired, places, &live));
    }
    Ok(catalogs)
}

impl PolicyCatalog {
    fn of(desired: Desired, places: Places, live: &Live) -> PolicyCatalog {
        let points = restore_points(live.readable().map(|(name, storage)| (name, &storage.contents)));
        let searched = live.readable().map(|(name, _)| name.to_owned()).collect();
        let unreadable = live
            .storages
            .iter()
            .filter_map(|(name, storage)| match storage {
                LiveStorage::Unreadable(problem) => Some((name.clone(), problem.clone())),
                LiveStorage::Read(_) => None,
            })
            .collect();
        PolicyCatalog { desired, places, points, searched, unreadable }
    }

    /// True when the policy has the database, also as one of an entry with `match`.
    pub fn has_database(&self, name: &str) -> bool {
        self.desired.database(name).is_some()
    }

    /// Names of the databases that the policy or a storage knows, those of the policy first.
    pub fn databases(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let entries = self.desired.databases.iter().filter(|(_, spec)| spec.matching.is_none());
        for name in entries.map(|(name, _)| name).chain(self.points.iter().map(|point| &point.database)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names.sort_by_key(|name| !self.has_database(name));
        names
    }
}
