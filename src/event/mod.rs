//! One stream of what is going on: it feeds progress bars, logs and tests. Nothing here decides anything.

/// Something that happens while a deed is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A step of a plan begins.
    StepStarted {
        /// The step's address in the plan.
        address: String,
        /// What it does, for people.
        title: String,
        /// Which step, from 1.
        number: usize,
        /// Of how many.
        of: usize,
    },
    /// A step of a plan ended.
    StepFinished {
        /// The step's address in the plan.
        address: String,
        /// How it went.
        end: StepEnd,
    },
    /// A long deed goes on: how far it is. Sent often; the totals may grow.
    Progress {
        /// What is going on, such as `back up app`; the same text throughout one deed.
        task: String,
        /// Bytes done.
        done: u64,
        /// Bytes in all, when known or estimated.
        total: Option<u64>,
    },
    /// A long deed is over; its progress is not shown any more.
    ProgressEnded {
        /// The deed's text, as in `Progress`.
        task: String,
    },
    /// Something worth telling.
    Note(String),
    /// Something that may need attention though the deed goes on.
    Warning(String),
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEnd {
    /// Done; what is now true, in a few words (may be empty).
    Done(String),
    /// There was nothing left to do.
    AlreadyDone,
    /// Part of it is done: what is, and what is not.
    Partly(String),
    /// It failed: the message.
    Failed(String),
    /// It cannot be done before a date that is no fault of anybody: object lock keeps what it is about.
    Deferred(String),
    /// It was not tried, and why.
    Skipped(String),
}

/// Who listens. Called from any thread; must not block.
pub trait Observer: Send + Sync {
    /// Takes one event.
    fn on(&self, event: &Event);
}

/// Listens to nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn on(&self, _event: &Event) {}
}
