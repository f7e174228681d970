//! How far a run came: written to a repository while a plan is applied, so that the next run can tell.

use super::Owner;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The journal of one run in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRecord {
    /// Version of the repository format.
    pub format: u32,
    /// Id of the run.
    pub run: String,
    /// Id of the plan it carries out.
    pub plan: String,
    /// Who runs it.
    pub owner: Owner,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last wrote here.
    pub updated_at: Timestamp,
    /// When it ended, if it did.
    pub finished_at: Option<Timestamp>,
    /// The plan's steps, in order.
    pub steps: Vec<JournalStep>,
    /// Whether the run goes on. Never stored: judged when it is read.
    #[serde(skip)]
    pub state: JournalState,
}

/// One step of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStep {
    /// The step's address in the plan.
    pub address: String,
    /// How it went; `None` until then.
    pub outcome: Option<JournalOutcome>,
}

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum JournalOutcome {
    /// Done, or nothing was left to do.
    Done,
    /// It failed.
    Failed {
        /// The message.
        problem: String,
    },
    /// It was not tried.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JournalState {
    /// Its process may still work.
    #[default]
    Running,
    /// It came to its end, good or not.
    Finished,
    /// Its process is gone and it never came to an end.
    Interrupted,
}

impl JournalRecord {
    /// Number of steps that have an outcome.
    pub fn n_settled(&self) -> usize {
        self.steps.iter().filter(|step| step.outcome.is_some()).count()
    }
}
