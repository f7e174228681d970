//! The whole picture of one policy, put together.

use super::database::{self, DatabaseStanding};
use super::storage::{self, StorageStanding};
use crate::plan::{Live, Slot, Subject, slots, subjects};
use crate::policy::Desired;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How recoverability of the databases of one policy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The policy's name.
    pub policy: String,
    /// The policy file as typed.
    pub file: String,
    /// The moment that all of it is about.
    pub at: Timestamp,
    /// Every database of the policy, in its order.
    pub databases: Vec<DatabaseStanding>,
    /// Every storage of the policy that this version acts on, in its order.
    pub storages: Vec<StorageStanding>,
    /// Entries with `match` whose server could not be asked for its databases, and why. Their databases are those that
    /// have backups.
    pub unlisted: Vec<(String, String)>,
}

/// How things stand at `now`. Total and deterministic: equal inputs give equal pictures.
pub fn standing(desired: &Desired, live: &Live, now: Timestamp) -> Standing {
    let mut subjects = subjects(desired, live);
    subjects.extend(unlisted_subjects(desired, live));
    let slots = slots(desired, live, &subjects, now);
    let mut by_subject: BTreeMap<&str, Vec<&Slot<'_>>> = BTreeMap::new();
    for slot in &slots {
        by_subject.entry(&slot.subject.name).or_default().push(slot);
    }
    let databases = subjects.iter().map(|subject| {
        let own = by_subject.get(subject.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        database::database(desired, live, subject, own, now)
    });
    let problem = |entry: &String| live.matched.get(entry)?.as_ref().err();
    Standing {
        policy: desired.name.clone(),
        file: desired.file.clone(),
        at: now,
        databases: databases.collect(),
        storages: storage::storages(desired, live),
        unlisted: desired.databases.keys().filter_map(|entry| Some((entry.clone(), problem(entry)?.clone()))).collect(),
    }
}

/// The databases of entries with `match` whose server could not be asked, as far as backups of them exist.
fn unlisted_subjects<'a>(desired: &'a Desired, live: &Live) -> Vec<Subject<'a>> {
    let is_unlisted = |entry: &str| matches!(live.matched.get(entry), Some(Err(_)));
    let backups = live.readable().flat_map(|(_, read)| &read.contents.backups);
    let names: BTreeSet<&str> =
        backups.filter(|backup| backup.policy == desired.name).map(|backup| backup.database.as_str()).collect();
    let of_entry = |name: &str| {
        let found = desired.database(name)?;
        let server_database = found.server_database?.to_owned();
        let (entry, spec) = desired.databases.get_key_value(found.entry)?;
        let subject = Subject { name: name.to_owned(), entry, spec, server_database: Some(server_database) };
        is_unlisted(entry).then_some(subject)
    };
    names.into_iter().filter_map(of_entry).collect()
}
