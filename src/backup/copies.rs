//! The copies of one backup in the making: one a storage, each with its own fate.

use super::error::{CopyProblem, FailedCopy};
use super::placement::placed;
use crate::base::{BackupId, Sha256};
use crate::catalog::{Manifest, StoredObject};
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
    /// So many of these are noted on this machine: where the backup as a whole fails they stay, and the next one goes on
    /// from them.
    n_noted: usize,
}

/// All copies: those that take part, and those that failed.
pub(super) struct Copies<'a> {
    address: Address<'a>,
    active: Vec<Copy<'a>>,
    /// Copies that failed and have all that is noted: of use while no other copy comes further.
    stranded: Vec<Copy<'a>>,
    failed: Vec<FailedCopy>,
}

impl<'a> Copies<'a> {
    pub(super) fn new(address: Address<'a>) -> Copies<'a> {
        Copies { address, active: Vec::new(), stranded: Vec::new(), failed: Vec::new() }
    }

    /// Adds a storage, its lock where the caller holds one, and what its files get.
    pub(super) fn add(&mut self, repository: &'a Repository, lease: Option<&'a Lease>, placement: Placement) {
        let address = self.address;
        let (written, completed) = (Vec::new(), Vec::new());
        self.active.push(Copy { repository, lease, address, placement, written, completed, n_noted: 0 });
    }

    /// Goes on with what is stored of this backup in some storages: removes what is not among these files, which was
    /// written when the backup was interrupted. A storage that has not all of them is dropped.
    pub(super) async fn take_up(&mut self, files: &[StoredObject], storages: &[String]) {
        for mut copy in std::mem::take(&mut self.active) {
            if !storages.contains(&copy.repository.name) {
                self.give_up(copy, CopyProblem::LacksBeginning).await;
                continue;
            }
            copy.completed = files.iter().map(|file| file.name.clone()).collect();
            copy.n_noted = copy.completed.len();
            let cleared = copy.clear_others().await;
            self.settle(copy, cleared).await;
        }
    }

    /// Notes that what is complete is worth going on from.
    pub(super) async fn noted(&mut self) {
        for copy in &mut self.active {
            copy.n_noted = copy.completed.len();
        }
        for copy in std::mem::take(&mut self.stranded) {
            copy.remove(0).await;
        }
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

    /// Names of the storages that have the backup, and what became of the others. What is left of copies that failed is
    /// removed, if the backup is anywhere.
    pub(super) async fn into_result(mut self) -> (Vec<String>, Vec<FailedCopy>) {
        if !self.active.is_empty() {
            for copy in std::mem::take(&mut self.stranded) {
                copy.remove(0).await;
            }
        }
        self.abandon_stranded().await;
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

    /// Removes everything that was written, everywhere, but what the next backup can go on from. True when there is some.
    pub(super) async fn abandon(&mut self) -> bool {
        self.stranded.append(&mut self.active);
        let goes_on = self.stranded.iter().any(|copy| copy.n_noted > 0);
        self.abandon_stranded().await;
        goes_on
    }

    async fn abandon_stranded(&mut self) {
        for copy in std::mem::take(&mut self.stranded) {
            let n_noted = copy.n_noted;
            copy.remove(n_noted).await;
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
        if copy.n_noted > 0 {
            self.stranded.push(copy);
        } else {
            copy.remove(0).await;
        }
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

    /// Removes what is stored of the backup and is not among the files that are complete.
    async fn clear_others(&self) -> Result<(), RepositoryError> {
        let Address { tier, database, id } = self.address;
        let own = self.keys(0);
        let store = &self.repository.store;
        let listed = store.list(&layout::data_prefix(tier, database, id.as_str())).await?;
        let others: Vec<String> = listed.into_iter().map(|meta| meta.key).filter(|key| !own.contains(key)).collect();
        store.delete(&others).await?.into_iter().try_for_each(|(_, outcome)| outcome)?;
        Ok(())
    }

    /// Keys of the complete files and their digests, but of the first ones.
    fn keys(&self, kept: usize) -> Vec<String> {
        let Address { tier, database, id } = self.address;
        let names = self.completed.iter().skip(kept);
        let keys = names.flat_map(|name| {
            [layout::sidecar_key(tier, database, id, name), layout::object_key(tier, database, id, name)]
        });
        keys.collect()
    }

    /// Removes all files but the first ones. What cannot be removed now is named by the next plan.
    async fn remove(self, kept: usize) {
        let Address { tier, database, id } = self.address;
        let keys = self.keys(kept);
        for (_, _, upload) in self.written {
            let _ = upload.abort().await;
        }
        if keys.is_empty() {
            return;
        }
        let store = &self.repository.store;
        // A manifest that was written although an error was told must be the first to go.
        let gone = store.delete(&[layout::manifest_key(tier, database, id)]).await;
        if gone.is_ok_and(|outcomes| outcomes.iter().all(|(_, outcome)| outcome.is_ok())) {
            let _ = store.delete(&keys).await;
        }
    }
}
