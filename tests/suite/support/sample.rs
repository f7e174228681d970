//! Backups made of invented bytes, as a real one would be written.

use backstay::base::BackupId;
use backstay::catalog::{Extension, FORMAT, Manifest, Method, ObjectRole, Origin, Source, StoredObject};
use backstay::codec::Cipher;
use backstay::policy::Compression;
use backstay::repository::{Repository, RepositoryError};
use backstay::resource::StorageClass;
use backstay::storage::Placement;
use backstay::stream::{Encode, Encoding, Progress, complete_all, encode};
use jiff::{SignedDuration, Timestamp};
use std::io::Cursor;
use tokio_util::sync::CancellationToken;

/// How a sample backup is made.
pub struct Sample {
    /// Its database.
    pub database: String,
    /// Its tier.
    pub tier: String,
    /// Its number: later numbers are later backups.
    pub number: u32,
    /// Its bytes.
    pub content: Vec<u8>,
    /// What is done to them.
    pub encoding: Encoding,
}

impl Sample {
    /// A small one, compressed and not encrypted.
    pub fn new(database: &str, number: u32) -> Sample {
        Sample {
            database: database.to_owned(),
            tier: "daily".to_owned(),
            number,
            content: format!("content {number} of {database}\n").repeat(50).into_bytes(),
            encoding: Encoding { compression: Compression::Zstd(3), cipher: Cipher::None },
        }
    }

    /// Its id.
    pub fn id(&self) -> BackupId {
        BackupId::new(self.started_at(), self.number)
    }

    fn started_at(&self) -> Timestamp {
        "2026-11-01T02:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(i64::from(self.number))
    }

    /// A manifest that names no file yet.
    pub fn manifest(&self) -> Manifest {
        Manifest {
            format: FORMAT,
            id: self.id(),
            policy: "sample".to_owned(),
            database: self.database.clone(),
            tier: self.tier.clone(),
            method: Method::Logical,
            started_at: self.started_at(),
            finished_at: self.started_at() + SignedDuration::from_mins(5),
            source: Source {
                database: self.database.clone(),
                host: "localhost".to_owned(),
                server_version: "15.18".to_owned(),
                server_version_num: 150_018,
                system_identifier: Some("7300000000000000000".to_owned()),
                start_lsn: "0/16B3748".parse().ok(),
                encoding: "UTF8".to_owned(),
                database_bytes: 1 << 20,
                table_count: 3,
                extensions: vec![Extension { name: "plpgsql".to_owned(), version: "1.0".to_owned() }],
                in_recovery: false,
            },
            origin: Origin {
                tool: "backstay 0.1.0".to_owned(),
                dump_program: "pg_dump (PostgreSQL) 15.18".to_owned(),
                host: "test".to_owned(),
                user: "test".to_owned(),
                run: "r1".to_owned(),
            },
            layers: self.encoding.layers(),
            objects: Vec::new(),
            tables: Vec::new(),
            constraints_not_valid: Vec::new(),
            dump_format: Default::default(),
            adopted: None,
            cluster: None,
        }
    }

    /// Writes its file and the digest beside it, not the manifest.
    pub async fn write_data(&self, repository: &Repository) -> Result<Manifest, RepositoryError> {
        let mut manifest = self.manifest();
        let (tier, database, id) = (&self.tier, &self.database, self.id());
        let name = self.encoding.stored_name("dump");
        let job = Encode {
            source: Box::new(Cursor::new(self.content.clone())),
            what: "the sample".to_owned(),
            encoding: self.encoding.clone(),
            uploads: vec![repository.upload(tier, database, &id, &name, &Placement::default()).await?],
            scan: None,
            progress: Progress::silent(),
            stop: CancellationToken::new(),
        };
        let encoded = match encode(job).await {
            Ok(encoded) => encoded,
            Err(backstay::stream::StreamError::AllDestinationsFailed(error)) => return Err(error.into()),
            Err(error) => panic!("{error}"),
        };
        complete_all(encoded.uploads).await.remove(0)?;
        repository.write_sidecar(tier, database, &id, &name, &encoded.stored_sha256).await?;
        manifest.objects.push(StoredObject {
            name,
            role: ObjectRole::Globals,
            stored_bytes: encoded.stored_bytes,
            stored_sha256: encoded.stored_sha256,
            plain_bytes: encoded.plain_bytes,
            plain_blake3: encoded.plain_blake3,
            frames: encoded.frames,
            class: StorageClass::Standard,
            lock: None,
            key: None,
            beside: Vec::new(),
        });
        Ok(manifest)
    }

    /// Writes all of it, in the order of a real backup.
    pub async fn write(&self, repository: &Repository) -> Result<Manifest, RepositoryError> {
        let manifest = self.write_data(repository).await?;
        repository.write_manifest(&manifest).await?;
        Ok(manifest)
    }
}
