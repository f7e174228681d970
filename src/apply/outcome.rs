//! How a run went.

use crate::event::StepEnd;

/// How every step of a plan went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// One entry a step of the plan, in the order of work.
    pub steps: Vec<StepOutcome>,
    /// Databases that another run had locked, with the message that names it.
    pub locked: Vec<(String, String)>,
    /// The run was interrupted.
    pub interrupted: bool,
}

/// How one step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOutcome {
    /// The step's address in the plan.
    pub address: String,
    /// What it was to do.
    pub title: String,
    /// How it ended.
    pub end: StepEnd,
    /// It was left out because a guard stops it.
    pub guarded: bool,
}

impl Outcome {
    /// How many steps failed.
    pub fn n_failed(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.end, StepEnd::Failed(_))).count()
    }

    /// How many steps are done in part.
    pub fn n_partly(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.end, StepEnd::Partly(_))).count()
    }

    /// How many steps were left out, guarded ones not counted.
    pub fn n_skipped(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.end, StepEnd::Skipped(_)) && !step.guarded).count()
    }

    /// How many steps a guard stopped.
    pub fn n_guarded(&self) -> usize {
        self.steps.iter().filter(|step| step.guarded).count()
    }

    /// How many steps are done, by this run or before it.
    pub fn n_done(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.end, StepEnd::Done(_) | StepEnd::AlreadyDone)).count()
    }
}
