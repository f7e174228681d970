//! Bringing an object back from a cold class: how quickly that can be asked for, how long it takes then.
//!
//! As the user guide of S3 says (page "Archive retrieval options").

use super::StorageClass;
use crate::base::Period;
use jiff::Timestamp;
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

/// Whether an object can be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Availability {
    /// Yes: its class needs no thaw.
    #[default]
    Ready,
    /// It is in a cold class and must be thawed first.
    Archived(StorageClass),
    /// It is being thawed.
    Thawing(StorageClass),
    /// It is in a cold class, and a thawed copy of it can be read.
    Thawed {
        /// Its class.
        class: StorageClass,
        /// When the copy goes away, where the store says so.
        until: Option<Timestamp>,
    },
}

impl Availability {
    /// What can be said of an object by its class alone: a cold one counts as not thawed.
    pub fn of_class(class: StorageClass) -> Availability {
        if class.is_cold() { Availability::Archived(class) } else { Availability::Ready }
    }

    /// True when it can be read now.
    pub fn is_readable(self) -> bool {
        matches!(self, Availability::Ready | Availability::Thawed { .. })
    }

    /// The cold class, if it is in one.
    pub fn cold_class(self) -> Option<StorageClass> {
        match self {
            Availability::Ready => None,
            Availability::Archived(class) | Availability::Thawing(class) | Availability::Thawed { class, .. } => {
                Some(class)
            }
        }
    }

    /// What holds for two objects together: the one that is further from being read decides.
    #[must_use]
    pub fn and(self, other: Availability) -> Availability {
        // Of two thawed copies the one that goes away first; one that does not say when stays longest.
        let end = |of: Availability| match of {
            Availability::Thawed { until, .. } => (1, until.map_or(i64::MIN, |until| i64::MAX - until.as_second())),
            _ => (0, 0),
        };
        let order = |of: Availability| (of.distance(), end(of));
        if order(other) > order(self) { other } else { self }
    }

    /// How far it is from being read, to choose between copies: the smaller the sooner.
    pub fn distance(self) -> (u8, Period) {
        match self {
            Availability::Ready | Availability::Thawed { .. } => (0, Period(0)),
            Availability::Thawing(class) => (1, class.thaw_time()),
            Availability::Archived(class) => (2, class.thaw_time()),
        }
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
    fn of_two_objects_the_one_that_takes_longer_decides() {
        use Availability::{Archived, Ready, Thawed, Thawing};
        use StorageClass::{DeepArchive, Glacier};
        let until = |second| Thawed { class: Glacier, until: Timestamp::from_second(second).ok() };
        let open = Thawed { class: Glacier, until: None };
        let order = [Ready, open, until(200), until(100), Thawing(Glacier), Thawing(DeepArchive), Archived(Glacier)];
        for (at, less) in order.into_iter().enumerate() {
            for more in order.into_iter().skip(at) {
                assert_eq!((less.and(more), more.and(less)), (more, more));
            }
        }
        assert!(until(100).is_readable() && !Thawing(Glacier).is_readable());
        assert_eq!((Archived(DeepArchive).cold_class(), Ready.cold_class()), (Some(DeepArchive), None));
    }

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
