//! What a run could see, and so which troubles it may call over.

use super::{DeedEnd, DeedKind, PolicyFiles, Remembered, RunReport};
use crate::policy::{AlertEvent, Desired};
use crate::standing::Standing;

/// What a run saw: how things stand, if that could be asked, and what it did itself.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// How things stand after the run.
    pub standing: Option<&'a Standing>,
    /// What it did.
    pub report: &'a RunReport,
}

impl Sight<'_> {
    /// True when something that was wrong and was not found now is over: the run looked where it would have shown.
    pub fn sees_end_of(&self, desired: &Desired, entry: &Remembered) -> bool {
        let Remembered { finding, .. } = entry;
        let topic = &finding.topic;
        if finding.event == AlertEvent::PlanDrift {
            return self.report.drift.is_some();
        }
        if finding.event == AlertEvent::PolicyInvalid {
            return self.report.files == PolicyFiles::Valid;
        }
        let Some(standing) = self.standing else { return false };
        let is_readable =
            |name: &str| standing.storages.iter().all(|storage| storage.name != name || storage.problem.is_none());
        if topic.database.is_empty() {
            return topic.storage.is_empty() || is_readable(&topic.storage);
        }
        let database = standing.databases.iter().find(|database| database.name == topic.database);
        let of_entry = |entry: &String| {
            topic.database.strip_prefix(entry.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        // What left the policy is nobody's trouble any more; what is left to another host is that one's.
        let Some(database) = database else {
            return standing.unlisted.is_empty() && !desired.elsewhere.iter().any(of_entry);
        };
        let tiers = || database.tiers.iter().filter(|tier| topic.tier.is_empty() || tier.tier == topic.tier);
        if finding.event == AlertEvent::BackupFailed {
            let is_made = |deed: &&super::DeedReport| {
                deed.kind == DeedKind::Backup && deed.topic == *topic && matches!(deed.end, DeedEnd::Good(_))
            };
            let newer = |since| tiers().filter_map(|t| t.last_good()).any(|point| point.started_at > since);
            return tiers().next().is_none() || newer(finding.since) || self.report.deeds.iter().any(|d| is_made(&d));
        }
        let is_wal_seen = !matches!(finding.event, AlertEvent::WalGap | AlertEvent::WalLag)
            || database.wal.as_ref().is_none_or(|wal| wal.is_whole());
        is_wal_seen && tiers().all(|tier| tier.is_whole()) && is_readable(&topic.storage)
    }
}
