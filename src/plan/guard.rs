//! Floors under deletion: what keeps `apply` from pruning, and the words that lift it. A guard never hides anything
//! from the plan.

use super::backups::Slot;
use super::wal_guard::n_wal_deletions;
use super::{Action, Deed, Plan};
use crate::base::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A reason why some actions are not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guard {
    /// Which guard.
    pub kind: GuardKind,
    /// The database entry; empty where it is about none.
    pub database: String,
    /// The tier; empty where it is about none.
    pub tier: String,
    /// What is so, as a phrase.
    pub message: String,
    /// What to do, one imperative sentence.
    pub hint: String,
    /// Addresses of the actions it stops.
    pub actions: Vec<String>,
    /// How many files it lets go when that is allowed, where it is lifted by a number of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_allowed: Option<usize>,
}

/// Kinds of guard; the code is explained in docs/rules.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardKind {
    /// The tier's newest backup is damaged or overdue.
    NewestNotGood,
    /// More than `safety.max_prune` of a tier's copies would go at once.
    TooMany,
    /// More than `safety.max_prune` of a database's WAL would go at once.
    TooMuchWal,
    /// The tier's deletion waits for a drill, and the last one failed or is overdue.
    Unproven,
    /// The step cannot be taken back.
    Irreversible,
    /// A lifecycle rule that is not ours would delete or freeze what the policy promises.
    ForeignRule,
}

impl GuardKind {
    /// The code whose section tells more.
    pub fn code(self) -> &'static crate::diag::Code {
        match self {
            GuardKind::NewestNotGood => &crate::diag::codes::PRUNE_UNSAFE,
            GuardKind::TooMany => &crate::diag::codes::PRUNE_TOO_MANY,
            GuardKind::TooMuchWal => &crate::diag::codes::PRUNE_TOO_MUCH_WAL,
            GuardKind::Unproven => &crate::diag::codes::PRUNE_UNPROVEN,
            GuardKind::Irreversible => &crate::diag::codes::IRREVERSIBLE,
            GuardKind::ForeignRule => &crate::diag::codes::RULE_FOREIGN,
        }
    }
}

/// What the user allowed on top of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approval {
    /// `--allow-prune DATABASE=N`: exactly so many deletions of a database's backups.
    pub allow_prune: BTreeMap<String, usize>,
    /// `--allow-prune-wal DATABASE=N`: exactly so many deletions of files of a database's WAL.
    pub allow_prune_wal: BTreeMap<String, usize>,
    /// `--allow-irreversible ADDRESS`: this step, though it cannot be taken back.
    pub allow_irreversible: BTreeSet<String>,
}

/// From so many copies on the share `safety.max_prune` is looked at: of three backups one is already a third.
pub(super) const SHARE_COUNTS_FROM: usize = 10;

/// The guards over the prune actions of one tier. `n_prunes` counts those of the whole database.
pub(super) fn guards(slot: &Slot<'_>, actions: &[Action], takes_backup: bool, now: jiff::Timestamp) -> Vec<Guard> {
    let (database, tier) = (slot.subject.name.as_str(), slot.tier);
    let prunes: Vec<(&Action, &str)> = actions
        .iter()
        .filter_map(|action| match &action.deed {
            Deed::PruneBackup { database: d, tier: t, storage, .. } if d == database && t == tier => {
                Some((action, storage.as_str()))
            }
            _ => None,
        })
        .collect();
    if prunes.is_empty() {
        return Vec::new();
    }
    let guard = |kind, message, hint, actions| Guard {
        kind,
        database: database.to_owned(),
        tier: tier.to_owned(),
        message,
        hint,
        actions,
        n_allowed: None,
    };
    let mut guards = Vec::new();
    if let Some(problem) = newest_problem(slot, takes_backup, now) {
        let all = prunes.iter().map(|(action, _)| action.address.clone()).collect();
        let hint = format!("Run `backstay backup {database} --tier {tier}`, then plan again.");
        guards.push(guard(
            GuardKind::NewestNotGood,
            format!("{database} ({tier}): {problem}, so nothing older is deleted"),
            hint,
            all,
        ));
    }
    guards.extend(unproven(slot, &prunes));
    let n_database = actions
        .iter()
        .filter(|action| matches!(&action.deed, Deed::PruneBackup { database: d, .. } if d == database))
        .count();
    for (storage, backups) in &slot.copies {
        let there: Vec<String> =
            prunes.iter().filter(|(_, s)| s == storage).map(|(action, _)| action.address.clone()).collect();
        let allowed = slot.subject.spec.safety.max_prune.of(backups.len() as u64) as usize;
        if backups.len() >= SHARE_COUNTS_FROM && there.len() > allowed {
            let message = format!(
                "{database} ({tier}): {} of {} copies at {storage} would be deleted, more than {}",
                there.len(),
                backups.len(),
                slot.subject.spec.safety.max_prune
            );
            let hint = format!("If that is meant, run `backstay apply --allow-prune {database}={n_database}`.");
            guards.push(guard(GuardKind::TooMany, message, hint, there));
        }
    }
    guards
}

