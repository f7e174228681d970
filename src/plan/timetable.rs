//! The files that make a machine or a cluster start scheduled work: written where they are missing or were changed,
//! removed where the policy no longer wants them.

use super::{Action, Deed, FieldChange, Live, Note, Phase, Symbol};
use crate::policy::{DatabaseSpec, Desired, RunSpec, WalMode, wal_hash};
use crate::schedule::{
    Content, Job, Program, Receiver, Schedule, Task, WantedFile, cron_file, cron_jobs, mark, systemd_units, workflow,
};
use similar::{DiffTag, TextDiff};
use std::collections::BTreeMap;

/// A file that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundFile {
    /// Something stands there.
    There(Content),
    /// It cannot be read; the reason.
    Unreadable(String),
}

/// More changed lines of a file than these are not shown one by one.
const MOST_LINES: usize = 12;

/// The files that a policy wants, in the order in which they are written.
pub fn wanted_files(desired: &Desired, program: &Program) -> Vec<WantedFile> {
    match &desired.run {
        RunSpec::Systemd(units) => systemd_units(units, program, &each_database(desired), &each_receiver(desired)),
        RunSpec::Cron(table) => cron_file(table, program, &each_database(desired)),
        RunSpec::Kubernetes(jobs) => cron_jobs(jobs, program, &each_tier(desired), &receivers(desired, |_| true)),
        RunSpec::Workflow(spec) => workflow(spec, program, &desired.timezone, &each_tier(desired)),
        RunSpec::Agent(_) | RunSpec::Elsewhere => Vec::new(),
    }
}

/// Everything that is started by itself on a machine, database by database: they fail, wait and are looked at one by one.
/// A database that names a host is started there only, by whoever was told to be that host.
pub fn each_database(desired: &Desired) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (name, database) in desired.databases.iter().filter(|(_, database)| is_here(desired, database)) {
        for tier in &database.tiers {
            if let Some(spec) = desired.tiers.get(tier) {
                jobs.push(job(Task::Tier(tier.clone()), Some(name), &spec.schedule));
            }
        }
        jobs.extend(proofs(name, database));
    }
    jobs
}

fn is_here(desired: &Desired, database: &DatabaseSpec) -> bool {
    desired.only_host.is_some() || database.host.is_none()
}

/// What has to be kept running on this machine.
pub fn each_receiver(desired: &Desired) -> Vec<Receiver> {
    receivers(desired, |database| is_here(desired, database))
}

/// What has to be kept running for the databases that are meant. WAL comes by a connection of backstay's own, never by
/// `exec`.
fn receivers(desired: &Desired, is_meant: impl Fn(&DatabaseSpec) -> bool) -> Vec<Receiver> {
    let databases = desired.databases.iter().filter(|(_, database)| is_meant(database) && database.exec.is_empty());
    let streamed = databases.filter_map(|(name, database)| {
        let wal = database.wal.as_ref().filter(|wal| wal.mode == WalMode::Stream)?;
        let (database, has_folder) = (name.clone(), wal.spool.is_some());
        Some(Receiver { meaning: wal_hash(desired, &database), database, has_folder })
    });
    streamed.collect()
}

/// The same with one job for each tier: one start does it for all databases.
fn each_tier(desired: &Desired) -> Vec<Job> {
    let is_used = |name: &String| desired.databases.values().any(|database| database.tiers.contains(name));
    let used = desired.tiers.iter().filter(|(name, _)| is_used(name));
    let mut jobs: Vec<Job> = used.map(|(name, tier)| job(Task::Tier(name.clone()), None, &tier.schedule)).collect();
    jobs.extend(desired.databases.iter().flat_map(|(name, database)| proofs(name, database)));
    jobs
}

/// What proves that the backups of a database are good.
fn proofs(name: &str, database: &DatabaseSpec) -> Vec<Job> {
    let verify = database.verify.as_ref().map(|verify| job(Task::Verify, Some(name), &verify.schedule));
    let drill = database.drill.as_ref().map(|drill| job(Task::Drill, Some(name), &drill.schedule));
    verify.into_iter().chain(drill).collect()
}

fn job(task: Task, database: Option<&str>, schedule: &Schedule) -> Job {
    Job { task, database: database.map(str::to_owned), schedule: schedule.clone() }
}

