//! Reading small sealed files.

use crate::catalog::{BrokenSeal, FORMAT, unseal};
use crate::storage::{ObjectStore, StorageError};
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;

/// The longest small file that is read: the index of a database with a hundred thousand backups.
const MAX_BYTES: u64 = 256 << 20;

/// The bytes of a small object, or `None` when it does not exist.
pub(super) async fn read(store: &dyn ObjectStore, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
    let body = match store.get(key, None).await {
        Ok(body) => body,
        Err(StorageError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    let read = body.take(MAX_BYTES).read_to_end(&mut bytes).await;
    read.map_err(|error| StorageError::Failed {
        location: store.location(),
        operation: "read",
        key: key.to_owned(),
        problem: error.to_string(),
        transient: false,
    })?;
    Ok(Some(bytes))
}

/// What is wrong with a small file in a cold class: backstay writes none there.
pub(super) fn frozen(error: &StorageError) -> String {
    match error {
        StorageError::Archived { class, .. } => {
            format!("it lies in {class} and cannot be read: a lifecycle rule that is not backstay's moved it there")
        }
        error => error.to_string(),
    }
}

/// Why a small file says nothing to this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// Its seal is broken.
    #[error(transparent)]
    Seal(#[from] BrokenSeal),
    /// It is from a newer version.
    #[error("it has repository format {0}, which is newer than this version reads")]
    Newer(u32),
    /// It speaks of something else than its key.
    #[error("it speaks of {0}: it was moved or copied here")]
    Elsewhere(String),
}

/// The value of a sealed file; `format` says its format.
pub(super) fn judge<T: DeserializeOwned>(bytes: &[u8], format: impl Fn(&T) -> u32) -> Result<T, Unreadable> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    match unseal::<T>(bytes) {
        Ok(value) if format(&value) > FORMAT => Err(Unreadable::Newer(format(&value))),
        Ok(value) => Ok(value),
        // A newer format may have changed what is in it: then its version says more than what was not understood.
        Err(error @ BrokenSeal::Content(_)) => match unseal::<Version>(bytes) {
            Ok(version) if version.format > FORMAT => Err(Unreadable::Newer(version.format)),
            _ => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}
