//! The copies of one backup in the making: one a storage, each with its own fate.

use super::error::{CopyProblem, FailedCopy};
use super::placement::placed;
use crate::base::{BackupId, Sha256};
use crate::catalog::Manifest;
use crate::repository::{Lease, Repository, RepositoryError, layout};
use crate::storage::Placement;
use crate::storage::{StorageError, Upload};
use futures_util::future::join_all;

/// Where a backup belongs in every storage.
#[derive(Clone, Copy)]
pub(super) struct Address<'a> {
    pub(super) tier: &'a str,
    pub(super) database: &'a str,
    pub(super) id: &'a BackupId,
}

/// One storage that still takes part.
pub(super) struct Copy<'a> {
    repository: &'a Repository,
    lease: Option<&'a Lease>,
    address: Address<'a>,
    placement: Placement,
    /// Files written to their end that nobody sees yet.
    written: Vec<(String, Sha256, Box<dyn Upload>)>,
    /// Files that can be seen, to be removed when the copy fails after all.
    completed: Vec<String>,
}

/// All copies: those that take part, and those that failed.
pub(super) struct Copies<'a> {
    address: Address<'a>,
    active: Vec<Copy<'a>>,
    failed: Vec<FailedCopy>,
}

impl<'a> Copies<'a> {
    pub(super) fn new(address: Address<'a>) -> Copies<'a> {
        Copies { address, active: Vec::new(), failed: Vec::new() }
    }

    /// Adds a storage, its lock where the caller holds one, and what its files get.
    pub(super) fn add(&mut self, repository: &'a Repository, lease: Option<&'a Lease>, placement: Placement) {
        let address = self.address;
        self.active.push(Copy { repository, lease, address, placement, written: Vec::new(), completed: Vec::new() });
    }

    /// Notes that a storage gets no copy.
    pub(super) fn fail(&mut self, storage: &str, why: CopyProblem) {
        self.failed.push(FailedCopy { storage: storage.to_owned(), why });
    }

    /// True when no storage takes part any more.
    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// The storages that take part.
    pub(super) fn repositories(&self) -> Vec<&'a Repository> {
        self.active.iter().map(|copy| copy.repository).collect()
    }

    /// Drops every storage that lacks one of these backups of the same tier and database.
    pub(super) async fn require(&mut self, ids: impl Iterator<Item = &BackupId> + Clone) {
        let Address { tier, database, .. } = self.address;
        for copy in std::mem::take(&mut self.active) {
            let mut problem = None;
            for id in ids.clone() {
                problem = match copy.repository.store.head(&layout::manifest_key(tier, database, id)).await {
                    Ok(Some(_)) => continue,
                    Ok(None) => Some(CopyProblem::Lacks(id.clone())),
                    Err(error) => Some(RepositoryError::from(error).into()),
                };
                break;
            }
            match problem {
                Some(problem) => self.give_up(copy, problem).await,
                None => self.active.push(copy),
            }
        }
    }

    /// Names of the storages that take part, and what became of the others.
    pub(super) fn into_result(self) -> (Vec<String>, Vec<FailedCopy>) {
        (self.active.iter().map(|copy| copy.repository.name.clone()).collect(), self.failed)
    }

    /// Begins a file in every storage, in their order; one that refuses is dropped.
    pub(super) async fn begin(&mut self, name: &str) -> Vec<Box<dyn Upload>> {
        let Address { tier, database, id } = self.address;
        let mut uploads = Vec::new();
        for copy in std::mem::take(&mut self.active) {
            match copy.repository.upload(tier, database, id, name, &copy.placement).await {
                Ok(upload) => {
                    uploads.push(upload);
                    self.active.push(copy);
                }
                Err(error) => self.give_up(copy, error.into()).await,
            }
        }
        uploads
    }

    /// Takes back the uploads that `begin` gave, in their order: written to the end, or failed and dropped.
    pub(super) async fn keep(
        &mut self,
        name: &str,
        digest: Sha256,
        uploads: Vec<Result<Box<dyn Upload>, StorageError>>,
    ) {
        for (mut copy, upload) in std::mem::take(&mut self.active).into_iter().zip(uploads) {
            match upload {
                Ok(upload) => {
                    copy.written.push((name.to_owned(), digest, upload));
                    self.active.push(copy);
                }
                Err(error) => self.give_up(copy, RepositoryError::from(error).into()).await,
            }
        }
    }

    /// Makes every written file visible, with its digest beside it, in all storages at once.
    pub(super) async fn complete(&mut self) {
        let all = std::mem::take(&mut self.active).into_iter().map(|mut copy| async move {
            let done = copy.complete().await;
            (copy, done)
        });
        for (copy, done) in join_all(all).await {
            self.settle(copy, done).await;
        }
    }

    /// Writes the manifest to every storage: from then on the backup exists there.
    pub(super) async fn publish(&mut self, manifest: &Manifest) {
        for copy in std::mem::take(&mut self.active) {
            let written = match copy.lease.map_or(Ok(()), Lease::check) {
                Ok(()) => {
                    let store = copy.repository.store.as_ref();
                    copy.repository.write_manifest(&placed(manifest, &copy.placement, store)).await
                }
                Err(lost) => Err(lost),
            };
            self.settle(copy, written).await;
        }
    }

    /// Drops every storage: all failed while a file was written, of which this was the first failure.
    pub(super) async fn fail_all(&mut self, first: &StorageError) {
        for copy in std::mem::take(&mut self.active) {
            self.give_up(copy, RepositoryError::from(first.clone()).into()).await;
        }
    }

    /// Removes everything that was written, everywhere.
    pub(super) async fn abandon(&mut self) {
        for copy in std::mem::take(&mut self.active) {
            copy.remove().await;
        }
    }

    async fn settle(&mut self, copy: Copy<'a>, outcome: Result<(), RepositoryError>) {
        match outcome {
            Ok(()) => self.active.push(copy),
            Err(error) => self.give_up(copy, error.into()).await,
        }
    }

    async fn give_up(&mut self, copy: Copy<'a>, why: CopyProblem) {
        self.fail(&copy.repository.name, why);
        copy.remove().await;
    }
}

impl Copy<'_> {
    async fn complete(&mut self) -> Result<(), RepositoryError> {
        let Address { tier, database, id } = self.address;
        for (name, digest, upload) in std::mem::take(&mut self.written) {
            // Also when completing fails: it may have become visible.
            self.completed.push(name.clone());
            upload.complete().await?;
            self.repository.write_sidecar(tier, database, id, &name, &digest).await?;
        }
        Ok(())
    }

    /// What cannot be removed now is named by the next plan.
    async fn remove(self) {
        let Address { tier, database, id } = self.address;
        for (_, _, upload) in self.written {
            let _ = upload.abort().await;
        }
        if self.completed.is_empty() {
            return;
        }
        let store = &self.repository.store;
        // A manifest that was written although an error was told must be the first to go.
        let gone = store.delete(&[layout::manifest_key(tier, database, id)]).await;
        if !gone.is_ok_and(|outcomes| outcomes.iter().all(|(_, outcome)| outcome.is_ok())) {
            return;
        }
        let keys = self.completed.iter().flat_map(|name| {
            [layout::sidecar_key(tier, database, id, name), layout::object_key(tier, database, id, name)]
        });
        let _ = store.delete(&keys.collect::<Vec<_>>()).await;
    }
}
