//! The marker: the small file by which a folder or bucket is known to be a repository.

use super::layout::marker_key;
use super::small;
use super::{Repository, RepositoryError};
use crate::catalog::{FORMAT, seal};
use crate::storage::{Condition, StorageError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a repository says of itself. Written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Version of the repository format.
    pub format: u32,
    /// Identifies the repository wherever it is mounted: 32 hexadecimal digits.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Repository {
    /// The marker, or `None` when there is none: not a repository yet. A newer format is an error.
    pub async fn marker(&self) -> Result<Option<Marker>, RepositoryError> {
        let key = marker_key();
        let Some(bytes) = small::read(self.store.as_ref(), &key).await? else { return Ok(None) };
        match small::judge::<Marker>(&bytes, |marker| marker.format) {
            Ok(marker) => Ok(Some(marker)),
            Err(small::Unreadable::Newer(format)) => {
                Err(RepositoryError::Newer { location: self.store.location(), format, known: FORMAT })
            }
            Err(unreadable) => Err(self.broken(&key, unreadable.to_string())),
        }
    }

    /// Makes this a repository, named by 128 random bits. May be repeated: an existing marker stays and is returned.
    pub async fn create_marker(&self, random: u128, now: Timestamp) -> Result<Marker, RepositoryError> {
        let marker = Marker { format: FORMAT, id: format!("{random:032x}"), created_at: now };
        match self.store.put(&marker_key(), seal(&marker).into(), Condition::IfAbsent).await {
            Ok(_) => Ok(marker),
            Err(StorageError::AlreadyExists { .. }) => match self.marker().await? {
                Some(there) => Ok(there),
                None => Err(self.broken(&marker_key(), "it comes and goes".to_owned())),
            },
            Err(error) => Err(error.into()),
        }
    }
}
