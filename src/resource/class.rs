//! Storage classes of S3: which may follow which, how long each is billed at least, how long each takes to thaw.
//!
//! As the user guide of S3 says (pages "Transitioning objects", "Storage classes" and "Archive retrieval options").

use crate::base::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Storage classes of S3, by the names of its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StorageClass {
    /// Immediate access, no minimum.
    #[default]
    Standard,
    /// Immediate access, billed for at least 30 days.
    StandardIa,
    /// S3 moves objects between tiers by use.
    IntelligentTiering,
    /// As STANDARD_IA, in one zone only.
    OnezoneIa,
    /// Immediate access, billed for at least 90 days.
    GlacierIr,
    /// Thawed within hours, billed for at least 90 days.
    Glacier,
    /// Thawed within two days, billed for at least 180 days.
    DeepArchive,
}

impl StorageClass {
    /// Every class, warmest first.
    pub const ALL: [StorageClass; 7] = [
        StorageClass::Standard,
        StorageClass::StandardIa,
        StorageClass::IntelligentTiering,
        StorageClass::OnezoneIa,
        StorageClass::GlacierIr,
        StorageClass::Glacier,
        StorageClass::DeepArchive,
    ];

    /// True when an object may move from one class to the other: only ever to a colder one.
    pub fn may_become(self, to: StorageClass) -> bool {
        use StorageClass::{DeepArchive, Glacier, GlacierIr, IntelligentTiering, OnezoneIa, Standard, StandardIa};
        match self {
            Standard => to != Standard,
            StandardIa => matches!(to, IntelligentTiering | OnezoneIa | GlacierIr | Glacier | DeepArchive),
            IntelligentTiering => matches!(to, OnezoneIa | GlacierIr | Glacier | DeepArchive),
            OnezoneIa | GlacierIr => matches!(to, Glacier | DeepArchive),
            Glacier => to == DeepArchive,
            DeepArchive => false,
        }
    }

    /// Days that an object in this class is billed for at least; 0 when there is no minimum.
    pub fn minimum_days(self) -> u64 {
        match self {
            StorageClass::Standard | StorageClass::IntelligentTiering => 0,
            StorageClass::StandardIa | StorageClass::OnezoneIa => 30,
            StorageClass::GlacierIr | StorageClass::Glacier => 90,
            StorageClass::DeepArchive => 180,
        }
    }

    /// Longest time of a standard retrieval until the first byte can be read; zero for classes that answer at once.
    pub fn thaw_time(self) -> Period {
        match self {
            StorageClass::Glacier => Period::hours(5),
            StorageClass::DeepArchive => Period::hours(12),
            _ => Period(0),
        }
    }

    /// The class as S3 and policies write it.
    pub fn name(self) -> &'static str {
        match self {
            StorageClass::Standard => "STANDARD",
            StorageClass::StandardIa => "STANDARD_IA",
            StorageClass::IntelligentTiering => "INTELLIGENT_TIERING",
            StorageClass::OnezoneIa => "ONEZONE_IA",
            StorageClass::GlacierIr => "GLACIER_IR",
            StorageClass::Glacier => "GLACIER",
            StorageClass::DeepArchive => "DEEP_ARCHIVE",
        }
    }

    /// The class that S3 calls so; `None` for names that no class of ours has. An empty name means `STANDARD`.
    pub fn parse(name: &str) -> Option<StorageClass> {
        if name.is_empty() {
            return Some(StorageClass::Standard);
        }
        StorageClass::ALL.into_iter().find(|class| class.name() == name)
    }

    /// True for the class that stores without classes have.
    pub fn is_standard(&self) -> bool {
        *self == StorageClass::Standard
    }

    /// True for classes that must be thawed before they can be read.
    pub fn is_cold(self) -> bool {
        self.thaw_time() > Period(0)
    }
}

impl std::fmt::Display for StorageClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
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
                assert_eq!(from.may_become(to), expected, "{from:?} to {to:?}");
            }
        }
    }
}
