//! Bringing a copy of a backup from one repository to another: the bytes as they are stored, checked on the way.

use crate::base::{BackupId, Sha256Hasher, total};
use crate::catalog::StoredObject;
use crate::event::{Event, Observer};
use crate::repository::{Repository, RepositoryError, layout};
use crate::storage::StorageError;
use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

/// A copy could not be brought.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// A repository refused or failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
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
        let key = layout::manifest_key(self.tier, self.database, self.id);
        if !replace && self.to.store.head(&key).await?.is_some() {
            return Ok(None);
        }
        // The damaged copy, or files of a run that died while it copied.
        self.to.remove_backup(self.tier, self.database, self.id).await?;
        let task = format!("copy {} {}", self.database, self.id);
        let total = total(manifest.objects.iter().map(|object| object.stored_bytes));
        let mut done = 0;
        for object in &manifest.objects {
            let progress = |bytes: u64| {
                done += bytes;
                observer.on(&Event::Progress { task: task.clone(), done, total: Some(total) });
            };
            let copied = self.object(object, cancel, progress).await;
            if copied.is_err() {
                observer.on(&Event::ProgressEnded { task: task.clone() });
            }
            copied?;
            self.to.write_sidecar(self.tier, self.database, self.id, &object.name, &object.stored_sha256).await?;
        }
        observer.on(&Event::ProgressEnded { task });
        self.to.write_manifest(&manifest).await?;
        Ok(Some(total))
    }

    async fn object(
        &self,
        object: &StoredObject,
        cancel: &CancellationToken,
        mut progress: impl FnMut(u64),
    ) -> Result<(), CopyError> {
        let damaged = |problem: &str| CopyError::Damaged {
            name: object.name.clone(),
            from: self.from.name.clone(),
            problem: problem.to_owned(),
        };
        let mut body = self.from.open(self.tier, self.database, self.id, &object.name).await?;
        let mut upload = self.to.upload(self.tier, self.database, self.id, &object.name).await?;
        let mut digest = Sha256Hasher::default();
        let mut length = 0;
        let result = loop {
            let mut block = BytesMut::with_capacity(BLOCK);
            while block.len() < BLOCK {
                match body.read_buf(&mut block).await {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(e) => {
                        // What was written so far is removed below, as after any other failure.
                        let (name, from, problem) = (object.name.clone(), self.from.name.clone(), e.to_string());
                        upload.abort().await?;
                        return Err(CopyError::Read { name, from, problem });
                    }
                }
            }
            if block.is_empty() {
                break Ok(());
            }
            digest.update(&block);
            length += block.len() as u64;
            progress(block.len() as u64);
            if cancel.is_cancelled() {
                break Err(CopyError::Interrupted);
            }
            if let Err(error) = upload.write(block.freeze()).await {
                break Err(error.into());
            }
        };
        let checked = result.and_then(|()| match () {
            () if length != object.stored_bytes => Err(damaged("its length is not what the manifest says")),
            () if digest.finish() != object.stored_sha256 => Err(damaged("its digest is not what the manifest says")),
            () => Ok(()),
        });
        match checked {
            Ok(()) => {
                upload.complete().await?;
                Ok(())
            }
            Err(error) => {
                upload.abort().await?;
                Err(error)
            }
        }
    }
}
