//! Storages: what they mean.

use crate::policy::desired::{
    CredentialsSpec, EncryptionAtRest, FilesystemSpec, ManageSpec, PruneBy, S3Spec, StorageKind, StorageSpec,
};
use crate::policy::model::{
    BucketEncryption, Credentials, DetailedBucketEncryption, FilesystemStorage, ManageBucket, ObjectLock, S3Prune,
    S3Storage, Storage,
};
use crate::resource::Retain;

/// Mode of folders unless the policy sets one: backups are for their owner only.
const FOLDER_MODE: u32 = 0o700;

pub(super) fn storage(storage: &Storage) -> StorageSpec {
    match storage {
        Storage::Filesystem(folder) => StorageSpec {
            kind: StorageKind::Filesystem(filesystem(folder)),
            min_free: folder.min_free.as_ref().map(|share| **share),
        },
        Storage::S3(bucket) => StorageSpec { kind: StorageKind::S3(Box::new(s3(bucket))), min_free: None },
    }
}

fn filesystem(folder: &FilesystemStorage) -> FilesystemSpec {
    let manage = folder.manage.as_ref();
    FilesystemSpec {
        path: folder.path.value().clone(),
        mounted_at: folder.mounted_at.as_ref().map(|place| place.value().clone()),
        create: manage.and_then(|manage| manage.create).unwrap_or(true),
        mode: manage.and_then(|manage| manage.mode.as_ref()).map_or(FOLDER_MODE, |mode| mode.0),
        owner: manage.and_then(|manage| manage.owner.clone()),
        group: manage.and_then(|manage| manage.group.clone()),
    }
}

fn s3(storage: &S3Storage) -> S3Spec {
    S3Spec {
        bucket: storage.bucket.value().clone(),
        region: storage.region.as_ref().map(|region| region.value().clone()),
        prefix: storage.prefix.as_ref().map(|prefix| prefix.value().clone()),
        endpoint: storage.endpoint.as_ref().map(|endpoint| endpoint.value().clone()),
        path_style: storage.path_style.unwrap_or(storage.endpoint.is_some()),
        credentials: storage.credentials.as_ref().map_or(CredentialsSpec::Chain, credentials),
        prune: match storage.prune {
            Some(S3Prune::Lifecycle) => PruneBy::Lifecycle,
            Some(S3Prune::Backstay) | None => PruneBy::Backstay,
        },
        manage: storage.manage.as_ref().map(manage),
    }
}

pub(super) fn credentials(written: &Credentials) -> CredentialsSpec {
    match (&written.profile, &written.access_key_id, &written.secret_access_key, &written.role) {
        (Some(profile), ..) => CredentialsSpec::Profile(profile.value().clone()),
        (_, Some(id), Some(secret), _) => {
            CredentialsSpec::Key { id: id.value().clone(), secret: secret.value().clone() }
        }
        (.., Some(role)) => CredentialsSpec::Role(role.value().clone()),
        // `check` refuses half a key.
        _ => CredentialsSpec::Chain,
    }
}

fn manage(written: &ManageBucket) -> ManageSpec {
    ManageSpec {
        create: written.create.unwrap_or(false),
        versioning: written.versioning,
        encryption: written.encryption.as_ref().map(at_rest),
        public_access_blocked: written.public_access.is_some(),
        tls_only: written.transport.is_some(),
        overwrite_denied: written.overwrite.is_some(),
        object_lock: written.object_lock.as_ref().map(retain),
        abort_incomplete_uploads: written.abort_incomplete_uploads.as_ref().map(|period| **period),
        noncurrent_versions: written.noncurrent_versions.as_ref().map(|period| **period),
        replicate_to: written.replicate_to.as_ref().map(|name| name.text().to_owned()),
        access_logs: written
            .access_logs
            .as_ref()
            .map(|logs| (logs.bucket.value().clone(), logs.prefix.as_ref().map(|prefix| prefix.value().clone()))),
        tags: written.tags.clone().unwrap_or_default(),
    }
}

fn at_rest(written: &BucketEncryption) -> EncryptionAtRest {
    match written {
        BucketEncryption::Plain(_) | BucketEncryption::Detailed(DetailedBucketEncryption::SseS3(_)) => {
            EncryptionAtRest::SseS3
        }
        BucketEncryption::Detailed(DetailedBucketEncryption::SseKms(kms)) => EncryptionAtRest::SseKms {
            key: kms.key.as_ref().map(|key| key.value().clone()),
            bucket_key: kms.bucket_key.unwrap_or(false),
            create: kms.create.unwrap_or(false),
        },
    }
}

pub(super) fn retain(written: &ObjectLock) -> Retain {
    Retain { mode: written.mode, period: *written.retain }
}
