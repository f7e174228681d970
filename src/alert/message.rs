//! What a channel is told.

use super::Topic;
use crate::policy::AlertSeverity;
use jiff::Timestamp;
use serde::Serialize;

/// Why something is told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is new to this channel.
    New,
    /// It was told before and is still so.
    Again,
    /// It is over.
    Resolved,
    /// It happened, and there is nothing to do.
    Happened,
    /// Somebody tries the channel.
    Test,
}

/// A message, the same for every channel. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Version of this form.
    pub format_version: u32,
    /// Why it is told now.
    pub kind: Kind,
    /// The event, as rules name it; `channel_failed` and `test` have no rule.
    pub event: String,
    /// How loud it is.
    pub severity: AlertSeverity,
    /// The same for every message about the same thing of one policy.
    pub key: String,
    /// The policy.
    pub policy: String,
    /// What it is about.
    #[serde(flatten)]
    pub topic: Topic,
    /// One line.
    pub title: String,
    /// What failed, in the words of whoever noticed.
    pub problem: String,
    /// Its code, if it has one.
    pub code: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// What can still be restored.
    pub restorable: Vec<Restorable>,
    /// What probably is behind it.
    pub cause: Option<String>,
    /// What to run next.
    pub command: Option<String>,
    /// Where to read on, if a rule says so.
    pub link: Option<String>,
    /// Who tells it.
    #[serde(flatten)]
    pub sender: Sender,
}

/// The newest that can be restored of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restorable {
    /// The database.
    pub database: String,
    /// Id of its newest good backup; `None`: there is none.
    pub id: Option<String>,
    /// The moment that it shows.
    pub at: Option<Timestamp>,
    /// The last moment that archived WAL recovers it to, where that is later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Storages with a good copy.
    pub storages: Vec<String>,
    /// Every storage could be asked, so that nothing newer is overlooked.
    pub is_known: bool,
}

/// Who tells something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sender {
    /// Id of the run.
    pub run: String,
    /// The machine.
    pub host: String,
    /// When.
    pub sent_at: Timestamp,
}

impl Message {
    /// How loud it is, as a word.
    pub fn severity_word(&self) -> &'static str {
        match self.severity {
            AlertSeverity::Info => "info",
            AlertSeverity::Warning => "warning",
            AlertSeverity::Critical => "critical",
        }
    }

    /// Its line with how it stands: `resolved: …`.
    pub fn headline(&self) -> String {
        match self.kind {
            Kind::New | Kind::Happened | Kind::Test => self.title.clone(),
            Kind::Again => format!("still: {}", self.title),
            Kind::Resolved => format!("resolved: {}", self.title),
        }
    }

    /// Key of the thing among those of all policies.
    pub fn global_key(&self) -> String {
        format!("backstay/{}/{}", self.policy, self.key)
    }
}
