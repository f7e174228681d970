//! The order of work: places, then database by database; what fails stops only what depends on it.

use super::{Hands, Outcome, StepOutcome, database, places};
use crate::catalog::JournalOutcome;
use crate::event::{Event, StepEnd};
use crate::plan::{Action, Guard, Phase, Plan};
use crate::repository::{Journal, this_process};
use std::collections::{BTreeMap, BTreeSet};

/// Carries out a plan. `already_done`: steps that someone else did meanwhile; `refused`: steps that a guard stops.
/// May be repeated: what is done stays done, and a new plan names what is left.
pub async fn apply(
    plan: &Plan,
    already_done: &BTreeSet<String>,
    refused: &BTreeMap<&str, &Guard>,
    hands: &Hands<'_>,
) -> Outcome {
    let mut run = Run { plan, already_done, refused, hands, outcome: Outcome::default(), failed: BTreeSet::new() };
    let (infra, rest): (Vec<&Action>, Vec<&Action>) = plan.actions.iter().partition(|a| a.phase == Phase::Infra);
    let (loosening, infra): (Vec<&Action>, Vec<&Action>) = infra.into_iter().partition(|action| action.loosens);
    run.places(&infra).await;
    let mut journal = run.open_journal().await;
    let mut written = 0;
    for (name, actions) in by_database(&rest) {
        run.database(name, &actions).await;
        // A journal that cannot be written must not stop the work: the world says what is true.
        if let Some(journal) = &mut journal {
            let settled = run.outcome.steps[written..].iter().map(journal_entry).collect();
            let _ = journal.record(settled).await;
            written = run.outcome.steps.len();
        }
    }
    // What takes protection away comes after everything that protects.
    run.places(&loosening).await;
    if let Some(journal) = &mut journal {
        let _ = journal.record(run.outcome.steps[written..].iter().map(journal_entry).collect()).await;
    }
    run.outcome.interrupted = hands.cancel.is_cancelled();
    if let Some(journal) = journal {
        let _ = journal.finish().await;
    }
    run.outcome
}

/// The actions of each database, in the order in which databases first appear; those of no database come last.
fn by_database<'a>(actions: &[&'a Action]) -> Vec<(Option<&'a str>, Vec<&'a Action>)> {
    let mut groups: Vec<(Option<&str>, Vec<&Action>)> = Vec::new();
    let mut index: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for action in actions {
        let database = action.deed.database();
        let at = *index.entry(database).or_insert_with(|| {
            groups.push((database, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(action);
    }
    groups.sort_by_key(|(database, _)| database.is_none());
    groups
}

fn journal_entry(step: &StepOutcome) -> (String, JournalOutcome) {
    let outcome = match &step.end {
        StepEnd::Done(_) | StepEnd::AlreadyDone => JournalOutcome::Done,
        StepEnd::Partly(problem) | StepEnd::Failed(problem) => JournalOutcome::Failed { problem: problem.clone() },
        StepEnd::Deferred(reason) | StepEnd::Skipped(reason) => JournalOutcome::Skipped { reason: reason.clone() },
    };
    (step.address.clone(), outcome)
}

struct Run<'a> {
    plan: &'a Plan,
    already_done: &'a BTreeSet<String>,
    refused: &'a BTreeMap<&'a str, &'a Guard>,
    hands: &'a Hands<'a>,
    outcome: Outcome,
    failed: BTreeSet<String>,
}

impl<'a> Run<'a> {
    async fn places(&mut self, actions: &[&'a Action]) {
        for action in actions {
            match self.left_out(action) {
                Some(end) => self.note(action, end),
                None => {
                    self.started(action);
                    let end = places::settle(&action.deed, self.hands).await;
                    self.settled(action, end);
                }
            }
        }
    }

    async fn database(&mut self, name: Option<&str>, actions: &[&'a Action]) {
        let pending: Vec<&Action> = actions.iter().copied().filter(|action| self.left_out(action).is_none()).collect();
        let locks = match name {
            Some(name) if !pending.is_empty() => match database::lock(name, &pending, self.hands).await {
                Ok(locks) => locks,
                Err(locked) => {
                    self.outcome.locked.push((name.to_owned(), locked.to_string()));
                    for action in actions {
                        let end = self.left_out(action).unwrap_or_else(|| StepEnd::Skipped(locked.to_string()));
                        self.note(action, end);
                    }
                    return;
                }
            },
            _ => database::Locks::default(),
        };
        for action in actions {
            match self.left_out(action) {
                Some(end) => self.note(action, end),
                None => {
                    self.started(action);
                    let end = database::settle(action, self.plan, &locks, self.hands).await;
                    self.settled(action, end);
                }
            }
        }
        database::release(locks).await;
    }

    /// Why a step is not tried, if so.
    fn left_out(&self, action: &Action) -> Option<StepEnd> {
        if self.already_done.contains(&action.address) {
            return Some(StepEnd::AlreadyDone);
        }
        if let Some(guard) = self.refused.get(action.address.as_str()) {
            return Some(StepEnd::Skipped(format!("[{}] {}", guard.kind.code().id, guard.message)));
        }
        if self.hands.cancel.is_cancelled() {
            return Some(StepEnd::Skipped("interrupted".to_owned()));
        }
        let broken = action.depends_on.iter().find(|address| self.failed.contains(*address));
        broken.map(|address| StepEnd::Skipped(format!("it depends on {address}, which was not done")))
    }

    fn started(&self, action: &Action) {
        self.hands.observer.on(&Event::StepStarted {
            address: action.address.clone(),
            title: action.deed.title(),
            number: self.outcome.steps.len() + 1,
            of: self.plan.actions.len(),
        });
    }

    fn settled(&mut self, action: &Action, end: StepEnd) {
        self.hands.observer.on(&Event::StepFinished { address: action.address.clone(), end: end.clone() });
        self.note(action, end);
    }

    /// Keeps how a step ended. One that never began is told with the outcome, and not as an event.
    fn note(&mut self, action: &Action, end: StepEnd) {
        if !matches!(end, StepEnd::Done(_) | StepEnd::AlreadyDone) {
            self.failed.insert(action.address.clone());
        }
        self.outcome.steps.push(StepOutcome {
            address: action.address.clone(),
            title: action.deed.title(),
            guarded: self.refused.contains_key(action.address.as_str()),
            end,
        });
    }

    /// The journal in the first storage that changes; none when nothing but places changes or it cannot be written.
    async fn open_journal(&self) -> Option<Journal> {
        let storages = self.plan.actions.iter().filter(|a| a.phase != Phase::Infra).flat_map(|a| a.deed.storages());
        let place = storages.into_iter().find_map(|storage| self.hands.places.place(storage).ok())?;
        let owner = this_process(&self.hands.run, self.hands.verb);
        let steps = self.plan.actions.iter().map(|action| action.address.clone());
        Journal::begin(&place.repository, &self.plan.id.to_string(), owner, steps).await.ok()
    }
}
