//! What must be written so that a thing becomes as wanted.

use super::{FieldChange, Found, Resource, differences};

/// A change of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is written: the whole document, with everything in it that is not ours.
    pub after: Resource,
    /// What becomes different, field by field; at least one.
    pub fields: Vec<FieldChange>,
    /// What is there, not ours, and kept; for people.
    pub kept: Vec<String>,
    /// It lets more be deleted, read or changed than now: done after everything that protects.
    pub loosens: bool,
    /// Why it cannot be taken back, if so: needs a word from the user.
    pub irreversible: Option<String>,
}

/// Compares what is wanted with what was found. `None`: nothing to do, or it could not be read.
pub fn change(wanted: &Resource, found: &Found) -> Option<Change> {
    let before = match found {
        Found::Unreadable(_) => return None,
        Found::Absent => None,
        Found::There(resource) => Some(resource),
    };
    let fields = differences(before, wanted);
    (!fields.is_empty()).then(|| Change {
        after: wanted.clone(),
        fields,
        kept: Vec::new(),
        loosens: false,
        irreversible: None,
    })
}
