//! What planning needs to know of single copies and no listing says: whether one that is to go is locked, whether a cold
//! one that is to be copied is thawed. Asking costs a request each, so only what a plan would touch is asked for.

use super::{Deed, Live, LiveStorage, Scope, plan};
use crate::catalog::{Backup, LeftoverKind};
use crate::policy::Desired;
use crate::resource::Availability;
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// One copy of one backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CopyPlace {
    /// The storage.
    pub storage: String,
    /// The database entry.
    pub database: String,
    /// The tier.
    pub tier: String,
    /// The backup's id.
    pub id: String,
}

/// What to ask before a plan is made for good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Questions {
    /// Copies of which it matters whether they are locked.
    pub locked: BTreeSet<CopyPlace>,
    /// Copies in a cold class of which it matters whether they are thawed.
    pub thawed: BTreeSet<CopyPlace>,
    /// Leftovers of which it matters whether they are locked: the storage, and their first key.
    pub leftovers: BTreeSet<(String, String)>,
}

/// What a plan would touch if nothing were locked and nothing frozen.
pub fn questions(desired: &Desired, live: &Live, now: Timestamp) -> Questions {
    let mut questions = Questions::default();
    for action in plan(desired, &opened(live), now, &Scope::default()).actions {
        match action.deed {
            Deed::PruneBackup { database, tier, id, storage, .. } => {
                questions.locked.insert(CopyPlace { storage, database, tier, id });
            }
            Deed::CopyBackup { database, tier, id, to, replace, .. } => {
                if replace {
                    let (database, tier, id) = (database.clone(), tier.clone(), id.clone());
                    questions.locked.insert(CopyPlace { storage: to, database, tier, id });
                }
                questions.thawed.extend(cold_copies(live, &database, &tier, &id));
            }
            Deed::ClearLeftover { storage, keys, kind: LeftoverKind::Data, .. } => {
                questions.leftovers.extend(keys.into_iter().next().map(|key| (storage, key)));
            }
            _ => {}
        }
    }
    questions
}

/// The same world with nothing locked and nothing frozen; itself where that is so, for it may be large.
fn opened(live: &Live) -> Cow<'_, Live> {
    let is_open = |backup: &Backup| {
        backup.availability == Availability::Ready && backup.objects.iter().all(|object| object.lock.is_none())
    };
    if live.readable().all(|(_, read)| read.contents.backups.iter().all(is_open)) {
        return Cow::Borrowed(live);
    }
    let mut open = live.clone();
    for storage in open.storages.values_mut() {
        let LiveStorage::Read(read) = storage else { continue };
        for backup in &mut read.contents.backups {
            backup.availability = Availability::Ready;
            // Also what was locked at upload may have been unlocked, or locked for longer, since.
            backup.objects.iter_mut().for_each(|object| object.lock = None);
        }
    }
    Cow::Owned(open)
}

fn cold_copies(live: &Live, database: &str, tier: &str, id: &str) -> Vec<CopyPlace> {
    let mut copies = Vec::new();
    for (storage, read) in live.readable() {
        let is_it = |backup: &&Backup| backup.id.as_str() == id && backup.database == database && backup.tier == tier;
        let cold = read.contents.backups.iter().find(is_it).filter(|b| b.availability.cold_class().is_some());
        copies.extend(cold.map(|_| CopyPlace {
            storage: storage.to_owned(),
            database: database.to_owned(),
            tier: tier.to_owned(),
            id: id.to_owned(),
        }));
    }
    copies
}
