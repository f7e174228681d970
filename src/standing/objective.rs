//! Objectives, and whether they are met.

use crate::base::Period;

/// One objective of a database and what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objective {
    /// What the policy asks.
    pub wanted: Period,
    /// What is: `None` where nothing can be restored at all.
    pub measured: Option<Period>,
    /// Where that comes from.
    pub evidence: Evidence,
}

/// How a number was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// By the clock: the age of the last good backup.
    Age,
    /// By the clock: the age of the newest archived WAL that a base backup leads to.
    Wal,
    /// By a restore drill.
    Drill,
    /// Nobody tried: as long as the backup took, and its thaw.
    Estimate,
}

/// Whether an objective is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is.
    Met,
    /// It seems so, and no drill has shown it.
    Unproven,
    /// It is not.
    Missed,
}

impl Objective {
    /// Whether it is met.
    pub fn verdict(&self) -> Verdict {
        match self.measured {
            Some(measured) if measured <= self.wanted && self.evidence == Evidence::Estimate => Verdict::Unproven,
            Some(measured) if measured <= self.wanted => Verdict::Met,
            _ => Verdict::Missed,
        }
    }
}
