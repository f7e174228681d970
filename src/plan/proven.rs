//! Deletion that waits for a drill: an expired backup may go once a newer one of its tier, which is still there, has
//! passed.

use super::backups::Slot;
use super::{GRACE, Note, Subject};
use crate::base::{BackupId, Period};
use crate::catalog::{Backup, DrillRecord};
use crate::policy::{Desired, PruneAfter};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What drills say of a tier whose deletion waits for them.
pub(super) struct Proven<'a> {
    /// The newest backup that is there and has passed.
    newest: Option<&'a BackupId>,
    /// Why somebody has to look at the drills, as a phrase; `None`: the next one comes by itself.
    pub(super) trouble: Option<String>,
}

impl Proven<'_> {
    /// Whether a backup may be deleted.
    pub(super) fn frees(&self, id: &BackupId) -> bool {
        self.newest.is_some_and(|newest| newest > id)
    }
}

/// What drills say of a tier of a database; `None` where deletion does not wait for them.
pub(super) fn proven<'a>(
    desired: &Desired,
    subject: &Subject<'_>,
    tier: &str,
    copies: &BTreeMap<&str, Vec<&'a Backup>>,
    drills: &[&DrillRecord],
    now: Timestamp,
) -> Option<Proven<'a>> {
    let Some(PruneAfter::Drill) = desired.tiers.get(tier)?.prune_after else { return None };
    let has_passed = |backup: &&&Backup| {
        backup.is_good() && drills.iter().any(|record| record.id == backup.id && record.has_passed())
    };
    let newest = copies.values().flatten().filter(has_passed).map(|backup| &backup.id).max();
    let last = drills.last();
    let schedule = subject.spec.drill.as_ref().map(|drill| &drill.schedule);
    let due = schedule.and_then(|schedule| schedule.last_at_or_before(now, &desired.timezone));
    let trouble = match (last, due) {
        (Some(last), _) if !last.has_passed() => Some(format!("the last drill, of {}, did not pass", last.id)),
        (_, None) => Some("no drill comes by itself".to_owned()),
        (Some(last), Some(due)) if last.at < due && Period::between(due, now) > GRACE => {
            Some(format!("the drill is overdue by {}", Period::between(due, now).human()))
        }
        _ => None,
    };
    Some(Proven { newest, trouble })
}

/// What is said of expired backups that wait for a drill which comes by itself.
pub(super) fn waiting(slot: &Slot<'_>, n: u64) -> Option<Note> {
    let what = if n == 1 { "1 expired copy waits".to_owned() } else { format!("{n} expired copies wait") };
    (n > 0).then(|| Note {
        about: format!("prune/{}/{}", slot.subject.name, slot.tier),
        message: format!("{what} until a newer backup has passed a drill"),
        is_problem: false,
    })
}