/// The steps that make the files as they are wanted, and how many files are so already.
pub(super) fn actions(desired: &Desired, live: &Live, notes: &mut Vec<Note>) -> (Vec<Action>, u64) {
    let Some(timetable) = &live.timetable else { return (Vec::new(), 0) };
    let wanted = wanted_files(desired, &timetable.program);
    let mark = mark(&desired.name);
    let mut actions: Vec<Action> = Vec::new();
    let mut n_unchanged = 0;
    // Whoever starts the work must find what it starts: each file waits for the one before it.
    let mut before: Vec<String> = Vec::new();
    for file in &wanted {
        let found = timetable.files.get(&file.path);
        match found {
            Some(FoundFile::There(there)) if *there == file.content => n_unchanged += 1,
            Some(FoundFile::Unreadable(problem)) => notes.push(problem_at(&file.path, problem.clone())),
            Some(FoundFile::There(Content::Text(text))) if !text.starts_with(&mark) => notes.push(problem_at(
                &file.path,
                "it stands there and was not written for this policy, so it stays; move it away".to_owned(),
            )),
            _ => {
                let there = found.and_then(|found| match found {
                    FoundFile::There(content) => Some(content),
                    FoundFile::Unreadable(_) => None,
                });
                let action = install(file, there, before.clone());
                before.push(action.address.clone());
                actions.push(action);
            }
        }
    }
    let is_wanted = |path: &str| wanted.iter().any(|file| file.path == path);
    let gone = timetable.files.iter().filter(|(path, _)| !is_wanted(path));
    // A link goes before what it leads to.
    let gone: BTreeMap<(bool, &String), &FoundFile> =
        gone.map(|(path, found)| ((!matches!(found, FoundFile::There(Content::Link(_))), path), found)).collect();
    let is_ours = |path: &str| match timetable.files.get(path) {
        Some(FoundFile::There(Content::Text(text))) => text.starts_with(&mark),
        Some(FoundFile::There(Content::Link(_))) | None => true,
        Some(FoundFile::Unreadable(_)) => false,
    };
    for ((_, path), found) in gone {
        // A link is ours when what it leads to is, or is gone: another policy's name may begin like ours.
        let meant = match found {
            FoundFile::There(Content::Link(to)) => beside(path, to),
            _ => path.clone(),
        };
        if matches!(found, FoundFile::There(_)) && is_ours(&meant) {
            actions.push(remove(path));
        }
    }
    (actions, n_unchanged)
}

/// The path that a link such as `../app.timer` leads to.
fn beside(path: &str, to: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// Address of a file.
fn address(path: &str) -> String {
    format!("run/{}", path.trim_start_matches('/'))
}

fn problem_at(path: &str, message: String) -> Note {
    Note { about: address(path), message: format!("{path}: {message}"), is_problem: true }
}

fn install(file: &WantedFile, there: Option<&Content>, depends_on: Vec<String>) -> Action {
    let changes = match (there, &file.content) {
        (Some(Content::Text(before)), Content::Text(after)) => lines(before, after),
        (Some(Content::Link(before)), Content::Link(after)) => {
            vec![FieldChange { field: "leads to".to_owned(), before: Some(before.clone()), after: Some(after.clone()) }]
        }
        (_, Content::Link(after)) => {
            vec![FieldChange { field: "leads to".to_owned(), before: None, after: Some(after.clone()) }]
        }
        (_, Content::Text(after)) => started(after),
    };
    Action {
        address: address(&file.path),
        symbol: if there.is_some() { Symbol::Change } else { Symbol::Create },
        phase: Phase::Infra,
        deed: Deed::InstallFile { path: file.path.clone(), content: file.content.clone() },
        reason: if there.is_some() { "it is not as the policy says" } else { "it does not exist" }.to_owned(),
        changes,
        depends_on,
        bytes: None,
        irreversible: None,
        loosens: false,
    }
}

/// Of a new file, the lines that say when what is started.
fn started(text: &str) -> Vec<FieldChange> {
    let telling = ["OnCalendar=", "ExecStart=", "  schedule: ", "  timeZone: ", "    - cron: "];
    let lines = text.lines().filter(|line| telling.iter().any(|start| line.starts_with(start)));
    let change = |line: &str| {
        let (field, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
        let field = field.trim().trim_start_matches("- ");
        FieldChange { field: field.to_owned(), before: None, after: Some(value.trim().to_owned()) }
    };
    lines.map(change).collect()
}

/// What differs between two texts, line by line.
fn lines(before: &str, after: &str) -> Vec<FieldChange> {
    let diff = TextDiff::from_lines(before, after);
    let old: Vec<&str> = before.lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let mut changes = Vec::new();
    for op in diff.ops().iter().filter(|op| op.tag() != DiffTag::Equal) {
        let (from, to) = (old.get(op.old_range()).unwrap_or_default(), new.get(op.new_range()).unwrap_or_default());
        for at in 0..from.len().max(to.len()) {
            changes.push(FieldChange {
                field: format!("line {}", op.new_range().start + at + 1),
                before: from.get(at).map(|line| (*line).to_owned()),
                after: to.get(at).map(|line| (*line).to_owned()),
            });
        }
    }
    let n_more = changes.len().saturating_sub(MOST_LINES);
    if n_more > 0 {
        changes.truncate(MOST_LINES);
        changes.push(FieldChange {
            field: "and".to_owned(),
            before: None,
            after: Some(format!("{n_more} more lines")),
        });
    }
    changes
}

fn remove(path: &str) -> Action {
    Action {
        address: address(path),
        symbol: Symbol::Delete,
        phase: Phase::Infra,
        deed: Deed::RemoveFile { path: path.to_owned() },
        reason: "the policy no longer wants it".to_owned(),
        changes: Vec::new(),
        depends_on: Vec::new(),
        bytes: None,
        irreversible: None,
        loosens: false,
    }
}
