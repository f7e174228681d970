//! What a review says.

use super::cost::CostChange;
use crate::diag::{Code, Position, Severity};
use crate::policy::Route;

/// What changes from one set of policies to another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Review {
    /// One for each policy of either side.
    pub policies: Vec<PolicyReview>,
}

/// What changes from one policy to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyReview {
    /// The policy's name: that of the base, where there is one.
    pub name: String,
    /// The file before, as shown to the user; `None`: there is no policy before.
    pub base: Option<String>,
    /// The file after; `None`: there is no policy after.
    pub head: Option<String>,
    /// Whether the policy after the change can be used.
    pub is_valid: bool,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// What a reviewer should ask, worst first; full sentences.
    pub questions: Vec<String>,
    /// What storage costs before and after, where sizes were recorded.
    pub cost: Option<CostChange>,
    /// What keeps the review from being whole, as full sentences.
    pub notes: Vec<String>,
}

/// One change, or one thing that is wrong with the policy after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Code; it fixes title and severity.
    pub code: &'static Code,
    /// The particulars: lower case, no full stop, on one line; names stand in backticks.
    pub detail: String,
    /// Route in the policy.
    pub route: Route,
    /// Database entries that it is about; empty where it is about no single ones.
    pub databases: Vec<String>,
    /// The value before, where there is a single one.
    pub before: Option<String>,
    /// The value after.
    pub after: Option<String>,
    /// Where it is written: after the change, or before it for what is gone.
    pub place: Option<Place>,
    /// For what is gone: the nearest place above it that is still there.
    pub near: Option<Place>,
    /// Restore points that go sooner.
    pub lost: Vec<LostPoints>,
    /// Why it matters, a full sentence.
    pub why: Option<String>,
    /// What to do, one sentence.
    pub hint: Option<String>,
}

/// A stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whether it is in the text after the change.
    pub is_after: bool,
    /// The file.
    pub file: String,
    /// First character.
    pub start: Position,
    /// One past the last.
    pub end: Position,
}

/// Restore points of one tier that go sooner than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostPoints {
    /// The databases, all with the same points.
    pub databases: Vec<String>,
    /// The tier.
    pub tier: String,
    /// Whether they are known from a recorded list; otherwise from the schedule.
    pub is_recorded: bool,
    /// Whether there are more than were looked at.
    pub is_partial: bool,
    /// How many.
    pub n_points: usize,
    /// The days on which they go, soonest first; the first one is the first day on which anything is lost.
    pub days: Vec<LostDay>,
}

/// Restore points that go on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostDay {
    /// The day, `2027-02-03`, in UTC.
    pub on: String,
    /// Oldest first.
    pub points: Vec<LostPoint>,
}

/// A restore point that goes sooner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostPoint {
    /// Id of the backup, or the moment that could be restored.
    pub name: String,
    /// The day on which it would have gone without the change; `None`: no end was in sight.
    pub instead_of: Option<String>,
}

impl PolicyReview {
    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.code.severity == severity).count()
    }

    /// True when there is nothing to say.
    pub fn is_quiet(&self) -> bool {
        self.findings.is_empty() && self.notes.is_empty() && self.is_valid
    }
}

impl Review {
    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.policies.iter().map(|policy| policy.count(severity)).sum()
    }

    /// The severity of the worst finding.
    pub fn worst(&self) -> Option<Severity> {
        self.policies.iter().flat_map(|policy| &policy.findings).map(|finding| finding.code.severity).max()
    }

    /// True when every policy after the change can be used.
    pub fn is_valid(&self) -> bool {
        self.policies.iter().all(|policy| policy.is_valid)
    }
}
