//! What incremental backups refer to, in the same repository.

use super::layout::{Key, manifest_prefix, parse};
use super::{Repository, RepositoryError};
use crate::base::BackupId;
use crate::catalog::{Backup, Method, Reference};
use crate::storage::StorageError;
use std::collections::HashMap;

type Place<'a> = (&'a str, &'a str, &'a BackupId);

impl Repository {
    /// Fails when another backup refers to this one (`Referred`). What cannot be read refers to nothing that anybody
    /// could restore.
    pub async fn check_unreferred(&self, tier: &str, database: &str, id: &BackupId) -> Result<(), RepositoryError> {
        match self.manifest(tier, database, id).await {
            Ok(manifest) if manifest.method == Method::Physical => {}
            Ok(_) | Err(RepositoryError::Storage(StorageError::NotFound { .. })) => return Ok(()),
            // It may be needed whatever its manifest looks like.
            Err(RepositoryError::Broken { .. }) => {}
            Err(error) => return Err(error),
        }
        for meta in self.store.list(&manifest_prefix(tier, database)).await? {
            let Some(Key::Manifest(place)) = parse(&meta.key) else { continue };
            if place.id == *id {
                continue;
            }
            let manifest = match self.manifest(tier, database, &place.id).await {
                Ok(manifest) => manifest,
                Err(RepositoryError::Broken { .. } | RepositoryError::Storage(StorageError::NotFound { .. })) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            let references = manifest.cluster.as_ref().map(|cluster| cluster.references()).unwrap_or_default();
            if references.iter().any(|reference| reference.backup == *id) {
                return Err(RepositoryError::Referred {
                    location: self.store.location(),
                    id: id.clone(),
                    by: place.id,
                });
            }
        }
        Ok(())
    }
}

/// Notes in every backup what is wrong with the packs of others that it needs, as far as that is known without reading.
pub(super) fn describe(backups: &mut [Backup]) {
    if backups.iter().all(|backup| backup.references().is_empty()) {
        return;
    }
    let by_place: HashMap<Place<'_>, &Backup> =
        backups.iter().map(|backup| ((backup.database.as_str(), backup.tier.as_str(), &backup.id), backup)).collect();
    let found: Vec<Vec<String>> = backups
        .iter()
        .map(|backup| {
            let problems = |reference: &Reference| {
                let place = (backup.database.as_str(), backup.tier.as_str(), &reference.backup);
                match by_place.get(&place) {
                    Some(other) => wrong(other, &reference.packs),
                    None => vec![format!("{}, to which it refers, is missing", reference.backup)],
                }
            };
            backup.references().iter().flat_map(problems).collect()
        })
        .collect();
    for (backup, lacking) in backups.iter_mut().zip(found) {
        backup.lacking = lacking;
    }
}

/// What is wrong with some packs of a backup.
fn wrong(backup: &Backup, packs: &[String]) -> Vec<String> {
    let problem = |pack: &String| {
        if !backup.objects.iter().any(|object| object.name == *pack) {
            return Some(format!("it has no `{pack}`"));
        }
        let missing = backup.missing.iter().find(|problem| problem.starts_with(&format!("`{pack}`"))).cloned();
        missing.or_else(|| {
            let problems = &backup.verified.as_ref()?.problems;
            let of_pack = problems.iter().find(|problem| problem.key.rsplit('/').next() == Some(pack))?;
            Some(format!("`{pack}` {}", of_pack.problem))
        })
    };
    let problems = packs.iter().filter_map(problem);
    problems.map(|problem| format!("of {}, to which it refers: {problem}", backup.id)).collect()
}
