//! The files that make a machine or a cluster start scheduled work: written where they are missing or were changed,
//! removed where the policy no longer wants them.

use super::{Action, Deed, FieldChange, Live, Note, Phase, Symbol};
use crate::policy::{DatabaseSpec, Desired, RunSpec};
use crate::schedule::{Content, Job, Program, WantedFile, cron_file, cron_jobs, mark, systemd_units};
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
        RunSpec::Systemd(units) => systemd_units(units, program, &each_database(desired)),
        RunSpec::Cron(table) => cron_file(table, program, &each_database(desired)),
        RunSpec::Kubernetes(jobs) => cron_jobs(jobs, program, &each_tier(desired)),
        RunSpec::Elsewhere => Vec::new(),
    }
}

/// One job for each tier of each database: they fail, wait and are looked at one by one.
fn each_database(desired: &Desired) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (database, spec) in &desired.databases {
        for (tier, schedule) in tiers(desired, spec) {
            jobs.push(Job { tier: tier.to_owned(), database: Some(database.clone()), schedule: schedule.clone() });
        }
    }
    jobs
}

fn each_tier(desired: &Desired) -> Vec<Job> {
    let is_used = |name: &String| desired.databases.values().any(|database| database.tiers.contains(name));
    let used = desired.tiers.iter().filter(|(name, _)| is_used(name));
    used.map(|(name, tier)| Job { tier: name.clone(), database: None, schedule: tier.schedule.clone() }).collect()
}

fn tiers<'a>(
    desired: &'a Desired,
    database: &'a DatabaseSpec,
) -> impl Iterator<Item = (&'a str, &'a crate::schedule::Schedule)> {
    database.tiers.iter().filter_map(|name| desired.tiers.get(name).map(|tier| (name.as_str(), &tier.schedule)))
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
    actions.extend(gone.into_iter().filter_map(|((_, path), found)| remove(path, found, &mark)));
    (actions, n_unchanged)
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
    let telling = ["OnCalendar=", "ExecStart=", "  schedule: ", "  timeZone: "];
    let lines = text.lines().filter(|line| telling.iter().any(|start| line.starts_with(start)));
    let change = |line: &str| {
        let (field, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
        FieldChange { field: field.trim().to_owned(), before: None, after: Some(value.trim().to_owned()) }
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

/// Only what was written for this policy is removed.
fn remove(path: &str, found: &FoundFile, mark: &str) -> Option<Action> {
    let FoundFile::There(content) = found else { return None };
    if let Content::Text(text) = content
        && !text.starts_with(mark)
    {
        return None;
    }
    Some(Action {
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
    })
}
