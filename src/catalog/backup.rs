//! One copy of a backup as the catalog knows it: the parts of its manifest that listing, planning and retention need.

use super::{Cluster, Layer, Manifest, Method, Reference, VerifyRecord};
use crate::base::{BackupId, Sha256, total};
use crate::resource::{Availability, LockedUntil, Protection, StorageClass};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A copy of a backup in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The backup's id; the same in every repository.
    pub id: BackupId,
    /// Name of the policy that asked for it.
    pub policy: String,
    /// The database entry of the policy.
    pub database: String,
    /// The tier.
    pub tier: String,
    /// How it was made.
    pub method: Method,
    /// When the read of the database began.
    pub started_at: Timestamp,
    /// When the last byte was stored.
    pub finished_at: Timestamp,
    /// Version of the server, such as `15.18`.
    pub server_version: String,
    /// Number of tables.
    pub table_count: u64,
    /// What was done to the bytes.
    pub layers: Vec<Layer>,
    /// The files.
    pub objects: Vec<BackupObject>,
    /// The cluster, of a base backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
    /// The last verification of this copy, if any.
    pub verified: Option<VerifyRecord>,
    /// What is visibly wrong with this copy without reading it: files missing or of another size. Never stored.
    #[serde(skip)]
    pub missing: Vec<String>,
    /// What is wrong in the same place with packs of earlier backups that an incremental one needs. Never stored.
    #[serde(skip)]
    pub lacking: Vec<String>,
    /// Whether its bytes can be read now: by the class of its files, a cold one counting as not thawed until the store
    /// was asked. Never stored.
    #[serde(skip)]
    pub availability: Availability,
    /// What the store said keeps it from being deleted; `None` when it was not asked. Never stored.
    #[serde(skip)]
    pub protection: Option<Protection>,
    /// Etag of its manifest as listed, or what stands for it where a server lists none. Never stored.
    #[serde(skip)]
    pub manifest_etag: String,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupObject {
    /// Its name.
    pub name: String,
    /// Its length as stored.
    pub stored_bytes: u64,
    /// Its length before compression and encryption.
    pub plain_bytes: u64,
    /// Digest of the stored bytes.
    pub stored_sha256: Sha256,
    /// Until when it was locked at upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockedUntil>,
    /// Its key, when it does not lie in the backup's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The class it was found in. Never stored.
    #[serde(skip)]
    pub class: StorageClass,
}

impl Backup {
    /// The catalog's view of a manifest.
    pub fn of(manifest: &Manifest) -> Backup {
        Backup {
            id: manifest.id.clone(),
            policy: manifest.policy.clone(),
            database: manifest.database.clone(),
            tier: manifest.tier.clone(),
            method: manifest.method,
            started_at: manifest.started_at,
            finished_at: manifest.finished_at,
            server_version: manifest.source.server_version.clone(),
            table_count: manifest.source.table_count,
            layers: manifest.layers.clone(),
            objects: manifest
                .objects
                .iter()
                .map(|object| BackupObject {
                    name: object.name.clone(),
                    stored_bytes: object.stored_bytes,
                    plain_bytes: object.plain_bytes,
                    stored_sha256: object.stored_sha256,
                    lock: object.lock,
                    key: object.key.clone(),
                    class: object.class,
                })
                .collect(),
            cluster: manifest.cluster.clone(),
            verified: None,
            missing: Vec::new(),
            lacking: Vec::new(),
            availability: manifest
                .objects
                .iter()
                .map(|object| Availability::of_class(object.class))
                .fold(Availability::Ready, Availability::and),
            protection: None,
            manifest_etag: String::new(),
        }
    }

    /// True unless something is known to be wrong with this copy, or in this place with what it refers to.
    pub fn is_good(&self) -> bool {
        let is_whole = self.missing.is_empty() && self.lacking.is_empty();
        is_whole && self.verified.as_ref().is_none_or(VerifyRecord::is_good)
    }

    /// True unless something is known to be wrong with its own files: what it refers to may still be damaged here.
    pub fn has_own_files(&self) -> bool {
        let is_of_another =
            |key: &str| self.references().iter().any(|reference| key.contains(&format!("/{}", reference.backup)));
        let problems = self.verified.iter().flat_map(|record| &record.problems);
        self.missing.is_empty() && problems.into_iter().all(|problem| is_of_another(&problem.key))
    }

    /// Packs of earlier backups that it needs.
    pub fn references(&self) -> &[Reference] {
        self.cluster.as_ref().map(Cluster::references).unwrap_or_default()
    }

    /// The coldest class that a file of it was found in.
    pub fn class(&self) -> StorageClass {
        self.objects.iter().map(|object| object.class).max().unwrap_or_default()
    }

    /// What keeps it from being deleted: as the store said, or else as its files were locked at upload.
    pub fn protection(&self) -> Protection {
        let at_upload = self.objects.iter().map(|object| Protection::from(object.lock)).max();
        self.protection.or(at_upload).unwrap_or_default()
    }

    /// Bytes stored, all files.
    pub fn stored_bytes(&self) -> u64 {
        total(self.objects.iter().map(|object| object.stored_bytes))
    }

    /// Bytes before compression and encryption, all files.
    pub fn plain_bytes(&self) -> u64 {
        total(self.objects.iter().map(|object| object.plain_bytes))
    }

    /// True when a key is needed to read it.
    pub fn is_encrypted(&self) -> bool {
        self.layers.iter().any(Layer::is_encryption)
    }
}
