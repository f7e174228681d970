//! What of how things stand is worth telling: concerns as events, and the thresholds of the policy.

use super::{Finding, Topic, size};
use crate::policy::{AlertEvent, Desired};
use crate::standing::{Concern, ConcernKind, Gravity, Standing, StorageStanding, concerns};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Everything that is wrong by how things stand, at most one finding a key.
pub fn from_standing(desired: &Desired, standing: &Standing) -> Vec<Finding> {
    let all = concerns(standing);
    let mut found: Vec<Finding> = all.iter().filter_map(|concern| of_concern(desired, standing, concern)).collect();
    for database in &standing.databases {
        found.extend(database.tiers.iter().filter_map(|tier| size::of_tier(desired, database, tier)));
    }
    found.extend(standing.storages.iter().filter_map(|storage| too_full(desired, storage, standing.at)));
    // Too old for the objective is no news where it is already told as overdue.
    let overdue: BTreeSet<String> = found.iter().filter(|f| is_overdue(f)).map(|f| f.topic.database.clone()).collect();
    found.retain(|f| !is_objective(f) || !overdue.contains(&f.topic.database));
    let mut seen = BTreeSet::new();
    found.retain(|finding| seen.insert(finding.key.clone()));
    found
}

fn is_overdue(finding: &Finding) -> bool {
    finding.event == AlertEvent::BackupOverdue && !finding.topic.tier.is_empty()
}

fn is_objective(finding: &Finding) -> bool {
    finding.event == AlertEvent::BackupOverdue && finding.topic.tier.is_empty()
}

fn of_concern(desired: &Desired, standing: &Standing, concern: &Concern) -> Option<Finding> {
    let (event, title) = match concern.kind {
        // A tier that waits for its first run while another has a backup endangers nothing.
        ConcernKind::NoBackup if concern.gravity != Gravity::Critical => return None,
        ConcernKind::NoBackup => (AlertEvent::BackupOverdue, "there is no backup"),
        ConcernKind::BackupOverdue if !is_late(desired, standing, concern) => return None,
        ConcernKind::BackupOverdue => (AlertEvent::BackupOverdue, "the backup is overdue"),
        ConcernKind::RpoMissed if concern.gravity != Gravity::Critical => return None,
        ConcernKind::RpoMissed => (AlertEvent::BackupOverdue, "more would be lost than the objective allows"),
        ConcernKind::CopyDamaged => (AlertEvent::VerifyFailed, "a stored backup is damaged"),
        // There is none yet in a policy that is new.
        ConcernKind::VerifyOverdue if concern.since.is_none() => return None,
        ConcernKind::VerifyOverdue => (AlertEvent::VerifyFailed, "the verification is overdue"),
        ConcernKind::DrillOverdue if concern.since.is_none() => return None,
        ConcernKind::DrillOverdue => (AlertEvent::DrillFailed, "the restore drill is overdue"),
        ConcernKind::DrillFailed => (AlertEvent::DrillFailed, "the restore drill failed"),
        ConcernKind::WalGap => (AlertEvent::WalGap, "nothing newer can be restored"),
        ConcernKind::WalLag => (AlertEvent::WalLag, "WAL is late"),
        ConcernKind::CopyMissing => (AlertEvent::CopyMissing, "a copy is missing"),
        ConcernKind::StorageUnreadable => (AlertEvent::BackupFailed, "the storage cannot be read"),
        ConcernKind::Unlisted => (AlertEvent::BackupFailed, "the server could not be asked for its databases"),
        ConcernKind::StorageLow => (AlertEvent::StorageLow, "the storage is nearly full"),
        // An estimate; `review` and `status` show it.
        ConcernKind::RtoMissed => return None,
    };
    let topic = match concern.kind {
        // Also where it is the archive of one database that cannot be read: it is over when the storage is well.
        ConcernKind::StorageUnreadable => Topic::storage(&concern.storage),
        _ => Topic { database: concern.database.clone(), tier: concern.tier.clone(), storage: concern.storage.clone() },
    };
    Some(Finding {
        key: Finding::key(event, &topic),
        event,
        databases: databases(desired, standing, &topic),
        title: format!("{}: {title}", topic.words()),
        topic,
        problem: concern.message.clone(),
        code: None,
        since: concern.since.unwrap_or(standing.at),
        cause: cause(concern.kind).map(str::to_owned),
        command: Some(format!("{} --policy {}", concern.command, desired.file)),
    })
}

/// With a threshold, a backup that the schedule calls overdue is told once the last good one is that old.
fn is_late(desired: &Desired, standing: &Standing, concern: &Concern) -> bool {
    let Some(threshold) = desired.alerts.thresholds.overdue else { return true };
    let tiers = standing.databases.iter().filter(|database| database.name == concern.database);
    let tier = tiers.flat_map(|database| &database.tiers).find(|tier| tier.tier == concern.tier);
    tier.and_then(|tier| tier.age(standing.at)).is_none_or(|age| age > threshold)
}

/// The databases of a topic: its own, or those that a storage is for.
fn databases(desired: &Desired, standing: &Standing, topic: &Topic) -> Vec<String> {
    if !topic.database.is_empty() {
        return vec![topic.database.clone()];
    }
    let writes_to = |tier: &str| {
        desired.tiers.get(tier).is_some_and(|spec| spec.copies.iter().any(|copy| copy.to == topic.storage))
    };
    let uses = standing.databases.iter().filter(|database| database.tiers.iter().any(|tier| writes_to(&tier.tier)));
    uses.map(|database| database.name.clone()).collect()
}

fn cause(kind: ConcernKind) -> Option<&'static str> {
    Some(match kind {
        ConcernKind::NoBackup | ConcernKind::BackupOverdue | ConcernKind::RpoMissed => {
            "nothing starts the work (the machine, its timer or its agent is off), or the last runs failed"
        }
        ConcernKind::WalGap => {
            "a segment was lost or deleted, archiving was off or went elsewhere for a while, or the server became another \
             cluster"
        }
        ConcernKind::WalLag => "`archive_command` fails, the receiver does not run, or a storage cannot be reached",
        ConcernKind::CopyDamaged => "a file was changed or damaged after it was written",
        ConcernKind::CopyMissing => {
            "the storage could not be reached when the backup was taken, or someone deleted there"
        }
        ConcernKind::StorageUnreadable => "the disk or network is down, or the rights there were changed",
        ConcernKind::StorageLow => "backups grew, or something else fills the disk",
        ConcernKind::Unlisted => "the server is down, or its login changed",
        ConcernKind::VerifyOverdue | ConcernKind::DrillOverdue => "nothing starts it, or it is cut off each time",
        ConcernKind::DrillFailed | ConcernKind::RtoMissed => return None,
    })
}

/// A storage that is fuller than the policy's threshold, where `min_free` has not told it already.
fn too_full(desired: &Desired, storage: &StorageStanding, now: Timestamp) -> Option<Finding> {
    let bound = desired.alerts.thresholds.storage_used?;
    let used = storage.used_percent().filter(|used| u64::from(*used) > u64::from(bound.as_percent()))?;
    let topic = Topic::storage(&storage.name);
    Some(Finding {
        key: Finding::key(AlertEvent::StorageLow, &topic),
        event: AlertEvent::StorageLow,
        databases: Vec::new(),
        title: format!("{}: the storage is nearly full", topic.words()),
        topic,
        problem: format!("{used}% of its disk is in use, more than {bound}"),
        code: None,
        since: now,
        cause: cause(ConcernKind::StorageLow).map(str::to_owned),
        command: Some(format!("backstay prune --policy {}", desired.file)),
    })
}
