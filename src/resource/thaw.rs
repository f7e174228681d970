//! Bringing an object back from a cold class: how quickly that can be asked for, how long it takes then.
//!
//! As the user guide of S3 says (page "Archive retrieval options").

use super::StorageClass;
use crate::base::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How quickly a thaw is to be, and what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThawSpeed {
    /// Minutes; not from `DEEP_ARCHIVE`.
    Expedited,
    /// Hours.
    #[default]
    Standard,
    /// Half a day to two days, cheapest.
    Bulk,
}

impl ThawSpeed {
    /// Every speed, the fastest first.
    pub const ALL: [ThawSpeed; 3] = [ThawSpeed::Expedited, ThawSpeed::Standard, ThawSpeed::Bulk];

    /// The word that `--thaw` takes.
    pub fn word(self) -> &'static str {
        match self {
            ThawSpeed::Expedited => "expedited",
            ThawSpeed::Standard => "standard",
            ThawSpeed::Bulk => "bulk",
        }
    }
}

impl std::fmt::Display for ThawSpeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// What S3 says that a thaw takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThawTime {
    /// Soonest; zero when only the latest is said.
    pub from: Period,
    /// Latest, as a rule.
    pub to: Period,
}

impl StorageClass {
    /// How long a thaw at this speed takes; `None` when the class cannot be thawed like that or needs no thaw.
    pub fn thaws_within(self, speed: ThawSpeed) -> Option<ThawTime> {
        let (from, to) = match (self, speed) {
            (StorageClass::Glacier, ThawSpeed::Expedited) => (Period::minutes(1), Period::minutes(5)),
            (StorageClass::Glacier, ThawSpeed::Standard) => (Period::hours(3), Period::hours(5)),
            (StorageClass::Glacier, ThawSpeed::Bulk) => (Period::hours(5), Period::hours(12)),
            (StorageClass::DeepArchive, ThawSpeed::Standard) => (Period(0), Period::hours(12)),
            (StorageClass::DeepArchive, ThawSpeed::Bulk) => (Period(0), Period::hours(48)),
            _ => return None,
        };
        Some(ThawTime { from, to })
    }
}

impl std::fmt::Display for ThawTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (n, m, unit) = match (self.from.0, self.to.0) {
            (from, to) if to < 3_600 => (from / 60, to / 60, "minutes"),
            (from, to) => (from / 3_600, to / 3_600, "hours"),
        };
        if n == 0 { write!(f, "up to {m} {unit}") } else { write!(f, "{n} to {m} {unit}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cold_classes_thaw_and_deep_ones_never_within_minutes() {
        for class in StorageClass::ALL {
            for speed in ThawSpeed::ALL {
                let is_deep = class == StorageClass::DeepArchive && speed == ThawSpeed::Expedited;
                assert_eq!(class.thaws_within(speed).is_some(), class.is_cold() && !is_deep, "{class} {speed}");
            }
        }
        let standard = StorageClass::Glacier.thaws_within(ThawSpeed::Standard);
        assert_eq!(standard.map(|time| time.to), Some(StorageClass::Glacier.thaw_time()));
        assert_eq!(standard.map(|time| time.to_string()).as_deref(), Some("3 to 5 hours"));
    }
}
