//! Storage classes of S3: which may follow which, how long each is billed at least, how long each takes to thaw.
//!
//! As the user guide of S3 says (pages "Transitioning objects", "Storage classes" and "Archive retrieval options").

use crate::base::Period;
use crate::policy::model::{Copy, StorageClass};

/// True when an object may move from one class to the other: only ever to a colder one.
pub(in crate::policy) fn follows(from: StorageClass, to: StorageClass) -> bool {
    use StorageClass::{DeepArchive, Glacier, GlacierIr, IntelligentTiering, OnezoneIa, Standard, StandardIa};
    match from {
        Standard => to != Standard,
        StandardIa => matches!(to, IntelligentTiering | OnezoneIa | GlacierIr | Glacier | DeepArchive),
        IntelligentTiering => matches!(to, OnezoneIa | GlacierIr | Glacier | DeepArchive),
        OnezoneIa | GlacierIr => matches!(to, Glacier | DeepArchive),
        Glacier => to == DeepArchive,
        DeepArchive => false,
    }
}

/// Days that an object in this class is billed for at least; 0 when there is no minimum.
pub(in crate::policy) fn minimum_days(class: StorageClass) -> u64 {
    match class {
        StorageClass::Standard | StorageClass::IntelligentTiering => 0,
        StorageClass::StandardIa | StorageClass::OnezoneIa => 30,
        StorageClass::GlacierIr | StorageClass::Glacier => 90,
        StorageClass::DeepArchive => 180,
    }
}

/// Longest time of a standard retrieval until the first byte can be read; zero for classes that answer at once.
pub(in crate::policy) fn thaw_time(class: StorageClass) -> Period {
    match class {
        StorageClass::Glacier => Period::hours(5),
        StorageClass::DeepArchive => Period::hours(12),
        _ => Period(0),
    }
}

/// The class as S3 and policies write it.
pub(in crate::policy) fn class_name(class: StorageClass) -> &'static str {
    match class {
        StorageClass::Standard => "STANDARD",
        StorageClass::StandardIa => "STANDARD_IA",
        StorageClass::IntelligentTiering => "INTELLIGENT_TIERING",
        StorageClass::OnezoneIa => "ONEZONE_IA",
        StorageClass::GlacierIr => "GLACIER_IR",
        StorageClass::Glacier => "GLACIER",
        StorageClass::DeepArchive => "DEEP_ARCHIVE",
    }
}

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
    stays(copy).into_iter().find(|stay| thaw_time(stay.class) > limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use StorageClass::{DeepArchive, Glacier, GlacierIr, IntelligentTiering, OnezoneIa, Standard, StandardIa};

    #[test]
    fn the_waterfall_never_flows_up() {
        let order = [Standard, StandardIa, IntelligentTiering, OnezoneIa, GlacierIr, Glacier, DeepArchive];
        for (index, from) in order.into_iter().enumerate() {
            for (other, to) in order.into_iter().enumerate() {
                let expected = other > index && (from, to) != (OnezoneIa, GlacierIr);
                assert_eq!(follows(from, to), expected, "{from:?} to {to:?}");
            }
        }
    }
}
