//! `backstay plan --iam-policy`: the least privilege that a policy takes, as documents for IAM.

use super::{Context, Exit};
use crate::observe::{acquaint, open};
use crate::plan::least_privilege;
use crate::policy::Desired;
use crate::resource::permissions::{Duty, LONGEST_MANAGED_POLICY, Statement, policy_documents};
use serde_json::{Map, Value};

/// Who needs a document, by the words typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Who {
    /// Runs `plan`, `list`, `show`: reads only
    Planner,
    /// Runs `apply --only infra`: makes buckets, settings, identities
    Applier,
    /// Takes backups and brings copies
    Writer,
    /// Restores and verifies
    Reader,
    /// Deletes backups
    Pruner,
}

impl Who {
    fn duty(self) -> Duty {
        match self {
            Who::Planner => Duty::Plan,
            Who::Applier => Duty::Apply,
            Who::Writer => Duty::Write,
            Who::Reader => Duty::Read,
            Who::Pruner => Duty::Prune,
        }
    }
}

/// Prints the document of one who does all that `who` names, or one for each duty when nobody is named. Touches no
/// bucket, so that it can be asked before anything is allowed.
pub fn run(who: &[Who], policies: &[Desired], context: &Context) -> Exit {
    let mut worlds = Vec::new();
    for desired in policies {
        let places = open(desired, context.lookup.as_ref());
        for place in places.0.values() {
            if let Err(problem) = place {
                context.fail(problem);
                return Exit::Failed;
            }
        }
        match context.block_on(acquaint(desired, &places, context.lookup.as_ref())) {
            Ok(live) => worlds.push((desired, live)),
            Err(e) => {
                context.complain(format_args!("cannot start: {e}"), None);
                return Exit::Failed;
            }
        }
    }
    let of = |duty: Duty| -> Vec<Statement> {
        worlds.iter().flat_map(|(desired, live)| least_privilege(desired, live, duty)).collect()
    };
    if Duty::ALL.into_iter().all(|duty| of(duty).is_empty()) {
        context.tell("The policy has nothing in AWS, so it takes no permission there.");
        return Exit::Done;
    }
    let printed = if who.is_empty() {
        let all: Map<String, Value> =
            Duty::ALL.into_iter().map(|duty| (duty.word().to_owned(), documents(&of(duty)))).collect();
        Value::Object(all)
    } else {
        documents(&who.iter().flat_map(|who| of(who.duty())).collect::<Vec<_>>())
    };
    context.say(format_args!("{printed:#}\n"));
    Exit::Done
}

/// One document; a list of several where one would be longer than IAM takes.
fn documents(statements: &[Statement]) -> Value {
    let mut documents = policy_documents(statements, LONGEST_MANAGED_POLICY);
    if documents.len() == 1 { documents.swap_remove(0) } else { Value::Array(documents) }
}
