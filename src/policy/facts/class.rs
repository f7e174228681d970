//! In which storage classes a copy stays, and when.

use crate::base::Period;
use crate::policy::model::Copy;
use crate::resource::StorageClass;

/// One stay of a copy in a class.
pub(in crate::policy) struct Stay {
    /// The class.
    pub(in crate::policy) class: StorageClass,
    /// Age of the copy when it arrives there.
    pub(in crate::policy) from: Period,
    /// Which transition brought it; `None` for the class at upload.
    pub(in crate::policy) transition: Option<usize>,
}

/// The stays of a copy, in the order of the policy: the class at upload first.
pub(in crate::policy) fn stays(copy: &Copy) -> Vec<Stay> {
    let first = Stay { class: copy.storage_class.unwrap_or(StorageClass::Standard), from: Period(0), transition: None };
    let later = copy.transitions.iter().flatten().enumerate().map(|(index, transition)| Stay {
        class: transition.to,
        from: *transition.after.value(),
        transition: Some(index),
    });
    std::iter::once(first).chain(later).collect()
}

/// The first stay that takes longer than `limit` to thaw.
pub(in crate::policy) fn needs_thaw(copy: &Copy, limit: Period) -> Option<Stay> {
    stays(copy).into_iter().find(|stay| stay.class.thaw_time() > limit)
}
