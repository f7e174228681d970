//! What a run did, and what of it is worth telling.

use super::{Finding, Topic, cause};
use crate::policy::{AlertEvent, Desired};
use jiff::Timestamp;

/// What a run did, as far as somebody may want to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunReport {
    /// Id of the run.
    pub run: String,
    /// When it began.
    pub begun: Timestamp,
    /// What it did to databases.
    pub deeds: Vec<DeedReport>,
    /// What differs outside from the policy, by address; `None`: nobody looked.
    pub drift: Option<Vec<String>>,
    /// Whether the policy's files can be used.
    pub files: PolicyFiles,
}

/// Whether the files of a policy can be used, as seen by who keeps an older version of it in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PolicyFiles {
    /// Nobody looked.
    #[default]
    Unasked,
    /// They are in force.
    Valid,
    /// They are not.
    Invalid {
        /// The files, as named when the agent was started.
        files: Vec<String>,
        /// What is wrong, and where.
        problem: String,
        /// Its code, if there is one.
        code: Option<String>,
    },
}

/// One thing done to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeedReport {
    /// What it was.
    pub kind: DeedKind,
    /// To what.
    pub topic: Topic,
    /// How it went.
    pub end: DeedEnd,
}

/// Kinds of deeds that are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeedKind {
    /// A backup.
    Backup,
    /// A verification.
    Verify,
    /// A restore drill.
    Drill,
    /// A restore.
    Restore,
}

/// How a deed went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeedEnd {
    /// It was done; what is now true.
    Good(String),
    /// It failed.
    Failed {
        /// The message, without a code.
        problem: String,
        /// The code, if there is one.
        code: Option<String>,
    },
}

impl DeedEnd {
    /// From a message that may begin with a code: `[BS520] the server …`.
    pub fn failed(message: &str) -> DeedEnd {
        let coded = message.strip_prefix('[').and_then(|rest| rest.split_once("] "));
        match coded.filter(|(code, _)| code.len() == 5 && code.starts_with("BS")) {
            Some((code, problem)) => DeedEnd::Failed { problem: problem.to_owned(), code: Some(code.to_owned()) },
            None => DeedEnd::Failed { problem: message.to_owned(), code: None },
        }
    }
}

impl RunReport {
    /// A run that has done nothing yet.
    pub fn begun(run: String, begun: Timestamp) -> RunReport {
        RunReport { run, begun, deeds: Vec::new(), drift: None, files: PolicyFiles::Unasked }
    }

    /// Adds a deed.
    pub fn add(&mut self, kind: DeedKind, topic: Topic, end: DeedEnd) {
        self.deeds.push(DeedReport { kind, topic, end });
    }

    /// True when something failed.
    pub fn has_failed(&self) -> bool {
        self.deeds.iter().any(|deed| matches!(deed.end, DeedEnd::Failed { .. }))
    }
}

/// What of a run is worth telling. A verification or drill that failed left a record, which tells it; only where none
/// could be written does the run itself.
pub fn from_run(desired: &Desired, report: &RunReport, now: Timestamp) -> Vec<Finding> {
    let mut found: Vec<Finding> = report.deeds.iter().filter_map(|deed| of_deed(desired, deed, now)).collect();
    if let Some(addresses) = report.drift.as_ref().filter(|addresses| !addresses.is_empty()) {
        let topic = Topic::default();
        let shown: Vec<&str> = addresses.iter().take(5).map(String::as_str).collect();
        let more = addresses.len().saturating_sub(shown.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        found.push(Finding {
            key: Finding::key(AlertEvent::PlanDrift, &topic),
            event: AlertEvent::PlanDrift,
            topic,
            databases: Vec::new(),
            title: "the world is not as the policy says".to_owned(),
            problem: format!("these differ: {}{more}", shown.join(", ")),
            code: None,
            since: now,
            cause: Some("someone changed it by hand, or the policy changed and was not applied".to_owned()),
            command: Some(format!("backstay plan --policy {}", desired.file)),
        });
    }
    found.extend(of_files(&report.files, now));
    found
}

fn of_files(files: &PolicyFiles, now: Timestamp) -> Option<Finding> {
    let PolicyFiles::Invalid { files, problem, code } = files else { return None };
    let topic = Topic::default();
    let named: Vec<String> = files.iter().map(|file| format!(" --policy {file}")).collect();
    Some(Finding {
        key: Finding::key(AlertEvent::PolicyInvalid, &topic),
        event: AlertEvent::PolicyInvalid,
        topic,
        databases: Vec::new(),
        title: "the policy was changed and is invalid; the last valid one stays in force".to_owned(),
        problem: problem.clone(),
        code: code.clone(),
        since: now,
        cause: Some("the files were changed without `backstay validate`, or only in part".to_owned()),
        command: Some(format!("backstay validate{}", named.concat())),
    })
}

fn of_deed(desired: &Desired, deed: &DeedReport, now: Timestamp) -> Option<Finding> {
    let (event, failed, done) = match deed.kind {
        DeedKind::Backup => (AlertEvent::BackupFailed, "the backup failed", Some(AlertEvent::BackupSucceeded)),
        DeedKind::Verify => (AlertEvent::VerifyFailed, "the verification failed", None),
        DeedKind::Drill => (AlertEvent::DrillFailed, "the restore drill failed", None),
        DeedKind::Restore => (AlertEvent::RestoreDone, "the restore failed", Some(AlertEvent::RestoreDone)),
    };
    let Topic { database, tier, .. } = &deed.topic;
    let (event, title, problem, code) = match &deed.end {
        DeedEnd::Good(done_so) => {
            let verb = if deed.kind == DeedKind::Restore { "restored" } else { "backed up" };
            (done?, verb, done_so.clone(), None)
        }
        DeedEnd::Failed { problem, code } => (event, failed, problem.clone(), code.clone()),
    };
    let is_good = matches!(deed.end, DeedEnd::Good(_));
    let policy = format!(" --policy {}", desired.file);
    let command = match deed.kind {
        _ if is_good => None,
        DeedKind::Backup if tier.is_empty() => Some(format!("backstay plan{policy}")),
        DeedKind::Backup => Some(format!("backstay backup {database} --tier {tier}{policy}")),
        DeedKind::Verify => Some(format!("backstay verify {database}{policy}")),
        DeedKind::Drill => Some(format!("backstay drill {database}{policy}")),
        DeedKind::Restore => Some(format!("backstay restore {database} --dry-run --into NEW_DB{policy}")),
    };
    Some(Finding {
        key: Finding::key(event, &deed.topic),
        event,
        databases: if database.is_empty() { Vec::new() } else { vec![database.clone()] },
        title: format!("{}: {title}", deed.topic.words()).trim_start_matches(": ").to_owned(),
        topic: deed.topic.clone(),
        cause: code.as_deref().and_then(cause::likely),
        problem,
        code,
        since: now,
        command,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_in_front_of_a_message_is_its_code() {
        let failed = |problem: &str, code: Option<&str>| DeedEnd::Failed {
            problem: problem.to_owned(),
            code: code.map(str::to_owned),
        };
        assert_eq!(DeedEnd::failed("[BS520] no way"), failed("no way", Some("BS520")));
        assert_eq!(DeedEnd::failed("[hm] no way"), failed("[hm] no way", None));
        assert_eq!(DeedEnd::failed("near: [BS500] x"), failed("near: [BS500] x", None));
    }
}
