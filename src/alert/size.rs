//! Backups that are much larger or smaller than they were, or larger than they may be.

use super::{Finding, Topic};
use crate::base::Size;
use crate::policy::{AlertEvent, Desired};
use crate::standing::{DatabaseStanding, TierStanding};
use jiff::Timestamp;

/// What of a tier's sizes is beyond the thresholds of the policy.
pub(super) fn of_tier(desired: &Desired, database: &DatabaseStanding, tier: &TierStanding) -> Option<Finding> {
    let thresholds = &desired.alerts.thresholds;
    let last = tier.last_good()?;
    let change = tier.size_change().filter(|change| {
        let bound = thresholds.size_change.map(|share| u64::from(share.as_percent()));
        bound.is_some_and(|bound| change.unsigned_abs() > bound)
    });
    let is_too_large = thresholds.size_max.is_some_and(|max| last.stored_bytes > max.0);
    let problem = match (change, thresholds.size_max.filter(|_| is_too_large)) {
        (Some(change), _) => {
            let word = if change < 0 { "smaller" } else { "larger" };
            let size = Size(last.stored_bytes);
            format!("the backup {} has {size}, {} % {word} than the one before", last.id, change.unsigned_abs())
        }
        (None, Some(max)) => format!("the backup {} has {}, more than {max}", last.id, Size(last.stored_bytes)),
        (None, None) => return None,
    };
    let cause = match change {
        Some(change) if change < 0 => "data was deleted, or tables left what is dumped",
        _ => "data grew, or something was loaded twice",
    };
    Some(finding(desired, &Topic::tier(&database.name, &tier.tier), problem, cause, last.started_at))
}

fn finding(desired: &Desired, topic: &Topic, problem: String, cause: &str, since: Timestamp) -> Finding {
    Finding {
        key: Finding::key(AlertEvent::BackupSize, topic),
        event: AlertEvent::BackupSize,
        databases: vec![topic.database.clone()],
        title: format!("{}: the size of the backup is unusual", topic.words()),
        topic: topic.clone(),
        problem,
        code: None,
        since,
        cause: Some(cause.to_owned()),
        command: Some(format!("backstay list {} --policy {}", topic.database, desired.file)),
    }
}
