//! What a plan was made from, so that its standing can be judged later: the policy's digest and the facts of the world
//! that decided anything. Facts that move by themselves are not here.

use super::Live;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The facts behind a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    /// Every storage that could be read.
    pub storages: BTreeMap<String, StorageBasis>,
}

/// The facts of one storage.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct StorageBasis {
    /// Where it was, references resolved.
    pub location: String,
    /// Mode, owner and group of its folder; absent when it did not exist.
    pub folder: Option<String>,
    /// Id of its repository; absent when it was none.
    pub marker: Option<String>,
    /// Ids of the copies it held, by database and tier; a damaged one ends with `!`.
    pub backups: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Basis {
    /// The facts of a world.
    pub(super) fn of(live: &Live) -> Basis {
        let mut basis = Basis::default();
        for (name, read) in live.readable() {
            let mut storage = StorageBasis {
                location: read.location.clone(),
                folder: read.folder.as_ref().map(|f| format!("{:04o} {}:{}", f.mode, f.owner, f.group)),
                marker: read.marker.clone(),
                backups: BTreeMap::new(),
            };
            for backup in &read.contents.backups {
                let tiers = storage.backups.entry(backup.database.clone()).or_default();
                let mark = if backup.is_good() { "" } else { "!" };
                tiers.entry(backup.tier.clone()).or_default().push(format!("{}{mark}", backup.id));
            }
            basis.storages.insert(name.to_owned(), storage);
        }
        basis
    }
}
