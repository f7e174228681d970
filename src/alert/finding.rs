//! Something wrong, or something that happened.

use crate::policy::{AlertEvent, AlertSeverity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a finding is about; empty texts: nothing of that kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Topic {
    /// The database, by its name in the catalog.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub database: String,
    /// The tier.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tier: String,
    /// The storage.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub storage: String,
}

impl Topic {
    /// A tier of a database.
    pub fn tier(database: &str, tier: &str) -> Topic {
        Topic { database: database.to_owned(), tier: tier.to_owned(), storage: String::new() }
    }

    /// A database as a whole.
    pub fn database(database: &str) -> Topic {
        Topic::tier(database, "")
    }

    /// A storage.
    pub fn storage(storage: &str) -> Topic {
        Topic { storage: storage.to_owned(), ..Topic::default() }
    }

    /// For people: `app, tier daily, at offsite`; empty for nothing.
    pub fn words(&self) -> String {
        let tier = if self.tier.is_empty() { String::new() } else { format!("tier {}", self.tier) };
        let storage = match (self.storage.as_str(), self.database.as_str()) {
            ("", _) => String::new(),
            (storage, "") => format!("storage {storage}"),
            (storage, _) => format!("at {storage}"),
        };
        let parts = [self.database.clone(), tier, storage];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

/// Something wrong, or something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is; the same thing has the same key in every run.
    pub key: String,
    /// The event that rules name.
    pub event: AlertEvent,
    /// What it is about.
    pub topic: Topic,
    /// Databases whose rules it concerns; empty: those of every database.
    pub databases: Vec<String>,
    /// One line for people.
    pub title: String,
    /// What is wrong, in the words of whoever noticed.
    pub problem: String,
    /// Its code, such as `BS520`, where it has one.
    pub code: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// What probably is behind it.
    pub cause: Option<String>,
    /// What to run next.
    pub command: Option<String>,
}

impl Finding {
    /// The key of an event about a topic.
    pub fn key(event: AlertEvent, topic: &Topic) -> String {
        let parts = [&topic.database, &topic.tier, &topic.storage];
        // Names hold no slash, but for databases that an entry with `match` means.
        let parts: Vec<String> = parts.iter().map(|part| part.replace('/', "%2F")).collect();
        format!("{}/{}", event.word(), parts.join("/")).trim_end_matches('/').to_owned()
    }

    /// True for what stays so until something is done; the others are told and forgotten.
    pub fn lasts(&self) -> bool {
        lasts(self.event)
    }

    /// How loud it is unless a rule says otherwise.
    pub fn severity(&self) -> AlertSeverity {
        match self.event {
            // With something to do it is one that failed.
            AlertEvent::RestoreDone if self.command.is_some() => AlertSeverity::Warning,
            event => severity(event),
        }
    }
}

fn lasts(event: AlertEvent) -> bool {
    !matches!(event, AlertEvent::BackupSucceeded | AlertEvent::RestoreDone)
}

fn severity(event: AlertEvent) -> AlertSeverity {
    match event {
        AlertEvent::BackupFailed
        | AlertEvent::BackupOverdue
        | AlertEvent::VerifyFailed
        | AlertEvent::DrillFailed
        | AlertEvent::WalGap => AlertSeverity::Critical,
        AlertEvent::BackupSize
        | AlertEvent::StorageLow
        | AlertEvent::WalLag
        | AlertEvent::CopyMissing
        | AlertEvent::PlanDrift
        | AlertEvent::PolicyInvalid => AlertSeverity::Warning,
        AlertEvent::BackupSucceeded | AlertEvent::RestoreDone => AlertSeverity::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_it_is_about() {
        let key = |topic: &Topic| Finding::key(AlertEvent::BackupFailed, topic);
        assert_eq!(key(&Topic::tier("app", "daily")), "backup_failed/app/daily");
        assert_eq!(key(&Topic::storage("far")), "backup_failed///far");
        assert_eq!(key(&Topic::default()), "backup_failed");
        assert_ne!(key(&Topic::tier("a/b", "c")), key(&Topic::tier("a", "b/c")));
        assert_eq!(
            Topic { storage: "far".to_owned(), ..Topic::tier("app", "daily") }.words(),
            "app, tier daily, at far"
        );
    }
}
