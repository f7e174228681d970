//! A large file in the making.

use super::folder;
use super::place::Place;
use super::store::{blocking, meta_of};
use super::temporary::Temporary;
use crate::storage::{ObjectMeta, StorageError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use std::fs::File;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Written bytes are asked to the disk every so many, so that little is left to wait for at the end.
const SYNC_EVERY: u64 = 64 << 20;

/// A large file in the making.
pub(super) struct FileUpload {
    place: Arc<Place>,
    key: String,
    temporary: Option<Temporary>,
    unsynced: u64,
    syncing: Option<JoinHandle<()>>,
}

impl FileUpload {
    pub(super) async fn begin(place: Arc<Place>, key: String) -> Result<FileUpload, StorageError> {
        blocking(move || {
            let path = place.path("write", &key)?;
            let temporary = Temporary::create(&path, place.mode).map_err(|e| place.problem("write", &key, &e))?;
            Ok(FileUpload { place, key, temporary: Some(temporary), unsynced: 0, syncing: None })
        })
        .await
    }

    fn gone(&self) -> StorageError {
        StorageError::Failed {
            location: self.place.location(),
            operation: "write",
            key: self.key.clone(),
            problem: "the upload failed before".to_owned(),
            transient: false,
        }
    }

    fn push_to_disk(&mut self, file: &File) {
        if self.unsynced < SYNC_EVERY || self.syncing.as_ref().is_some_and(|sync| !sync.is_finished()) {
            return;
        }
        if let Ok(file) = file.try_clone() {
            self.unsynced = 0;
            // Only a head start: errors show when the file is synced at its end.
            self.syncing = Some(tokio::task::spawn_blocking(move || drop(file.sync_data())));
        }
    }
}

#[async_trait]
impl Upload for FileUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        let mut temporary = self.temporary.take().ok_or_else(|| self.gone())?;
        let (place, key) = (self.place.clone(), self.key.clone());
        let length = bytes.len() as u64;
        let temporary = blocking(move || match temporary.write_all(&bytes) {
            Ok(()) => Ok(temporary),
            Err(error) => {
                let problem = place.problem("write", &key, &error);
                discard(&place, temporary);
                Err(problem)
            }
        })
        .await?;
        self.unsynced += length;
        let file = temporary.file.try_clone();
        self.temporary = Some(temporary);
        if let Ok(file) = file {
            self.push_to_disk(&file);
        }
        Ok(())
    }

    async fn complete(mut self: Box<Self>) -> Result<ObjectMeta, StorageError> {
        let temporary = self.temporary.take().ok_or_else(|| self.gone())?;
        let (place, key) = (self.place.clone(), self.key.clone());
        blocking(move || {
            let meta = temporary.link().map_err(|e| place.problem("write", &key, &e))?;
            Ok(meta_of(&key, &meta))
        })
        .await
    }

    async fn abort(mut self: Box<Self>) -> Result<(), StorageError> {
        if let Some(temporary) = self.temporary.take() {
            let place = self.place.clone();
            blocking(move || {
                discard(&place, temporary);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

fn discard(place: &Place, temporary: Temporary) {
    let goal = temporary.goal().to_owned();
    // What cannot be removed is found and named as an unfinished upload.
    let _ = temporary.discard();
    if let Some(parent) = goal.parent() {
        folder::remove_empty(&place.root, parent);
    }
}
