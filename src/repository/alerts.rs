//! What a policy's channels were told, kept where its backups are. Below the indexes: like those it may be lost, and then
//! something is told twice.

use super::layout::alerts_key;
use super::{Repository, RepositoryError, small};
use crate::alert::Memory;
use crate::catalog::seal;
use crate::storage::{Condition, StorageError};

impl Repository {
    /// What is remembered of a policy, and the condition under which it may be replaced: that nobody else did since. A file
    /// that is damaged or of a newer version counts as none.
    pub async fn alert_memory(&self, policy: &str) -> Result<(Memory, Condition), RepositoryError> {
        let key = alerts_key(policy);
        // The etag first: content that came later only makes the write fail, and that is then done again.
        let Some(meta) = self.store.head(&key).await? else { return Ok((Memory::empty(policy), Condition::IfAbsent)) };
        let bytes = small::read(self.store.as_ref(), &key).await?.unwrap_or_default();
        let memory = small::judge::<Memory>(&bytes, |memory| memory.format).ok();
        let memory = memory.filter(|memory| memory.policy == policy).unwrap_or_else(|| Memory::empty(policy));
        Ok((memory, Condition::IfMatch(meta.etag)))
    }

    /// Remembers. False when someone else did meanwhile: read again.
    pub async fn remember_alerts(&self, memory: &Memory, condition: Condition) -> Result<bool, RepositoryError> {
        match self.store.put(&alerts_key(&memory.policy), seal(memory).into(), condition).await {
            Ok(_) => Ok(true),
            Err(StorageError::Changed { .. } | StorageError::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
