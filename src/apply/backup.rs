//! Taking a backup as a step of a plan.

use super::Hands;
use super::database::said;
use crate::backup::{BackupError, Order, Target, Tools, logical};
use crate::base::Size;
use crate::event::StepEnd;
use crate::repository::Lease;
use indexmap::IndexMap;
use jiff::Timestamp;

/// Takes a backup of a tier into these storages. `leases` are the locks held on the database.
pub(super) async fn take(
    database: &str,
    tier: &str,
    storages: &[String],
    leases: &IndexMap<String, Lease>,
    hands: &Hands<'_>,
) -> Result<StepEnd, String> {
    let repositories = hands.places.repositories();
    let tools = Tools {
        repositories: &repositories,
        leases,
        lookup: hands.lookup.as_ref(),
        observer: hands.observer.clone(),
        cancel: &hands.cancel,
        now: Timestamp::now,
    };
    let target = Target::find(hands.desired, database, Some(tier)).map_err(|e| said(&e))?;
    let storages = storages.iter().map(String::as_str).collect();
    let order = Order { desired: hands.desired, target, storages, run: &hands.run };
    match logical(&order, &tools).await {
        Ok(outcome) => {
            let sum =
                |bytes: fn(&crate::catalog::StoredObject) -> u64| outcome.manifest.objects.iter().map(bytes).sum();
            let (stored, plain) = (Size(sum(|o| o.stored_bytes)), Size(sum(|o| o.plain_bytes)));
            let done = format!("{} stored at {}, {stored} of {plain}", outcome.manifest.id, outcome.copies.join(", "));
            if outcome.failed.is_empty() {
                return Ok(StepEnd::Done(done));
            }
            let failed: Vec<String> = outcome.failed.iter().map(ToString::to_string).collect();
            Ok(StepEnd::Partly(format!("{done}; no copy at {}", failed.join("; "))))
        }
        Err(BackupError::Interrupted) => Ok(StepEnd::Skipped("interrupted".to_owned())),
        Err(error) => Err(said(&error)),
    }
}
