//! There are channels for alerts, and nobody is told through them when backups fail or do not come.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{listed, scheduled_tiers};
use crate::policy::model::{AlertEvent, AlertRule, Alerts, Channel};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::FAILURE_UNHEARD, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let Some(alerts) = subject.document.model.alerts.as_ref().filter(|alerts| !alerts.channels.is_empty()) else {
        return Vec::new();
    };
    let scheduled: Vec<&str> = subject
        .desired
        .databases
        .iter()
        .filter(|(_, database)| scheduled_tiers(subject, database).next().is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    [(AlertEvent::BackupFailed, "backup_failed"), (AlertEvent::BackupOverdue, "backup_overdue")]
        .into_iter()
        .filter_map(|(event, word)| {
            let unheard: Vec<&str> =
                scheduled.iter().copied().filter(|database| !is_heard(alerts, event, database)).collect();
            if unheard.is_empty() {
                return None;
            }
            let of = if unheard.len() == scheduled.len() { String::new() } else { format!(" of {}", listed(unheard)) };
            let route = Route::of(["alerts", "rules"]);
            let why = match event {
                AlertEvent::BackupFailed => "A backup that fails in silence is found out on the day it is needed.",
                _ => "A machine that is off or a timer that was removed reports no failure; only the missing backup shows.",
            };
            let detail = format!("no rule tells anyone about `{word}`{of}");
            Some(
                subject
                    .document
                    .diagnostic(&codes::FAILURE_UNHEARD, &route, detail)
                    .with_why(why)
                    .with_hint(format!("Add `{word}` to the `on` of a rule that holds for every database.")),
            )
        })
        .collect()
}

fn is_heard(alerts: &Alerts, event: AlertEvent, database: &str) -> bool {
    let concerns =
        |rule: &AlertRule| rule.databases.as_ref().is_none_or(|names| names.iter().any(|name| name.text() == database));
    // A dead man's switch that hears of successes notices when they stop.
    let is_switch = |rule: &AlertRule| {
        rule.on.contains(&AlertEvent::BackupSucceeded)
            && rule.notify.iter().any(|name| matches!(alerts.channels.get(name.text()), Some(Channel::Healthcheck(_))))
    };
    alerts.rules.iter().filter(|rule| concerns(rule)).any(|rule| {
        rule.on.contains(&event) && !rule.notify.is_empty() || event == AlertEvent::BackupOverdue && is_switch(rule)
    })
}
