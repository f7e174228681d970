//! What is new, what is told again, what is over.

use super::level::{level, louder};
use super::memory::{Memory, Remembered, Told};
use super::message::{Kind, Message, Restorable, Sender};
use super::{Addressee, Finding, RunReport, Sight, addressees, from_run, from_standing};
use crate::base::Period;
use crate::policy::{AlertEvent, Desired};
use crate::standing::Standing;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Who is told what, and what is remembered before anybody was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// One for each channel and thing.
    pub notices: Vec<Notice>,
    /// What is remembered then; deliveries are still to be acknowledged in it.
    pub memory: Memory,
}

/// A message for a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Name of the channel.
    pub channel: String,
    /// What it is told.
    pub message: Message,
    /// What is remembered of the channel once it took it; `None` for what is over or only happened.
    pub told: Option<Told>,
}

/// What is over and could not be told to somebody for this long is forgotten.
const FORGOTTEN_AFTER: Period = Period::days(7);

/// Compares what is wrong with what was told. Total and deterministic.
pub fn judge(desired: &Desired, sight: &Sight<'_>, memory: &Memory, sender: &Sender) -> Verdict {
    let now = sender.sent_at;
    let (lasting, passing): (Vec<_>, Vec<_>) =
        findings(desired, sight, memory, now).into_iter().partition(|finding| finding.lasts());
    let mut memory = Memory { claim: None, ..memory.clone() };
    let mut writer = Writer { desired, sight, sender, notices: Vec::new() };
    for finding in passing {
        for (channel, addressee) in addressees(desired, &finding) {
            writer.add(channel, Kind::Happened, &finding, addressee, None);
        }
    }
    let found: BTreeSet<String> = lasting.iter().map(|finding| finding.key.clone()).collect();
    for finding in lasting {
        let entry = memory.entries.entry(finding.key.clone()).or_insert_with(|| Remembered {
            finding: finding.clone(),
            raised: now,
            over: None,
            told: BTreeMap::new(),
        });
        let since = finding.since.min(entry.finding.since);
        entry.finding = Finding { since, ..finding };
        entry.over = None;
    }
    for (key, entry) in &mut memory.entries {
        if !found.contains(key) && entry.over.is_none() && sight.sees_end_of(desired, entry) {
            entry.over = Some(now);
        }
    }
    memory.entries.retain(|_, entry| writer.remembered(entry));
    Verdict { notices: writer.notices, memory }
}

/// What is wrong now, each thing once.
fn findings(desired: &Desired, sight: &Sight<'_>, memory: &Memory, now: Timestamp) -> Vec<Finding> {
    let of_run = from_run(desired, sight.report, now);
    let mut standing = sight.standing.map(|standing| from_standing(desired, standing)).unwrap_or_default();
    // That there is no backup is what a backup that failed means; whoever was told of the one knows the other.
    let fails = |finding: &Finding| {
        let key = Finding::key(AlertEvent::BackupFailed, &finding.topic);
        let is_remembered = memory.entries.get(&key).is_some_and(|entry| entry.over.is_none());
        is_remembered || of_run.iter().any(|other| other.key == key)
    };
    standing.retain(|finding| finding.event != AlertEvent::BackupOverdue || !fails(finding) || is_late(finding, now));
    // A record says more than the run that wrote it.
    let has_record = |finding: &Finding| {
        matches!(finding.event, AlertEvent::VerifyFailed | AlertEvent::DrillFailed)
            && standing.iter().any(|s| s.event == finding.event && s.topic.database == finding.topic.database)
    };
    let mut all: Vec<Finding> = of_run.iter().filter(|finding| !has_record(finding)).cloned().collect();
    all.extend(standing);
    all
}

/// A backup that keeps failing is told as overdue, too, a day after it was due.
fn is_late(finding: &Finding, now: Timestamp) -> bool {
    Period::between(finding.since, now) > Period::days(1)
}

struct Writer<'a> {
    desired: &'a Desired,
    sight: &'a Sight<'a>,
    sender: &'a Sender,
    notices: Vec<Notice>,
}

impl Writer<'_> {
    /// Tells what there is to tell of something that is remembered. False when it need not be remembered any more.
    fn remembered(&mut self, entry: &mut Remembered) -> bool {
        let now = self.sender.sent_at;
        let finding = entry.finding.clone();
        let named = addressees(self.desired, &finding);
        if let Some(over) = entry.over {
            entry.told.retain(|channel, _| self.desired.alerts.channels.contains_key(channel));
            for (channel, told) in &entry.told {
                let link = named.get(channel).and_then(|addressee| addressee.link.clone());
                let addressee = Addressee { severity: told.severity, link };
                self.add(channel.clone(), Kind::Resolved, &finding, addressee, None);
            }
            return !entry.told.is_empty() && Period::between(over, now) < FORGOTTEN_AFTER;
        }
        let is_named = !named.is_empty();
        let level = level(entry.raised, now);
        for (channel, addressee) in named {
            let kind = match entry.told.get(&channel) {
                None => Kind::New,
                Some(told) if told.level < level => Kind::Again,
                Some(_) => continue,
            };
            let severity = louder(addressee.severity, level);
            let told = Some(Told { level, severity, at: now });
            self.add(channel, kind, &finding, Addressee { severity, ..addressee }, told);
        }
        is_named || !entry.told.is_empty()
    }

    fn add(&mut self, channel: String, kind: Kind, finding: &Finding, addressee: Addressee, told: Option<Told>) {
        let message = Message {
            format_version: 1,
            kind,
            event: finding.event.word().to_owned(),
            severity: addressee.severity,
            key: finding.key.clone(),
            policy: self.desired.name.clone(),
            topic: finding.topic.clone(),
            title: finding.title.clone(),
            problem: finding.problem.clone(),
            code: finding.code.clone(),
            since: finding.since,
            restorable: restorable(self.sight.standing, finding),
            cause: finding.cause.clone(),
            command: finding.command.clone(),
            link: addressee.link,
            sender: self.sender.clone(),
        };
        self.notices.push(Notice { channel, message, told });
    }
}

/// The most databases of a storage that are named.
const NAMED: usize = 5;

/// The newest good backup of every database that a finding is about.
fn restorable(standing: Option<&Standing>, finding: &Finding) -> Vec<Restorable> {
    let of = |name: &String| {
        let known = standing.and_then(|standing| standing.databases.iter().find(|database| database.name == *name));
        let newest = known.and_then(|database| database.last_good());
        Restorable {
            database: name.clone(),
            id: newest.map(|point| point.id.to_string()),
            at: newest.map(|point| point.started_at),
            until: known.and_then(|database| database.wal.as_ref()?.restorable.newest()),
            storages: newest.map(|point| point.storages.clone()).unwrap_or_default(),
            is_known: known.is_some_and(|database| database.tiers.iter().all(|tier| tier.is_whole())),
        }
    };
    finding.databases.iter().take(NAMED).map(of).collect()
}

impl Verdict {
    /// True when there is nothing to tell and nothing new to remember.
    pub fn is_quiet(&self, before: &Memory) -> bool {
        self.notices.is_empty() && self.memory.entries == before.entries
    }
}

/// The sight of who looked at nothing: for what only is told.
pub fn blind(report: &RunReport) -> Sight<'_> {
    Sight { standing: None, report }
}
