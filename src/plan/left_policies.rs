//! Policies of IAM that the policy made and no longer wants, because what they say fits inside of the user or role again or
//! into fewer of them: taken back and deleted, once whoever has them has the same otherwise.

use super::orphans::forgetting;
use super::wanted::{principals, wanted};
use super::{Action, Deed, Live, Note, Wanted};
use crate::policy::Desired;
use crate::resource::{Found, LeftPolicy, Principal, Resource, change};

/// The steps that remove them. `planned`: the steps on resources.
pub(super) fn actions(desired: &Desired, live: &Live, planned: &[Action], notes: &mut Vec<Note>) -> Vec<Action> {
    let mut actions = Vec::new();
    let all = if live.left_policies.is_empty() { Vec::new() } else { wanted(desired, live) };
    let asked_for = principals(desired);
    for (storage, found) in &live.left_policies {
        let left = match found {
            Ok(left) => left,
            Err(problem) => {
                let message =
                    format!("policies of IAM that are not wanted any more could not be looked for: {problem}");
                notes.push(Note { about: "access".to_owned(), message, is_problem: false });
                continue;
            }
        };
        for policy in left {
            // Whom nothing asks for any more is let go of by name only, with everything.
            let (from, others): (Vec<&Principal>, Vec<&Principal>) =
                policy.attached.iter().partition(|principal| asked_for.contains(principal));
            if from.is_empty() && !(others.is_empty() && policy.groups.is_empty()) {
                continue;
            }
            let of_them: Vec<&Wanted> = all.iter().filter(|wanted| from.iter().any(|p| says_of(wanted, p))).collect();
            let has_all = |principal: &&Principal| {
                let mut own = of_them.iter().filter(|wanted| says_of(wanted, principal)).peekable();
                own.peek().is_some() && own.all(|wanted| is_settled(desired, live, wanted, planned))
            };
            if from.iter().all(has_all) {
                actions.push(action(storage, policy, from, &of_them, planned));
            }
        }
    }
    actions
}

/// True for what says what a user or role may do.
fn says_of(wanted: &Wanted, principal: &Principal) -> bool {
    match &wanted.resource {
        Resource::Grants(grants) => grants.principal == *principal,
        Resource::ManagedPolicy(policy) => policy.principal == *principal,
        _ => false,
    }
}

/// True when it is as wanted, or will be by a step of this plan.
fn is_settled(desired: &Desired, live: &Live, wanted: &Wanted, planned: &[Action]) -> bool {
    let is_as_wanted = match live.resources.get(&wanted.address) {
        Some(found @ (Found::There(_) | Found::Absent)) => change(&desired.name, &wanted.resource, found).is_none(),
        Some(Found::Unreadable(_)) | None => false,
    };
    is_as_wanted || planned.iter().any(|action| action.address == wanted.address)
}

fn action(
    storage: &str,
    policy: &LeftPolicy,
    from: Vec<&Principal>,
    of_them: &[&Wanted],
    planned: &[Action],
) -> Action {
    let name = policy.arn.rsplit('/').next().unwrap_or_default();
    let whose: Vec<String> = from.iter().map(ToString::to_string).collect();
    let mut reason = match whose.as_slice() {
        [] => "nobody has it, and nothing in the policy needs it".to_owned(),
        whose => format!("what it says stands elsewhere; it is taken from {} and deleted", whose.join(" and ")),
    };
    if !policy.foreign.is_empty() {
        reason.push_str(&format!("; not ours, and deleted with it: {}", policy.foreign.join(", ")));
    }
    let deed = Deed::RemovePolicy {
        storage: storage.to_owned(),
        arn: policy.arn.clone(),
        from: from.into_iter().cloned().collect(),
    };
    let before: Vec<&Action> =
        planned.iter().filter(|action| of_them.iter().any(|wanted| wanted.address == action.address)).collect();
    Action {
        depends_on: before.iter().map(|action| action.address.clone()).collect(),
        // It goes after what it said was given otherwise, and that may be done last.
        loosens: before.iter().any(|action| action.loosens),
        ..forgetting(format!("access/remove-policy/{name}"), deed, &reason)
    }
}

/// Lets the steps on what one user or role may do stay together: none of them takes away before all others gave.
pub(super) fn keep_together(actions: &mut [Action]) {
    let is_of_rights = |action: &Action| match &action.deed {
        Deed::Provision { access: Some(access), resource, .. } => {
            matches!(**resource, Resource::Grants(_) | Resource::ManagedPolicy(_)).then(|| access.clone())
        }
        _ => None,
    };
    let loose: Vec<String> = actions.iter().filter(|action| action.loosens).filter_map(is_of_rights).collect();
    for action in actions.iter_mut() {
        if is_of_rights(action).is_some_and(|access| loose.contains(&access)) {
            action.loosens = true;
        }
    }
}
