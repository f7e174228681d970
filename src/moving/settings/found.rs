//! Everything that old settings say, and what of them is not understood.

use super::assignment::{Taken, assignment, take as take_setting};
use super::{command, schedule};
use std::collections::BTreeMap;

/// A file of the old system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldFile {
    /// Its name, for people.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// What was read out of old files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    pub(super) facts: Facts,
    /// Files that said something, in the order given.
    pub files: Vec<String>,
    /// What is not understood, as `file:line: what`; never the text of the line.
    pub unknown: Vec<String>,
}

/// Where someone is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alert {
    Slack,
    Pagerduty,
    Sentry,
    Healthcheck,
}

/// What is understood. Secrets are names of variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Facts {
    pub(super) url: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
    pub(super) container: Option<String>,
    pub(super) folder: Option<String>,
    pub(super) bucket: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) class: Option<String>,
    pub(super) transitions: Vec<(u64, String)>,
    pub(super) keep_days: Option<u32>,
    pub(super) keep_last: Option<u32>,
    pub(super) remote_days: Option<u32>,
    pub(super) daily_days: Option<u32>,
    pub(super) weekly_days: Option<u32>,
    pub(super) monthly_days: Option<u32>,
    pub(super) gpg: Option<String>,
    pub(super) age: Option<String>,
    pub(super) alerts: BTreeMap<Alert, String>,
    pub(super) mail_to: Option<String>,
    pub(super) mail_host: Option<String>,
    pub(super) mail_user: Option<String>,
    pub(super) mail_from: Option<String>,
    /// Name of a tier and its cron expression.
    pub(super) tiers: BTreeMap<&'static str, String>,
    pub(super) verify: Option<String>,
    pub(super) drill: Option<String>,
}

impl Found {
    /// True when nothing says what is backed up, where to or when.
    pub fn is_empty(&self) -> bool {
        let facts = &self.facts;
        let is_said = [&facts.url, &facts.database, &facts.folder, &facts.bucket].iter().any(|fact| fact.is_some());
        !is_said && facts.tiers.is_empty()
    }
}

/// Reads old files. What two of them say differently is as the first has it.
pub fn read(files: &[OldFile]) -> Found {
    let mut found = Found::default();
    for file in files {
        let before = (found.facts.clone(), found.unknown.len());
        read_file(file, &mut found);
        if (&before.0, before.1) != (&found.facts, found.unknown.len()) {
            found.files.push(file.name.clone());
        }
    }
    found
}

fn read_file(file: &OldFile, found: &mut Found) {
    let Found { facts, unknown, .. } = found;
    if file.name.ends_with(".json") {
        command::take_rules(&file.text, facts);
        return;
    }
    // In a file of settings each line is meant; in a script or a service most lines are about something else.
    let is_settings = file.name.rsplit('/').next().is_some_and(|name| name.contains("env"));
    let lines = || file.text.lines().enumerate();
    for (index, line) in lines() {
        let mut not_understood = |what: &str| unknown.push(format!("{}:{}: {what}", file.name, index + 1));
        if let Some((name, value)) = assignment(line) {
            if take_setting(name, &value, facts) == Taken::No && (is_settings || speaks_of_backups(name)) {
                not_understood(&format!("setting `{name}`"));
            }
        } else if let Some(is_understood) = schedule::take(line, &file.name, facts) {
            if !is_understood {
                not_understood("something is started by schedule");
            }
        } else if command::take(line, facts) == Some(false) {
            not_understood("a command that moves or deletes backups");
        }
    }
}

fn speaks_of_backups(name: &str) -> bool {
    ["BACKUP", "RETENTION", "S3_", "WAL_"].iter().any(|word| name.contains(word))
}
