//! A whole repository.

use super::Selection;
use super::copy::{Seen, Verified, verify_copy};
use crate::base::total;
use crate::catalog::{Backup, CopyInspection, CopyVerdict, FileProblem, Inspection, VerifyLevel};
use crate::codec::Keys;
use crate::event::Observer;
use crate::repository::layout::{Key, Place, marker_key, object_key, parse, sidecar_key};
use crate::repository::{Repository, RepositoryError};
use crate::stream::StreamError;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a verification works with.
#[derive(Clone)]
pub struct Means {
    /// What can decrypt; only a deep verification needs it.
    pub keys: Keys,
    /// Who is told how far it is.
    pub observer: Arc<dyn Observer>,
    /// Cancelled to stop.
    pub stop: CancellationToken,
}

/// Looks at every file of the selected backups, and for a deep verification at every small file of the repository.
/// Takes no lock: what is removed meanwhile is not looked at. Fails only when interrupted.
pub async fn verify(
    repository: &Repository,
    selection: &Selection,
    level: VerifyLevel,
    means: &Means,
) -> Result<Inspection, StreamError> {
    let mut round = Round { repository, selection, level, means, found: Inspection::empty(level), seen: Seen::new() };
    if let Err(error) = round.run().await? {
        round.found.unreadable.push((repository.name.clone(), error.to_string()));
    }
    Ok(round.found)
}

struct Round<'a> {
    repository: &'a Repository,
    selection: &'a Selection,
    level: VerifyLevel,
    means: &'a Means,
    found: Inspection,
    seen: Seen,
}

impl Round<'_> {
    /// The outer error ends everything, the inner one this repository.
    async fn run(&mut self) -> Result<Result<(), RepositoryError>, StreamError> {
        // A newer format is not damage, and nothing in it can be judged.
        if let Err(error @ RepositoryError::Newer { .. }) = self.repository.marker().await {
            return Ok(Err(error));
        }
        let contents = match self.repository.read().await {
            Ok(contents) => contents,
            Err(error) => return Ok(Err(error)),
        };
        if let Err(error) = self.small_files(!contents.backups.is_empty()).await {
            return Ok(Err(error));
        }
        let stale = self.damaged_indexes();
        for backup in &contents.backups {
            let place = Place { database: backup.database.clone(), tier: backup.tier.clone(), id: backup.id.clone() };
            if !self.selection.holds(&place) {
                continue;
            }
            let verified = verify_copy(self.repository, &place, self.level, self.means, &mut self.seen).await?;
            let Some(Verified { verdict, unkept }) = verified else { continue };
            self.unkept(unkept);
            if !matches!(verdict, CopyVerdict::Cold(_)) {
                self.found.n_files += backup.objects.len() as u64;
                self.found.bytes = total([self.found.bytes, backup.stored_bytes()]);
            }
            if let Err(error) = self.sidecars(backup).await {
                return Ok(Err(error));
            }
            self.found.copies.push(CopyInspection {
                storage: self.repository.name.clone(),
                database: place.database,
                tier: place.tier,
                id: place.id,
                bytes: backup.stored_bytes(),
                verdict,
            });
        }
        let stale: Vec<String> = stale.into_iter().collect();
        if !stale.is_empty() {
            let written = self.repository.write_indexes(&stale).await;
            self.unkept(written.err().map(|error| error.to_string()));
        }
        Ok(Ok(()))
    }

    /// A store that may only be read gives the same reason for everything: one is enough.
    fn unkept(&mut self, problem: Option<String>) {
        if let (Some(problem), true) = (problem, self.found.unkept.is_empty()) {
            self.found.unkept.push((self.repository.name.clone(), problem));
        }
    }

    /// The seals of small files. A quick verification looks only at those that backups depend on.
    async fn small_files(&mut self, has_backups: bool) -> Result<(), RepositoryError> {
        for key in self.repository.small_files().await? {
            let is_needed = matches!(parse(&key), Some(Key::Marker | Key::Manifest(_) | Key::Verified(_)));
            if !self.selection.holds_file(&key) || !(is_needed || self.level == VerifyLevel::Deep) {
                continue;
            }
            match self.repository.inspect(&key).await? {
                Some((bytes, problem)) => {
                    self.found.n_files += 1;
                    self.found.bytes += bytes;
                    if let Some(problem) = problem {
                        let remedy = remedy(&key);
                        self.report(key, format!("{problem}{remedy}"));
                    }
                }
                None if key == marker_key() && has_backups => self.report(key, "it is missing".to_owned()),
                None => {}
            }
        }
        Ok(())
    }

    /// The digest files beside a backup's files. What they must hold is known, so a wrong one is written again.
    async fn sidecars(&mut self, backup: &Backup) -> Result<(), RepositoryError> {
        let (tier, database, id) = (&backup.tier, &backup.database, &backup.id);
        // An adopted file has a digest of ours in its manifest only; what lies beside it is not ours to mend.
        for object in backup.objects.iter().filter(|object| object.key.is_none()) {
            let found =
                self.repository.sidecar_problem(tier, database, id, &object.name, &object.stored_sha256).await?;
            self.found.n_files += 1;
            let Some(problem) = found else { continue };
            let object_exists = self.repository.store.head(&object_key(tier, database, id, &object.name)).await?;
            if object_exists.is_none() {
                continue;
            }
            let written = self.repository.write_sidecar(tier, database, id, &object.name, &object.stored_sha256).await;
            let key = sidecar_key(tier, database, id, &object.name);
            match written {
                Ok(()) => self.report(key, format!("{problem}; it was written again")),
                Err(error) => {
                    self.report(key, problem);
                    self.unkept(Some(error.to_string()));
                }
            }
        }
        Ok(())
    }

    fn damaged_indexes(&self) -> BTreeSet<String> {
        let database = |file: &FileProblem| match parse(&file.key) {
            Some(Key::Index(database)) => Some(database),
            _ => None,
        };
        self.found.files.iter().filter_map(database).collect()
    }

    fn report(&mut self, key: String, problem: String) {
        self.found.files.push(FileProblem { storage: self.repository.name.clone(), key, problem });
    }
}

/// What happens to a damaged small file.
fn remedy(key: &str) -> &'static str {
    match parse(key) {
        Some(Key::Verified(_)) => "; the record of this verification takes its place",
        Some(Key::Index(_)) => "; it was written again",
        Some(Key::Drills { .. }) => "; the record of the next drill takes its place",
        _ => "",
    }
}
