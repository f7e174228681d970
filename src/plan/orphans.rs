//! Users and roles that the policy made and no longer asks for. They are told, and let go of only when somebody names
//! them: what we gave is taken back, everything else stays. They may have got other uses since, so none is deleted.

use super::{Action, Deed, Live, Note, Phase, Scope, Symbol};
use crate::resource::{Orphan, Principal};

/// A step for each that `--forget` names, a note for each other one.
pub(super) fn actions(live: &Live, scope: &Scope, notes: &mut Vec<Note>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut note = |about: String, message: String| notes.push(Note { about, message, is_problem: false });
    for (storage, found) in &live.orphans {
        match found {
            Ok(orphans) => {
                for orphan in orphans {
                    let address = address(&orphan.principal);
                    if scope.forget.contains(&address) {
                        actions.push(action(storage, orphan, address));
                    } else {
                        note(address.clone(), message(orphan, &address));
                    }
                }
            }
            Err(problem) => {
                let message =
                    format!("users and roles that no entry asks for any more could not be looked for: {problem}");
                note("access".to_owned(), message);
            }
        }
    }
    actions
}

/// Address of letting go of a user or role.
fn address(principal: &Principal) -> String {
    match principal {
        Principal::User(name) => format!("forget/user/{name}"),
        Principal::Role(name) => format!("forget/role/{name}"),
    }
}

fn action(storage: &str, orphan: &Orphan, address: String) -> Action {
    let Orphan { principal, arn, .. } = orphan.clone();
    let deed = Deed::Forget { storage: storage.to_owned(), principal, arn };
    let reason = "nothing in the policy asks for it; what the policy gave it and its mark go, everything else stays";
    forgetting(address, deed, reason)
}

/// A step that lets go of something.
pub(super) fn forgetting(address: String, deed: Deed, reason: &str) -> Action {
    Action {
        address,
        symbol: Symbol::Delete,
        phase: Phase::Infra,
        deed,
        reason: reason.to_owned(),
        changes: Vec::new(),
        depends_on: Vec::new(),
        bytes: None,
        irreversible: None,
        loosens: false,
    }
}

fn message(orphan: &Orphan, address: &str) -> String {
    let active: Vec<&str> = orphan.keys.iter().filter(|key| key.active).map(|key| key.id.as_str()).collect();
    let who = &orphan.principal;
    let keys = if active.is_empty() { String::new() } else { format!(", with the key {}", active.join(" and ")) };
    format!(
        "this policy made the {who} and asks for it no longer; it may still do what it could{keys}. It is never deleted; \
         `backstay apply --forget {address}` takes back what it may do"
    )
}
