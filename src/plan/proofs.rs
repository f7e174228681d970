//! Which proofs are due: verifications and drills, by their schedules and by what the stores know of earlier ones.

use super::Live;
use crate::base::BackupId;
use crate::catalog::{Backup, DrillRecord, VerifyLevel, all_drills, is_ahead};
use crate::policy::{DatabaseSpec, Desired};
use crate::schedule::Schedule;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What of one database is to be proven now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueProofs {
    /// The database's name in the catalog.
    pub database: String,
    /// Copies to be verified.
    pub verify: Option<DueVerification>,
    /// When the drill became due that was not held yet.
    pub drill: Option<Timestamp>,
}

/// Copies that were not looked at since the schedule asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueVerification {
    /// When it became due.
    pub since: Timestamp,
    /// How thoroughly.
    pub level: VerifyLevel,
    /// The copies: storage, tier, id.
    pub copies: Vec<(String, String, BackupId)>,
}

/// The databases of a policy of which something is to be proven at `now`, in the order of their names.
///
/// A schedule asks for what was there when it fired: the first backup of a database is proven at the next instant, not at
/// once. After a time without a run each is due once. What was damaged or did not pass was looked at, too.
pub fn due_proofs(desired: &Desired, live: &Live, now: Timestamp) -> Vec<DueProofs> {
    let mut shelves: BTreeMap<&str, Vec<(&str, &Backup)>> = BTreeMap::new();
    for (storage, read) in live.readable() {
        let ours = read.contents.backups.iter().filter(|backup| backup.policy == desired.name);
        for backup in ours.filter(|backup| !is_ahead(&backup.id, now)) {
            shelves.entry(&backup.database).or_default().push((storage, backup));
        }
    }
    let drills = all_drills(live.readable().map(|(_, read)| &read.contents));
    let mut due = Vec::new();
    for (name, copies) in shelves {
        let Some(found) = desired.database(name) else { continue };
        if found.server_database.is_some_and(|database| is_gone(live, found.entry, database)) {
            continue;
        }
        let last = |schedule: &Schedule| schedule.last_at_or_before(now, &desired.timezone);
        let proofs = DueProofs {
            database: name.to_owned(),
            verify: verification(found.spec, &copies, last),
            drill: drill(found.spec, name, &copies, &drills, last),
        };
        if proofs.verify.is_some() || proofs.drill.is_some() {
            due.push(proofs);
        }
    }
    due
}

/// True when an entry with `match` was asked and does not find the database any more.
fn is_gone(live: &Live, entry: &str, database: &str) -> bool {
    matches!(live.matched.get(entry), Some(Ok(found)) if !found.iter().any(|name| name == database))
}

fn verification(
    spec: &DatabaseSpec,
    copies: &[(&str, &Backup)],
    last: impl Fn(&Schedule) -> Option<Timestamp>,
) -> Option<DueVerification> {
    let verify = spec.verify.as_ref()?;
    let since = last(&verify.schedule)?;
    let is_proven = |backup: &Backup| {
        backup.verified.as_ref().is_some_and(|record| record.at >= since && record.level >= verify.level)
    };
    // What lies in a cold class cannot be read without being paid for.
    let can_be_read = |backup: &Backup| backup.availability.cold_class().is_none();
    let due = copies.iter().filter(|(_, b)| b.finished_at <= since && can_be_read(b) && !is_proven(b));
    let copies: Vec<_> = due.map(|(s, b)| ((*s).to_owned(), b.tier.clone(), b.id.clone())).collect();
    (!copies.is_empty()).then_some(DueVerification { since, level: verify.level, copies })
}

fn drill(
    spec: &DatabaseSpec,
    name: &str,
    copies: &[(&str, &Backup)],
    drills: &[&DrillRecord],
    last: impl Fn(&Schedule) -> Option<Timestamp>,
) -> Option<Timestamp> {
    let drill = spec.drill.as_ref()?;
    let since = last(&drill.schedule)?;
    let is_wanted = |tier: &str| drill.tier.as_deref().is_none_or(|wanted| wanted == tier);
    let held = || drills.iter().filter(|record| record.database == name && is_wanted(&record.tier));
    let mut wanted = copies.iter().filter(|(_, backup)| is_wanted(&backup.tier)).peekable();
    wanted.peek()?;
    // Where drills were held before, the next one is due though no backup of that time is left.
    let was_asked = held().next().is_some() || wanted.any(|(_, backup)| backup.finished_at <= since);
    (was_asked && held().all(|record| record.at < since)).then_some(since)
}
