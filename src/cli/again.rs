//! The command that does what a run left.

use crate::apply::Outcome;
use crate::event::StepEnd;
use crate::plan::{Approval, Deed, Guard, GuardKind, Plan, n_deletions, n_wal_deletions};
use std::collections::BTreeSet;

/// What to type: the same part of the same policy, with as many deletions allowed as are left of those that were.
pub(super) fn command(plan: &Plan, outcome: &Outcome, approval: &Approval, is_approved: bool) -> String {
    let mut words = vec!["backstay apply --policy".to_owned(), quoted(&plan.policy.file)];
    if let Some(work) = &plan.scope.work {
        let names = [Some(&work.tier), work.database.as_ref()].into_iter().flatten();
        let names: Vec<String> = names.map(|name| quoted(name)).collect();
        return format!("backstay run {} --policy {}", names.join(" "), quoted(&plan.policy.file));
    }
    if !plan.scope.only.is_empty() {
        let phases: Vec<&str> = plan.scope.only.iter().map(|phase| phase.word()).collect();
        words.push(format!("--only {}", phases.join(",")));
    }
    words.extend(plan.scope.targets.iter().map(|target| format!("--target {}", quoted(target))));
    words.extend(plan.scope.forget.iter().map(|address| format!("--forget {}", quoted(address))));
    for (database, allowed) in &approval.allow_prune {
        let left = n_deletions(plan, database) - n_deleted(plan, outcome, database);
        if left > 0 && n_deletions(plan, database) == *allowed {
            words.push(format!("--allow-prune {}", quoted(&format!("{database}={left}"))));
        }
    }
    for (database, allowed) in &approval.allow_prune_wal {
        let left = n_wal_left(plan, outcome, database);
        if left > 0 && n_wal_deletions(plan, database) == *allowed {
            words.push(format!("--allow-prune-wal {}", quoted(&format!("{database}={left}"))));
        }
    }
    words.extend(approval.allow_irreversible.iter().map(|address| format!("--allow-irreversible {}", quoted(address))));
    if is_approved {
        words.push("--yes".to_owned());
    }
    words.join(" ")
}

fn done(outcome: &Outcome) -> BTreeSet<&str> {
    let done = outcome.steps.iter().filter(|step| matches!(step.end, StepEnd::Done(_) | StepEnd::AlreadyDone));
    done.map(|step| step.address.as_str()).collect()
}

/// Files under guards of which nothing was done.
fn n_wal_left(plan: &Plan, outcome: &Outcome, database: &str) -> usize {
    let done = done(outcome);
    let is_left = |guard: &&Guard| !guard.actions.iter().any(|address| done.contains(address.as_str()));
    let guards = plan.guards.iter().filter(|guard| guard.kind == GuardKind::TooMuchWal && guard.database == database);
    guards.filter(is_left).filter_map(|guard| guard.n_allowed).sum()
}

fn n_deleted(plan: &Plan, outcome: &Outcome, database: &str) -> usize {
    let done = done(outcome);
    let is_prune = |deed: &Deed| matches!(deed, Deed::PruneBackup { database: d, .. } if d == database);
    plan.actions.iter().filter(|action| is_prune(&action.deed) && done.contains(action.address.as_str())).count()
}

/// A word as a shell reads it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=,:@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_program_as_they_are() {
        assert_eq!(quoted("prune/far/app"), "prune/far/app");
        assert_eq!(quoted("my policy.yaml"), "'my policy.yaml'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
