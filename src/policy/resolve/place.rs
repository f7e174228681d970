//! Storages: what they mean.

use crate::policy::desired::{FilesystemSpec, StorageKind, StorageSpec};
use crate::policy::model::{FilesystemStorage, Storage};

/// Mode of folders unless the policy sets one: backups are for their owner only.
const FOLDER_MODE: u32 = 0o700;

pub(super) fn storage(storage: &Storage) -> StorageSpec {
    match storage {
        Storage::Filesystem(folder) => StorageSpec {
            kind: StorageKind::Filesystem(filesystem(folder)),
            min_free: folder.min_free.as_ref().map(|share| **share),
        },
        Storage::S3(_) => StorageSpec { kind: StorageKind::S3, min_free: None },
    }
}

fn filesystem(folder: &FilesystemStorage) -> FilesystemSpec {
    let manage = folder.manage.as_ref();
    FilesystemSpec {
        path: folder.path.value().clone(),
        create: manage.and_then(|manage| manage.create).unwrap_or(true),
        mode: manage.and_then(|manage| manage.mode.as_ref()).map_or(FOLDER_MODE, |mode| mode.0),
        owner: manage.and_then(|manage| manage.owner.clone()),
        group: manage.and_then(|manage| manage.group.clone()),
    }
}
