//! What a process that stays starts, and when. A value without a clock: it is told the time and answers with jobs.
//!
//! A job is started once for each instant of its schedule, however often it is asked about; once for everything that was
//! missed; and once when the process begins, because what was missed before nobody here knows. Being started means
//! looking: whether anything is due is decided by whoever does the job, from what is stored.

use super::Task;
use super::cron::Schedule;
use crate::base::{Period, Sha256};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Which job of which policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobKey {
    /// The policy's name.
    pub policy: String,
    /// The database entry.
    pub database: String,
    /// What is to be done.
    pub task: Task,
}

/// When a job is to be started.
#[derive(Debug, Clone)]
pub struct Timing {
    /// By which schedule.
    pub schedule: Schedule,
    /// In which zone.
    pub zone: TimeZone,
    /// At most so long after an instant of the schedule; each job has a moment of its own within.
    pub jitter: Period,
}

/// How a start of a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// There is nothing to be tried again before the next instant.
    Settled,
    /// It may go better later.
    Again,
    /// It was stopped with the process.
    Stopped,
}

/// What is remembered of a job.
#[derive(Debug, Clone)]
struct Entry {
    timing: Timing,
    /// Every instant up to this one is done with; `None` before the first start.
    through: Option<Timestamp>,
    /// Before this there is nothing to look for; `None`: look now.
    wake: Option<Timestamp>,
    is_running: bool,
    n_failures: u32,
    /// Seconds of the process's life at which it is tried again.
    again_at: Option<Period>,
}

/// All jobs, and what is remembered of them.
#[derive(Debug, Default)]
pub struct Agenda {
    entries: BTreeMap<JobKey, Entry>,
    /// When it was last asked.
    asked: Option<Timestamp>,
}

/// A clock that goes back further than this was wrong before: what was remembered by it counts for nothing. Less is a
/// correction, and what was done stays done.
const CORRECTION: Period = Period::hours(3);

const FIRST_RETRY: Period = Period::minutes(5);
const LONGEST_RETRY: Period = Period::hours(1);

impl Agenda {
    /// Replaces the jobs. What is remembered of those that stay is kept; new ones are started at the next question.
    pub fn set(&mut self, jobs: impl IntoIterator<Item = (JobKey, Timing)>) {
        let mut before = std::mem::take(&mut self.entries);
        for (key, timing) in jobs {
            let entry = match before.remove(&key) {
                Some(entry) => Entry { timing, wake: None, ..entry },
                None => Entry { timing, through: None, wake: None, is_running: false, n_failures: 0, again_at: None },
            };
            self.entries.insert(key, entry);
        }
        // What is running and no longer wanted ends by itself.
        self.entries.extend(before.into_iter().filter(|(_, entry)| entry.is_running).map(|(key, entry)| {
            let timing = Timing { schedule: Schedule::Manual, ..entry.timing.clone() };
            (key, Entry { timing, ..entry })
        }));
    }

    /// At most `most` jobs to start now, which from then on count as running. `uptime` is how long the process has lived
    /// by a clock that nobody sets. Jobs of one database never run at the same time; who waits longest goes first.
    pub fn begin(&mut self, now: Timestamp, uptime: Period, most: usize) -> Vec<JobKey> {
        if self.asked.is_some_and(|asked| now < asked) {
            self.turn_back(now);
        }
        self.asked = Some(now);
        let mut due: Vec<(Timestamp, JobKey)> = Vec::new();
        for (key, entry) in &mut self.entries {
            if let Some(instant) = entry.due(key, now, uptime) {
                due.push((instant, key.clone()));
            }
        }
        // Backups come before proofs, as `Task` is ordered.
        due.sort_by(|(a, one), (b, other)| (a, &one.task, one).cmp(&(b, &other.task, other)));
        let mut begun = Vec::new();
        for (instant, key) in due {
            if begun.len() == most {
                break;
            }
            if self.is_busy(&key) {
                continue;
            }
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.is_running = true;
                entry.again_at = None;
                entry.wake = None;
                // Also what a changed schedule would have said by now: this start looks at all of it.
                let meant = now.checked_sub(moment(&key, entry.timing.jitter).to_signed()).unwrap_or(now);
                entry.through = entry.through.max(Some(instant.max(meant)));
                begun.push(key);
            }
        }
        begun
    }

    /// Notes that a job has ended.
    pub fn end(&mut self, key: &JobKey, ending: Ending, uptime: Period) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.is_running = false;
        match ending {
            Ending::Settled | Ending::Stopped => entry.n_failures = 0,
            Ending::Again => {
                let wait = FIRST_RETRY.0.saturating_mul(1 << entry.n_failures.min(10)).min(LONGEST_RETRY.0);
                entry.n_failures = entry.n_failures.saturating_add(1);
                entry.again_at = Some(Period(uptime.0.saturating_add(wait)));
            }
        }
        if entry.timing.schedule == Schedule::Manual {
            self.entries.remove(key);
        }
    }

    /// How many jobs there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there is nothing to start, ever.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The jobs that run now.
    pub fn running(&self) -> impl Iterator<Item = &JobKey> {
        self.entries.iter().filter(|(_, entry)| entry.is_running).map(|(key, _)| key)
    }

    fn is_busy(&self, key: &JobKey) -> bool {
        self.running().any(|running| running.policy == key.policy && running.database == key.database)
    }

    fn turn_back(&mut self, now: Timestamp) {
        for entry in self.entries.values_mut() {
            entry.wake = None;
            if entry.through.is_some_and(|through| Period::between(now, through) > CORRECTION) {
                entry.through = None;
            }
        }
    }
}

impl Entry {
    /// The instant for which the job is to be started now. What is asked in vain is not reckoned again before it matters.
    fn due(&mut self, key: &JobKey, now: Timestamp, uptime: Period) -> Option<Timestamp> {
        if self.is_running || self.timing.schedule == Schedule::Manual {
            return None;
        }
        if self.again_at.is_some_and(|at| at <= uptime) {
            return Some(self.through.unwrap_or(now));
        }
        if self.wake.is_some_and(|wake| now < wake) {
            return None;
        }
        let late = moment(key, self.timing.jitter);
        let meant = now.checked_sub(late.to_signed()).unwrap_or(now);
        let last = self.timing.schedule.last_at_or_before(meant, &self.timing.zone);
        let is_due = match (self.through, last) {
            (None, _) => return Some(last.unwrap_or(meant)),
            (Some(through), Some(last)) => through < last,
            (Some(_), None) => false,
        };
        if is_due {
            return last;
        }
        let next = self.timing.schedule.next_after(meant, &self.timing.zone);
        // A schedule that is never due again is looked at once a day, in case the clock is set.
        let next = next.and_then(|next| next.checked_add(late.to_signed()).ok());
        self.wake = next.or_else(|| now.checked_add(Period::days(1).to_signed()).ok());
        None
    }
}

/// The job's own moment within the jitter: always the same, so that two processes do not drift apart.
fn moment(key: &JobKey, jitter: Period) -> Period {
    let digest = Sha256::of(format!("{}/{}/{:?}", key.policy, key.database, key.task).as_bytes()).to_string();
    let number = digest.get(..12).and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or(0);
    Period(number % (jitter.0 + 1))
}

#[cfg(test)]
#[path = "agenda_tests.rs"]
mod tests;
