//! What would be deleted and cannot be yet: object lock keeps it. It is planned once its date has come.

use crate::catalog::{Backup, Leftover};
use crate::resource::Protection;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A copy, or what a killed run left behind, that is locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Deferral {
    /// Address of the step that would delete it.
    pub address: String,
    /// The database entry; empty when unknown.
    pub database: String,
    /// The tier; empty when unknown.
    pub tier: String,
    /// The backup's id; empty when unknown.
    pub id: String,
    /// The storage.
    pub storage: String,
    /// From when on it can be deleted; absent when a hold has to be lifted first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Why it would be deleted. Explanation only.
    pub reason: String,
    /// Bytes that stay meanwhile.
    pub bytes: u64,
}

impl Deferral {
    /// The deferral of a copy of a backup at a storage, if it is locked at `now`.
    pub(super) fn of_backup(
        backup: &Backup,
        storage: &str,
        address: &str,
        reason: &str,
        now: Timestamp,
    ) -> Option<Deferral> {
        let until = locked(backup.protection(), now)?;
        Some(Deferral {
            address: address.to_owned(),
            database: backup.database.clone(),
            tier: backup.tier.clone(),
            id: backup.id.to_string(),
            storage: storage.to_owned(),
            until,
            reason: reason.to_owned(),
            bytes: backup.stored_bytes(),
        })
    }

    /// The deferral of what a killed run left at a storage, if it is locked at `now`.
    pub(super) fn of_leftover(
        leftover: &Leftover,
        storage: &str,
        address: &str,
        reason: &str,
        now: Timestamp,
    ) -> Option<Deferral> {
        let until = locked(leftover.protection, now)?;
        Some(Deferral {
            address: address.to_owned(),
            database: leftover.database.clone(),
            tier: leftover.tier.clone(),
            id: leftover.id.clone(),
            storage: storage.to_owned(),
            until,
            reason: reason.to_owned(),
            bytes: leftover.bytes,
        })
    }
}

/// `None`: not locked. The inner one is the date, where there is one.
fn locked(protection: Protection, now: Timestamp) -> Option<Option<Timestamp>> {
    protection.holds(now).then(|| protection.until())
}
