//! What storages turned out not to do, told while it matters.

use crate::diag::codes;
use crate::event::{Event, Observer};
use crate::repository::Repository;

/// Tells what a storage lacks that something was asked of; each thing once a run.
pub fn tell_lacking(repository: &Repository, observer: &dyn Observer) {
    for what in repository.store.newly_lacking() {
        let (code, location) = (codes::STORE_LACKS.id, repository.store.location());
        observer.on(&Event::Warning(format!("[{code}] {location}: {what}")));
    }
}
