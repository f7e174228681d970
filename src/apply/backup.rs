//! Taking a backup as a step of a plan.

use super::Hands;
use super::database::Locks;
use super::said::said;
use crate::backup::{BackupError, Order, Target, Tools, take_backup};
use crate::base::{BackupId, Size, total};
use crate::event::StepEnd;
use jiff::Timestamp;

/// Takes a backup of a tier, which may refer to an earlier one, into those of these storages where the database is locked for this run.
pub(super) async fn take(
    database: &str,
    tier: &str,
    storages: &[String],
    earlier: Option<&BackupId>,
    locks: &Locks,
    hands: &Hands<'_>,
) -> Result<StepEnd, String> {
    let repositories = hands.places.repositories();
    let tools = Tools {
        repositories: &repositories,
        leases: &locks.leases,
        lookup: hands.lookup.as_ref(),
        state: hands.state.as_ref().map(|state| state.store.as_ref()),
        observer: hands.observer.clone(),
        cancel: &hands.cancel,
        now: Timestamp::now,
    };
    let target = Target::find(hands.desired, database, Some(tier)).map_err(|e| said(&e))?;
    let (storages, not_locked): (Vec<&str>, Vec<&str>) =
        storages.iter().map(String::as_str).partition(|storage| locks.leases.contains_key(*storage));
    let not_locked =
        not_locked.iter().filter_map(|storage| Some(format!("{storage}: {}", locks.failed.get(*storage)?)));
    let mut failed: Vec<String> = not_locked.collect();
    if storages.is_empty() {
        return Err(failed.join("; "));
    }
    let order = Order { desired: hands.desired, target, storages, earlier, run: &hands.run };
    match take_backup(&order, &tools).await {
        Ok(outcome) => {
            let sum =
                |bytes: fn(&crate::catalog::StoredObject) -> u64| total(outcome.manifest.objects.iter().map(bytes));
            let (stored, plain) = (Size(sum(|o| o.stored_bytes)), Size(sum(|o| o.plain_bytes)));
            let done = format!("{} stored at {}, {stored} of {plain}", outcome.manifest.id, outcome.copies.join(", "));
            failed.extend(outcome.failed.iter().map(ToString::to_string));
            if failed.is_empty() {
                return Ok(StepEnd::Done(done));
            }
            Ok(StepEnd::Partly(format!("{done}; no copy at {}", failed.join("; "))))
        }
        Err(BackupError::Interrupted) => Ok(StepEnd::Skipped("interrupted".to_owned())),
        Err(error) => Err(said(&error)),
    }
}
