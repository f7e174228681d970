//! What a plan does to recoverability: restore points gained and lost, the oldest restorable moment before and after,
//! bytes freed.

use super::backups::Slot;
use super::{Action, Deed};
use crate::base::{BackupId, total};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What happens to the restore points of one tier of one database. A restore point is a backup with a good copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// The database entry.
    pub database: String,
    /// The tier.
    pub tier: String,
    /// Restore points now.
    pub points_before: u64,
    /// Restore points afterwards.
    pub points_after: u64,
    /// Backups that become restorable.
    pub gained: u64,
    /// Ids of backups that stop being restorable anywhere, oldest first.
    pub lost: Vec<String>,
    /// The oldest moment that can be restored now.
    #[schemars(with = "Option<String>")]
    pub oldest_before: Option<Timestamp>,
    /// The oldest moment that can be restored afterwards.
    #[schemars(with = "Option<String>")]
    pub oldest_after: Option<Timestamp>,
    /// Bytes freed in all storages.
    pub bytes_freed: u64,
    /// Bytes written to all storages, estimated from the last backup.
    pub bytes_added: u64,
}

/// The effect of the actions on one tier; `None` when nothing changes.
pub(super) fn effect(slot: &Slot<'_>, actions: &[Action], now: Timestamp) -> Option<Effect> {
    let (name, tier) = (slot.subject.name.as_str(), slot.tier);
    let mut copies: BTreeSet<(&str, &BackupId)> = BTreeSet::new();
    for (storage, backups) in &slot.copies {
        copies.extend(backups.iter().filter(|backup| backup.is_good()).map(|backup| (*storage, &backup.id)));
    }
    let points =
        |copies: &BTreeSet<(&str, &BackupId)>| copies.iter().map(|(_, id)| (*id).clone()).collect::<BTreeSet<_>>();
    let before = points(&copies);
    let (mut bytes_freed, mut bytes_added, mut n_actions, mut takes_backup) = (0, 0, 0, false);
    for action in actions {
        let bytes = action.bytes.unwrap_or(0);
        match &action.deed {
            Deed::PruneBackup { database, tier: t, id, storage, .. } if database == name && t == tier => {
                copies.retain(|(s, i)| !(s == storage && i.as_str() == id));
                bytes_freed = total([bytes_freed, bytes]);
            }
            Deed::CopyBackup { database, tier: t, .. } if database == name && t == tier => {
                bytes_added = total([bytes_added, bytes]);
            }
            Deed::TakeBackup { database, tier: t, storages, .. } if database == name && t == tier => {
                takes_backup = true;
                bytes_added = total([bytes_added, bytes.saturating_mul(storages.len() as u64)]);
            }
            _ => continue,
        }
        n_actions += 1;
    }
    let mut after = points(&copies);
    if takes_backup {
        after.insert(BackupId::new(now, u32::MAX));
    }
    (n_actions > 0).then(|| Effect {
        database: name.to_owned(),
        tier: tier.to_owned(),
        points_before: before.len() as u64,
        points_after: after.len() as u64,
        gained: after.difference(&before).count() as u64,
        lost: before.difference(&after).map(ToString::to_string).collect(),
        oldest_before: before.first().map(BackupId::started),
        oldest_after: after.first().map(BackupId::started),
        bytes_freed,
        bytes_added,
    })
}
