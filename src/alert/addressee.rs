//! Which channels hear of a finding.

use super::Finding;
use crate::policy::{AlertEvent, AlertSeverity, ChannelSpec, Desired};
use std::collections::BTreeMap;

/// How a channel is to hear of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// How loud.
    pub severity: AlertSeverity,
    /// Where to read on.
    pub link: Option<String>,
}

/// The channels that rules name for a finding, each once: the loudest rule counts, its link or else another's. Dead man's
/// switches are pinged and told nothing. That a policy cannot be used is told to who hears of failed backups, where no rule
/// names it: whoever wrote the rules did so in a policy that could be.
pub fn addressees(desired: &Desired, finding: &Finding) -> BTreeMap<String, Addressee> {
    let mut all: BTreeMap<String, Addressee> = BTreeMap::new();
    let is_named = |event| desired.alerts.rules.iter().any(|rule| rule.on.contains(&event));
    let event = match finding.event {
        AlertEvent::PolicyInvalid if !is_named(AlertEvent::PolicyInvalid) => AlertEvent::BackupFailed,
        event => event,
    };
    let rules = desired.alerts.rules.iter().filter(|rule| rule.on.contains(&event));
    for rule in rules.filter(|rule| concerns(desired, rule.databases.as_deref(), &finding.databases)) {
        let severity = rule.severity.unwrap_or(finding.severity());
        for name in &rule.notify {
            let channel = desired.alerts.channels.get(name);
            if channel.is_none_or(|channel| matches!(channel, ChannelSpec::Healthcheck { .. })) {
                continue;
            }
            let heard = all.entry(name.clone()).or_insert(Addressee { severity, link: None });
            if severity > heard.severity {
                *heard = Addressee { severity, link: rule.link.clone().or(heard.link.take()) };
            } else if heard.link.is_none() {
                heard.link.clone_from(&rule.link);
            }
        }
    }
    all
}

/// True when a rule for these entries is about one of these databases. `None`, and a finding about no database: about all.
pub(crate) fn concerns(desired: &Desired, entries: Option<&[String]>, databases: &[String]) -> bool {
    let Some(entries) = entries else { return true };
    let entry_of = |name: &String| desired.database(name).map_or(name.clone(), |found| found.entry.to_owned());
    databases.is_empty() || databases.iter().any(|database| entries.contains(&entry_of(database)))
}
