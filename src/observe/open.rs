//! The storages of a policy, opened: references resolved, nothing read yet.

use super::{ObserveError, bucket};
use crate::base::{Lookup, UnresolvedReference};
use crate::policy::{Desired, FilesystemSpec, S3Spec, StorageKind};
use crate::provider::aws::AwsSession;
use crate::repository::Repository;
use crate::resource::BucketPlace;
use crate::storage::{AwsConnection, FilesystemStore};
use indexmap::IndexMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A storage at a place.
#[derive(Debug, Clone)]
pub struct Place {
    /// The repository in it.
    pub repository: Repository,
    /// What it lies in.
    pub ground: Ground,
}

/// What a storage lies in.
#[derive(Debug, Clone)]
pub enum Ground {
    /// A folder, and what the policy wants of it.
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wanted.
        spec: FilesystemSpec,
        /// Where something must be mounted before the folder is touched.
        mounted_at: Option<PathBuf>,
    },
    /// A bucket, and what the policy wants of it.
    Bucket {
        /// Where it is; its region is empty when only the AWS configuration says it.
        place: BucketPlace,
        /// The connection that everything of this storage uses.
        connection: AwsConnection,
        /// The same with what is beside S3.
        session: AwsSession,
        /// What is wanted.
        spec: Box<S3Spec>,
    },
}

/// Every storage that this version acts on, by name, in the policy's order.
#[derive(Debug, Default)]
pub struct Places(pub IndexMap<String, Result<Place, ObserveError>>);

impl Places {
    /// One storage; the reason when it could not be opened.
    pub fn place(&self, name: &str) -> Result<&Place, ObserveError> {
        match self.0.get(name) {
            Some(Ok(place)) => Ok(place),
            Some(Err(ObserveError::Reference { storage, problem })) => {
                Err(ObserveError::Reference { storage: storage.clone(), problem: problem.clone() })
            }
            Some(Err(_)) => Err(ObserveError::Unmanaged(name.to_owned())),
            None => Err(ObserveError::Unknown(name.to_owned())),
        }
    }

    /// The same places. From when this is cancelled, a store among them that does not answer is given up within seconds.
    #[must_use]
    pub fn stopping_with(self, stop: &CancellationToken) -> Places {
        for place in self.0.values().flatten() {
            if let Ground::Bucket { connection, .. } = &place.ground {
                connection.stop_with(stop);
            }
        }
        self
    }

    /// The repositories that could be opened, by name.
    pub fn repositories(&self) -> IndexMap<String, Repository> {
        let opened =
            self.0.iter().filter_map(|(name, place)| Some((name.clone(), place.as_ref().ok()?.repository.clone())));
        opened.collect()
    }
}

/// Opens every storage of the policy that this version acts on. Touches no storage.
pub fn open(desired: &Desired, lookup: &dyn Lookup) -> Places {
    let opened = desired.storages.iter().map(|(name, spec)| {
        let place = match &spec.kind {
            StorageKind::Filesystem(folder) => folder_place(name, folder, lookup),
            StorageKind::S3(spec) => bucket::open(name, spec, lookup),
        };
        (name.clone(), place.map_err(|problem| ObserveError::Reference { storage: name.clone(), problem }))
    });
    Places(opened.collect())
}

fn folder_place(name: &str, spec: &FilesystemSpec, lookup: &dyn Lookup) -> Result<Place, UnresolvedReference> {
    let path = PathBuf::from(spec.path.resolve(lookup)?.expose());
    let mounted_at = spec.mounted_at.as_ref().map(|place| place.resolve(lookup)).transpose()?;
    let mounted_at = mounted_at.map(|place| PathBuf::from(place.expose()));
    let mut store = FilesystemStore::new(&path, spec.mode);
    if let Some(mount_point) = &mounted_at {
        store = store.mounted_at(mount_point);
    }
    let ground = Ground::Folder { path, spec: spec.clone(), mounted_at };
    Ok(Place { repository: Repository::new(name, Arc::new(store)), ground })
}
