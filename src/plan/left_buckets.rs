//! Buckets that the policy made its own and names no longer. They are told, and let go of only when somebody names them:
//! our lifecycle rules and our mark go, what protects the bucket and everything in it stays.

use super::orphans::forgetting;
use super::{Action, Deed, Live, Note, Scope};
use crate::resource::LeftBucket;

/// A step for each that `--forget` names, a note for each other one.
pub(super) fn actions(live: &Live, scope: &Scope, notes: &mut Vec<Note>) -> Vec<Action> {
    let mut actions = Vec::new();
    for (storage, found) in &live.left_buckets {
        let mut note = |about: String, message: String| notes.push(Note { about, message, is_problem: false });
        match found {
            Ok(left) => {
                for left in left {
                    let address = format!("forget/bucket/{}", left.bucket);
                    if scope.forget.contains(&address) {
                        actions.push(action(storage, left, address));
                    } else {
                        note(address.clone(), message(left, &address));
                    }
                }
            }
            Err(problem) => {
                let message = format!("buckets that the policy no longer names could not be looked for: {problem}");
                note(format!("storage/{storage}"), message);
            }
        }
    }
    actions
}

fn action(storage: &str, left: &LeftBucket, address: String) -> Action {
    let deed = Deed::ForgetBucket { storage: storage.to_owned(), bucket: left.clone() };
    let reason =
        "nothing in the policy names it; the policy's lifecycle rules and mark go, protection and every object stay";
    forgetting(address, deed, reason)
}

fn message(left: &LeftBucket, address: &str) -> String {
    let rules = match left.rules.len() {
        0 => "no lifecycle rule of it is left there".to_owned(),
        1 => format!("its lifecycle rule {} goes on there", left.rules[0]),
        n => format!("{n} lifecycle rules of it go on there"),
    };
    format!(
        "this policy made the bucket {} its own and names it no longer; {rules}. It is never deleted; \
         `backstay apply --forget {address}` takes out those rules and the mark",
        left.bucket
    )
}
