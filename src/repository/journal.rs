//! Writing a journal: how far a run came, for whoever comes after it.

use super::layout::{JOURNALS, journal_key};
use super::small;
use super::{Repository, RepositoryError};
use crate::catalog::{FORMAT, JournalOutcome, JournalRecord, JournalState, JournalStep, Owner, seal};
use crate::storage::Condition;
use jiff::Timestamp;

/// Journals beyond the newest so many are removed when a run ends.
const KEPT: usize = 20;

/// The journal of this run in one repository.
#[derive(Debug)]
pub struct Journal {
    repository: Repository,
    record: JournalRecord,
}

impl Journal {
    /// Opens the journal of a run that carries out a plan. `steps` are the addresses of its steps, in order.
    pub async fn begin(
        repository: &Repository,
        plan: &str,
        owner: Owner,
        steps: impl IntoIterator<Item = String>,
    ) -> Result<Journal, RepositoryError> {
        let now = Timestamp::now();
        let record = JournalRecord {
            format: FORMAT,
            run: owner.run.clone(),
            plan: plan.to_owned(),
            owner,
            started_at: now,
            updated_at: now,
            finished_at: None,
            steps: steps.into_iter().map(|address| JournalStep { address, outcome: None }).collect(),
            state: JournalState::Running,
        };
        let journal = Journal { repository: repository.clone(), record };
        journal.write(Condition::Always).await?;
        Ok(journal)
    }

    /// Notes how steps went, all in one write. A step that the journal does not list is added.
    pub async fn record(&mut self, settled: Vec<(String, JournalOutcome)>) -> Result<(), RepositoryError> {
        for (address, outcome) in settled {
            match self.record.steps.iter_mut().find(|step| step.address == address) {
                Some(step) => step.outcome = Some(outcome),
                None => self.record.steps.push(JournalStep { address, outcome: Some(outcome) }),
            }
        }
        self.record.updated_at = Timestamp::now();
        self.write(Condition::Always).await
    }

    /// Notes that the run came to its end, and removes the journals of old runs.
    pub async fn finish(mut self) -> Result<(), RepositoryError> {
        let now = Timestamp::now();
        (self.record.updated_at, self.record.finished_at) = (now, Some(now));
        self.write(Condition::Always).await?;
        self.remove_old().await
    }

    async fn remove_old(&self) -> Result<(), RepositoryError> {
        let store = &self.repository.store;
        let mut over = Vec::new();
        for meta in store.list(JOURNALS).await? {
            let Some(bytes) = small::read(store.as_ref(), &meta.key).await? else { continue };
            // A damaged journal is for `verify` to name.
            let Ok(record) = small::judge::<JournalRecord>(&bytes, |journal| journal.format) else { continue };
            if record.finished_at.is_some() || super::process::is_dead(&record.owner) {
                over.push((record.updated_at, meta.key));
            }
        }
        over.sort();
        let n_old = over.len().saturating_sub(KEPT);
        let old: Vec<String> = over.into_iter().take(n_old).map(|(_, key)| key).collect();
        for (_, outcome) in store.delete(&old).await? {
            outcome?;
        }
        Ok(())
    }

    async fn write(&self, condition: Condition) -> Result<(), RepositoryError> {
        let key = journal_key(&self.record.run);
        self.repository.store.put(&key, seal(&self.record).into(), condition).await?;
        Ok(())
    }
}
