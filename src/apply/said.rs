//! How a step ends, in words: what failed, and what waits for a lock to end.

use crate::diag::Explain;
use crate::event::StepEnd;
use crate::repository::RepositoryError;
use crate::storage::StorageError;

/// An error as the end of a step has it: code, words and hint in one line.
pub(super) fn said(error: &dyn Explain) -> String {
    match error.hint() {
        Some(hint) => format!("[{}] {error}. {hint}", error.code().id),
        None => format!("[{}] {error}", error.code().id),
    }
}

/// The end of a step that met a lock: it is done once the lock has ended.
pub(super) fn deferred(error: &RepositoryError) -> Option<StepEnd> {
    let RepositoryError::Storage(StorageError::Locked { until, .. }) = error else { return None };
    Some(StepEnd::Deferred(match until {
        Some(until) => format!("locked until {}", until.strftime("%Y-%m-%d %H:%M UTC")),
        None => "locked, nobody knows until when".to_owned(),
    }))
}
