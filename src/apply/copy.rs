//! Bringing a copy of a backup from one repository to another: the bytes as they are stored, checked on the way.

use crate::backup::{CopyProblem, check_space, placed, placement};
use crate::base::{BackupId, Sha256Hasher, Share, Size, total};
use crate::catalog::StoredObject;
use crate::event::{Event, Observer};
use crate::policy::CopySpec;
use crate::repository::{Repository, RepositoryError, layout};
use crate::storage::{StorageError, Upload};
use bytes::BytesMut;
use jiff::Timestamp;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

/// A copy could not be brought.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// A repository refused or failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// It does not fit where it should go.
    #[error(transparent)]
    Space(#[from] CopyProblem),
    /// Reading the source broke off.
    #[error("reading `{name}` from {from}: {problem}")]
    Read {
        /// The file.
        name: String,
        /// The storage it is read from.
        from: String,
        /// What was said.
        problem: String,
    },
    /// The source is damaged.
    #[error("`{name}` at {from} is damaged: {problem}; `backstay verify --deep` tells more")]
    Damaged {
        /// The file.
        name: String,
        /// The storage it is read from.
        from: String,
        /// What is wrong.
        problem: String,
    },
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl From<StorageError> for CopyError {
    fn from(error: StorageError) -> CopyError {
        CopyError::Repository(error.into())
    }
}

/// What is copied, from where to where.
pub(super) struct Transfer<'a> {
    pub database: &'a str,
    pub tier: &'a str,
    pub id: &'a BackupId,
    pub from: &'a Repository,
    pub to: &'a Repository,
    /// What the policy says of the copy, if it has one there.
    pub spec: Option<&'a CopySpec>,
    /// What must stay free there.
    pub min_free: Option<Share>,
}

/// Large enough that a system call costs nothing beside its bytes.
const BLOCK: usize = 1 << 20;

impl Transfer<'_> {
    /// Copies every file, then the manifest. `replace`: a damaged copy is removed before. Returns bytes copied, `None`
    /// when the copy was there already.
    pub(super) async fn run(
        &self,
        replace: bool,
        observer: &dyn Observer,
        cancel: &CancellationToken,
    ) -> Result<Option<u64>, CopyError> {
        let manifest = self.from.manifest(self.tier, self.database, self.id).await?;
        let mut is_adopted = false;
        match self.to.manifest(self.tier, self.database, self.id).await {
            Ok(_) if !replace => return Ok(None),
            Ok(found) => is_adopted = found.objects.iter().any(|object| object.key.is_some()),
            // A manifest that is damaged is no copy, and stands in the way of one.
            Err(RepositoryError::Broken { .. } | RepositoryError::Storage(StorageError::NotFound { .. })) => {}
            Err(error) => return Err(error.into()),
        }
        let total = total(manifest.objects.iter().map(|object| object.stored_bytes));
        check_space(self.to, Size(total), self.min_free).await?;
        // The damaged copy, or files of a run that died while it copied. They may be better than the source, so they
        // go only when that is known to be good.
        let folder = layout::data_prefix(self.tier, self.database, self.id.as_str());
        if is_adopted || !self.to.store.list(&folder).await?.is_empty() {
            for object in &manifest.objects {
                self.read(object, None, cancel, |_| ()).await?;
            }
        }
        self.to.remove_backup(self.tier, self.database, self.id, None).await?;
        let task = format!("copy {} {}", self.database, self.id);
        let mut done = 0;
        let placement = placement(self.spec, Timestamp::now(), None);
        for object in &manifest.objects {
            let progress = |bytes: u64| {
                done += bytes;
                observer.on(&Event::Progress { task: task.clone(), done, total: Some(total) });
            };
            let upload = self.to.upload_known(self.tier, self.database, self.id, object, &placement).await?;
            let copied = self.read(object, Some(upload), cancel, progress).await;
            if copied.is_err() {
                observer.on(&Event::ProgressEnded { task: task.clone() });
            }
            copied?;
            self.to.write_sidecar(self.tier, self.database, self.id, &object.name, &object.stored_sha256).await?;
        }
        observer.on(&Event::ProgressEnded { task });
        for reference in manifest.cluster.iter().flat_map(|cluster| cluster.references()) {
            let key = layout::manifest_key(self.tier, self.database, &reference.backup);
            if self.to.store.head(&key).await?.is_none() {
                return Err(CopyProblem::Lacks(reference.backup.clone()).into());
            }
        }
        self.to.write_manifest(&placed(&manifest, &placement, self.to.store.as_ref())).await?;
        Ok(Some(total))
    }

    /// Reads a file of the source, compares it with its digest, and completes the upload it goes to.
    async fn read(
        &self,
        object: &StoredObject,
        mut upload: Option<Box<dyn Upload>>,
        cancel: &CancellationToken,
        progress: impl FnMut(u64),
    ) -> Result<(), CopyError> {
        match (self.pass(object, upload.as_deref_mut(), cancel, progress).await, upload) {
            (Ok(()), Some(upload)) => {
                upload.complete().await?;
                Ok(())
            }
            // What was read is not what should be there.
            (Err(error @ CopyError::Damaged { .. }), Some(upload)) => {
                upload.abort().await?;
                Err(error)
            }
            (Err(error), Some(upload)) => {
                upload.suspend().await?;
                Err(error)
            }
            (outcome, None) => outcome,
        }
    }

    async fn pass(
        &self,
        object: &StoredObject,
        mut upload: Option<&mut (dyn Upload + 'static)>,
        cancel: &CancellationToken,
        mut progress: impl FnMut(u64),
    ) -> Result<(), CopyError> {
        let (name, from) = (|| object.name.clone(), || self.from.name.clone());
        let damaged = |problem: &str| CopyError::Damaged { name: name(), from: from(), problem: problem.to_owned() };
        let mut body = self.from.open(self.tier, self.database, self.id, object).await?;
        let mut digest = Sha256Hasher::default();
        let mut length = 0;
        loop {
            let mut block = BytesMut::with_capacity(BLOCK);
            while block.len() < BLOCK {
                let read = body.read_buf(&mut block).await;
                let read = read.map_err(|e| CopyError::Read { name: name(), from: from(), problem: e.to_string() })?;
                if read == 0 {
                    break;
                }
            }
            if block.is_empty() {
                break;
            }
            digest.update(&block);
            length += block.len() as u64;
            progress(block.len() as u64);
            if cancel.is_cancelled() {
                return Err(CopyError::Interrupted);
            }
            if let Some(upload) = &mut upload {
                upload.write(block.freeze()).await?;
            }
        }
        if length != object.stored_bytes {
            return Err(damaged("its length is not what the manifest says"));
        }
        if digest.finish() != object.stored_sha256 {
            return Err(damaged("its digest is not what the manifest says"));
        }
        Ok(())
    }
}
