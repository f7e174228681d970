//! What must be written so that a thing becomes as wanted.

use super::lifecycle::one_a_tier;
use super::merge::merge;
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

/// What a kind of resource makes of what is wanted and what was found.
#[derive(Debug)]
pub(super) struct Merged {
    /// What was found, spelled so that only real differences show; `None`: nothing.
    pub(super) before: Option<Resource>,
    /// What is written.
    pub(super) after: Resource,
    /// See [`Change::kept`].
    pub(super) kept: Vec<String>,
    /// See [`Change::loosens`].
    pub(super) loosens: bool,
    /// See [`Change::irreversible`].
    pub(super) irreversible: Option<String>,
}

impl Merged {
    /// What is wanted replaces what was found, which holds nothing that is not ours; nothing is loosened.
    pub(super) fn whole(before: Option<Resource>, after: Resource) -> Merged {
        Merged { before, after, kept: Vec::new(), loosens: false, irreversible: None }
    }
}

/// Compares what the policy named `policy` wants with what was found. `None`: nothing to do, or it could not be read,
/// or what differs cannot be changed.
///
/// Of documents that are written as a whole (rules, statements, tags) `wanted` holds ours only; whatever else was found
/// is in [`Change::after`] unchanged. Ours that are no longer wanted are gone from it.
pub fn change(policy: &str, wanted: &Resource, found: &Found) -> Option<Change> {
    let found = match found {
        Found::Unreadable(_) => return None,
        Found::Absent => None,
        Found::There(resource) => Some(resource),
    };
    let merged = merge(policy, wanted, found)?;
    let fields = one_a_tier(policy, differences(merged.before.as_ref(), &merged.after));
    (!fields.is_empty()).then_some(Change {
        after: merged.after,
        fields,
        kept: merged.kept,
        loosens: merged.loosens,
        irreversible: merged.irreversible,
    })
}
