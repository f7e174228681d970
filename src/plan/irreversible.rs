//! Steps that cannot be taken back: each needs a word of its own.

use super::{Action, Guard, GuardKind};
use std::collections::BTreeSet;

/// One guard a step. It also stops the steps that wait for it.
pub(super) fn guards(actions: &[Action]) -> Vec<Guard> {
    actions.iter().filter_map(|action| guard(action, action.irreversible.as_ref()?, actions)).collect()
}

fn guard(action: &Action, why: &str, actions: &[Action]) -> Option<Guard> {
    let stopped = with_waiting(actions, |other| other.address == action.address);
    Some(Guard {
        kind: GuardKind::Irreversible,
        database: String::new(),
        tier: String::new(),
        message: format!("{}: {why}", action.address),
        hint: format!("If that is meant, run `backstay apply --allow-irreversible {}`.", action.address),
        actions: stopped,
        n_allowed: None,
    })
}

/// Addresses of these steps, and then of all that wait for one of them.
pub(super) fn with_waiting(actions: &[Action], is_stopped: impl Fn(&Action) -> bool) -> Vec<String> {
    let mut stopped: Vec<String> =
        actions.iter().filter(|action| is_stopped(action)).map(|action| action.address.clone()).collect();
    let mut known: BTreeSet<String> = stopped.iter().cloned().collect();
    // A step comes after what it waits for, so one pass finds all.
    for later in actions {
        let waits = later.depends_on.iter().any(|address| known.contains(address));
        if waits && known.insert(later.address.clone()) {
            stopped.push(later.address.clone());
        }
    }
    stopped
}