/// What is deleted only after a drill of something newer, and there was none.
fn unproven(slot: &Slot<'_>, prunes: &[(&Action, &str)]) -> Option<Guard> {
    let proven = slot.proven.as_ref()?;
    let trouble = proven.trouble.as_ref()?;
    let is_stopped = |action: &Action| match &action.deed {
        Deed::PruneBackup { id, .. } => !id.parse().is_ok_and(|id| proven.frees(&id)),
        _ => false,
    };
    let stopped: Vec<String> =
        prunes.iter().filter(|(action, _)| is_stopped(action)).map(|(action, _)| action.address.clone()).collect();
    let (database, tier) = (slot.subject.name.clone(), slot.tier.to_owned());
    (!stopped.is_empty()).then(|| Guard {
        kind: GuardKind::Unproven,
        message: format!("{database} ({tier}): {trouble}, so what no newer proven backup replaces is not deleted"),
        hint: format!("Run `backstay drill {database} --tier {tier}`, then plan again."),
        database,
        tier,
        actions: stopped,
        n_allowed: None,
    })
}

fn newest_problem(slot: &Slot<'_>, takes_backup: bool, now: jiff::Timestamp) -> Option<String> {
    if takes_backup {
        return None;
    }
    if slot.newest != slot.newest_good {
        return Some("the newest backup is damaged".to_owned());
    }
    match &slot.due {
        super::Due::Since { due, .. } if slot.due.is_overdue(now) => {
            Some(format!("the newest backup is overdue by {}", Period::between(*due, now).human()))
        }
        _ => None,
    }
}

/// The actions of a plan that may not be carried out, each with the guard that stops it.
pub fn refused<'a>(plan: &'a Plan, approval: &Approval) -> BTreeMap<&'a str, &'a Guard> {
    let present: BTreeSet<&str> = plan.actions.iter().map(|action| action.address.as_str()).collect();
    let mut refused = BTreeMap::new();
    for guard in plan.guards.iter().filter(|guard| !is_lifted(plan, guard, approval)) {
        let stopped = guard.actions.iter().filter(|address| present.contains(address.as_str()));
        refused.extend(stopped.map(|address| (address.as_str(), guard)));
    }
    refused
}

/// The same plan without the guards that the approval lifts: what will be carried out, to be shown.
pub fn lifted(plan: &Plan, approval: &Approval) -> Plan {
    let guards = plan.guards.iter().filter(|guard| !is_lifted(plan, guard, approval)).cloned().collect();
    Plan { guards, ..plan.clone() }
}

fn is_lifted(plan: &Plan, guard: &Guard, approval: &Approval) -> bool {
    match guard.kind {
        GuardKind::NewestNotGood | GuardKind::Unproven | GuardKind::ForeignRule => false,
        GuardKind::TooMany => approval.allow_prune.get(&guard.database) == Some(&n_deletions(plan, &guard.database)),
        GuardKind::TooMuchWal => {
            approval.allow_prune_wal.get(&guard.database) == Some(&n_wal_deletions(plan, &guard.database))
        }
        // The first is the step itself, the others wait for it.
        GuardKind::Irreversible => {
            guard.actions.first().is_none_or(|address| approval.allow_irreversible.contains(address))
        }
    }
}

/// How many backups of a database a plan deletes: the number that `--allow-prune` must name.
pub fn n_deletions(plan: &Plan, database: &str) -> usize {
    let prunes = |action: &&Action| matches!(&action.deed, Deed::PruneBackup { database: d, .. } if d == database);
    plan.actions.iter().filter(prunes).count()
}

impl Approval {
    /// The words of the approval that lift no guard of these plans though they are meant to, each with the reason.
    pub fn idle(&self, plans: &[&Plan]) -> Vec<String> {
        let mut idle = Vec::new();
        for (database, allowed) in &self.allow_prune {
            let typed = format!("`--allow-prune {database}={allowed}` lifts nothing");
            let planned: Vec<usize> =
                plans.iter().map(|plan| n_deletions(plan, database)).filter(|count| *count > 0).collect();
            let is_guarded = |plan: &&&Plan| {
                plan.guards.iter().any(|guard| guard.kind == GuardKind::TooMany && guard.database == *database)
            };
            match planned.as_slice() {
                [] => idle.push(format!("{typed}: no backup of `{database}` is to be deleted")),
                counts if counts.contains(allowed) => {}
                [count, ..] if plans.iter().any(|plan| is_guarded(&plan)) => {
                    idle.push(format!("{typed}: it is {count} backups of `{database}` that would be deleted"));
                }
                _ => {}
            }
        }
        for (database, allowed) in &self.allow_prune_wal {
            let typed = format!("`--allow-prune-wal {database}={allowed}` lifts nothing");
            let mut planned =
                plans.iter().map(|plan| n_wal_deletions(plan, database)).filter(|count| *count > 0).peekable();
            match planned.peek().copied() {
                None => idle.push(format!("{typed}: no guard stops a deletion of WAL of `{database}`")),
                Some(count) if !planned.any(|count| count == *allowed) => {
                    idle.push(format!("{typed}: it is {count} files of WAL of `{database}` that would be deleted"));
                }
                Some(_) => {}
            }
        }
        idle
    }
}
