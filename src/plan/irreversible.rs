//! Steps that cannot be taken back: each needs a word of its own.

use super::{Action, Guard, GuardKind};
use std::collections::BTreeSet;

/// One guard a step. It also stops the steps that wait for it.
pub(super) fn guards(actions: &[Action]) -> Vec<Guard> {
    actions.iter().filter_map(|action| guard(action, action.irreversible.as_ref()?, actions)).collect()
}

fn guard(action: &Action, why: &str, actions: &[Action]) -> Option<Guard> {
    let mut stopped = vec![action.address.clone()];
    let mut known: BTreeSet<&str> = [action.address.as_str()].into();
    // A step comes after what it waits for, so one pass finds all.
    for later in actions {
        if later.depends_on.iter().any(|address| known.contains(address.as_str())) && known.insert(&later.address) {
            stopped.push(later.address.clone());
        }
    }
    Some(Guard {
        kind: GuardKind::Irreversible,
        database: String::new(),
        tier: String::new(),
        message: format!("{}: {why}", action.address),
        hint: format!("If that is meant, run `backstay apply --allow-irreversible {}`.", action.address),
        actions: stopped,
    })
}
