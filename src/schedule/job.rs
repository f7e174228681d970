//! Work that is started by itself, and whose program does it.

use super::Schedule;
use crate::base::Sha256;
use std::collections::BTreeMap;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// The work of a tier: backups that are due, copies that are missing, what may go.
    Tier(String),
    /// Verification of what is stored.
    Verify,
    /// A restore drill.
    Drill,
}

/// Work that is started by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What is to be done.
    pub task: Task,
    /// The database entry; `None` when one start does it for all.
    pub database: Option<String>,
    /// When.
    pub schedule: Schedule,
}

impl Job {
    /// A name for people and files: `daily-app`, `verify-app`.
    pub fn name(&self) -> String {
        let task = match &self.task {
            Task::Tier(tier) => tier,
            Task::Verify => "verify",
            Task::Drill => "drill",
        };
        self.database.iter().fold(task.to_owned(), |name, database| format!("{name}-{database}"))
    }

    /// What it is, as the beginning of a sentence.
    pub fn title(&self) -> String {
        let database = self.database.as_deref().unwrap_or("all databases");
        match &self.task {
            Task::Tier(tier) => format!("Backups of {database}, tier {tier}"),
            Task::Verify => format!("Verification of the backups of {database}"),
            Task::Drill => format!("Restore drill of {database}"),
        }
    }

    /// The words after the program's name and `--policy`.
    pub fn words(&self) -> Vec<String> {
        let (first, last) = match &self.task {
            Task::Tier(tier) => (vec!["run", tier], None),
            Task::Verify => (vec!["verify"], Some("--due")),
            Task::Drill => (vec!["drill"], Some("--due")),
        };
        first.into_iter().chain(self.database.as_deref()).chain(last).map(str::to_owned).collect()
    }

    /// True when something starts it by itself.
    pub fn is_scheduled(&self) -> bool {
        self.schedule != Schedule::Manual
    }
}

/// Whose work it is, and how it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The policy's name.
    pub policy: String,
    /// Path of the program, absolute where it is started on this machine.
    pub program: String,
    /// Path of the policy file there.
    pub file: String,
    /// Path of the policy file seen from where the program was started, for what is committed beside it.
    pub file_here: String,
    /// The host whose work alone is started; `None`: any.
    pub only_host: Option<String>,
    /// Zone in which schedules are read, by its IANA name.
    pub zone: String,
}

impl Program {
    /// The words of the command that does a job.
    pub fn command(&self, job: &Job) -> Vec<String> {
        self.call(job.words())
    }

    /// The words of a call with these after the policy's.
    pub(super) fn call(&self, words: Vec<String>) -> Vec<String> {
        let host = self.only_host.iter().flat_map(|host| ["--only-host", host.as_str()]);
        let before = [self.program.as_str(), "--policy", self.file.as_str()].into_iter().chain(host);
        before.map(str::to_owned).chain(words).collect()
    }
}

/// Scheduled jobs with a name each, spelled by `spell`. Jobs whose names would be the same get a digest to it: a tier
/// `a` of the database `b-c` and a tier `a-b` of the database `c`, or a tier called `verify`.
pub(super) fn named(jobs: &[Job], spell: impl Fn(&str) -> String) -> Vec<(String, &Job)> {
    let scheduled = jobs.iter().filter(|job| job.is_scheduled());
    told_apart(scheduled.map(|job| (spell(&job.name()), format!("{:?}/{:?}", job.task, job.database), job)).collect())
}

/// What goes by a name each, from the name, what is its alone, and the thing itself.
pub(super) fn told_apart<T>(things: Vec<(String, String, T)>) -> Vec<(String, T)> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (name, _, _) in &things {
        *times.entry(name.clone()).or_default() += 1;
    }
    let apart = |name: String, own: &str| match times.get(&name) {
        Some(1) => name,
        _ => format!("{name}-{}", &Sha256::of(own.as_bytes()).short()[..8]),
    };
    things.into_iter().map(|(name, own, thing)| (apart(name, &own), thing)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let job = |task: Task, database: &str| Job {
            task,
            database: Some(database.to_owned()),
            schedule: "@daily".parse().unwrap_or(Schedule::Manual),
        };
        let tier = |tier: &str| Task::Tier(tier.to_owned());
        let jobs = [job(tier("a"), "b-c"), job(tier("a-b"), "c"), job(tier("verify"), "x"), job(Task::Verify, "x")];
        let names: Vec<String> = named(&jobs, str::to_owned).into_iter().map(|(name, _)| name).collect();
        let unique: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(unique.len(), 4, "{names:?}");
        assert!(names[0].starts_with("a-b-c-") && names[3].starts_with("verify-x-"), "{names:?}");
        let alone = named(&jobs[1..2], str::to_owned);
        assert_eq!(alone[0].0, "a-b-c");
        assert_eq!(jobs[3].words(), ["verify", "x", "--due"]);
    }
}
