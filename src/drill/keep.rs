//! The record goes to every storage that holds the backup.

use crate::catalog::{Choice, DrillRecord};
use crate::repository::{Repository, RepositoryError};
use indexmap::IndexMap;

/// Storages that did not take the record.
#[derive(Debug)]
pub struct Unkept {
    /// Each with the reason.
    pub failed: Vec<(String, RepositoryError)>,
    /// True when no other storage took it.
    pub is_lost: bool,
}

/// Keeps the record of a drill. May be repeated. `None`: every storage that holds the backup has it.
pub async fn keep(
    record: &DrillRecord,
    choice: &Choice<'_>,
    repositories: &IndexMap<String, Repository>,
) -> Option<Unkept> {
    let mut failed = Vec::new();
    let mut is_lost = true;
    for copy in &choice.point.copies {
        let Some(repository) = repositories.get(&copy.storage) else { continue };
        match repository.write_drill(record).await {
            Ok(()) => is_lost = false,
            Err(error) => failed.push((copy.storage.clone(), error)),
        }
    }
    (is_lost || !failed.is_empty()).then_some(Unkept { failed, is_lost })
}
