//! What the storages of every policy hold, for the verbs that look for a backup.

use super::context::Context;
use super::exit::Exit;
use super::policy_files::valid_policies;
use crate::catalog::{RestorePoint, restore_points};
use crate::diag::nearest;
use crate::observe::{Places, observe};
use crate::plan::{Live, LiveStorage};
use crate::policy::Desired;
use crate::repository::layout::{self, Key};
use crate::repository::{Repository, RepositoryError};
use crate::resource::Availability;
use futures_util::stream::{self, StreamExt};
use indexmap::IndexMap;

/// A policy, its storages, and the backups in them.
pub struct PolicyCatalog {
    /// What the policy means.
    pub desired: Desired,
    /// Its storages, opened.
    pub places: Places,
    /// Everything that was seen.
    pub live: Live,
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
        context.diary.open(&desired, &context.run);
        let places = context.places(&desired);
        let live = observe(&desired, &places, context.lookup.as_ref()).await;
        catalogs.push(PolicyCatalog::of(desired, places, live));
    }
    Ok(catalogs)
}

/// Questions under way at once.
const ASKED: usize = 32;

/// Asks of the wanted backups' copies in a cold class whether they are thawed, and notes the answers. One request a file
/// of such a copy; none for the others. What cannot be asked counts as not thawed.
pub async fn ask_thaws(
    points: &mut [RestorePoint],
    is_wanted: impl Fn(&RestorePoint) -> bool,
    repositories: &IndexMap<String, Repository>,
) {
    let mut answers: Vec<(usize, usize, Availability)> = Vec::new();
    {
        let wanted = points.iter().enumerate().filter(|(_, point)| is_wanted(point));
        let all = wanted.flat_map(|(p, point)| point.copies.iter().enumerate().map(move |(c, copy)| (p, c, copy)));
        let cold = all.filter(|(_, _, copy)| copy.backup.availability.cold_class().is_some());
        let asked = stream::iter(cold).map(|(p, c, copy)| async move {
            let repository = repositories.get(&copy.storage)?;
            Some((p, c, repository.readable(&copy.backup).await.ok()?))
        });
        let mut answered = asked.buffer_unordered(ASKED);
        while let Some(answer) = answered.next().await {
            answers.extend(answer);
        }
    }
    for (p, c, availability) in answers {
        points[p].copies[c].backup.availability = availability;
    }
}

impl PolicyCatalog {
    fn of(desired: Desired, places: Places, live: Live) -> PolicyCatalog {
        let points = restore_points(live.readable().map(|(name, storage)| (name, &storage.contents)));
        let searched: Vec<String> = live.readable().map(|(name, _)| name.to_owned()).collect();
        let unreadable: Vec<(String, String)> = live
            .storages
            .iter()
            .filter_map(|(name, storage)| match storage {
                LiveStorage::Unreadable(problem) => Some((name.clone(), problem.clone())),
                LiveStorage::Read(_) => None,
            })
            .collect();
        PolicyCatalog { desired, places, live, points, searched, unreadable }
    }

    /// Why a backup of this id is in no list: its manifest is there and cannot be read.
    pub fn unread(&self, id: &str) -> Option<RepositoryError> {
        let is_its = |key: &str| matches!(layout::parse(key), Some(Key::Manifest(place)) if place.id.as_str() == id);
        self.live.readable().find_map(|(storage, read)| {
            let broken = read.contents.broken.iter().find(|broken| is_its(&broken.key))?;
            let location = self.places.place(storage).ok()?.repository.store.location();
            Some(RepositoryError::Broken { location, key: broken.key.clone(), problem: broken.problem.clone() })
        })
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

/// True when a database of the catalog is the one typed, or one that the typed entry with `match` found; nothing typed
/// means all.
pub(super) fn is_meant(desired: &Desired, typed: Option<&str>, name: &str) -> bool {
    typed.is_none_or(|typed| typed == name || desired.database(name).is_some_and(|found| found.entry == typed))
}

/// Tells that the policy has no such storage.
pub(super) fn unknown_storage<'a>(context: &Context, wanted: &str, known: impl Iterator<Item = &'a String>) -> Exit {
    let hint = nearest(wanted, known.map(String::as_str)).map(|near| format!("Did you mean `{near}`?"));
    context.complain(format_args!("there is no storage `{wanted}` in the policy"), hint.as_deref());
    Exit::Failed
}
