//! Resources outside, buckets with their settings and identities: what differs from what the policy wants, in an order
//! in which every part of the work leaves everything at least as safe as before.

use super::keys::{self, Verdict};
use super::wanted::{Wanted, wanted};
use super::{Action, Deed, Live, Note, Phase, Symbol};
use crate::policy::Desired;
use crate::resource::{Change, Found, Lifecycle, Resource, change, hindrance, is_marked};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The steps that make every resource as wanted, and how many are so already.
pub(super) fn actions(desired: &Desired, live: &Live, now: Timestamp, notes: &mut Vec<Note>) -> (Vec<Action>, u64) {
    let mut actions = Vec::new();
    let mut n_unchanged = 0;
    // What cannot be had keeps everything from being planned that needs it.
    let mut hindered: BTreeSet<String> = BTreeSet::new();
    for wanted in wanted(desired, live) {
        if wanted.after.iter().any(|address| hindered.contains(address)) {
            hindered.insert(wanted.address);
            continue;
        }
        let mut note = |message: String, is_problem| {
            notes.push(Note { about: wanted.address.clone(), message, is_problem });
        };
        let absent = Found::Absent;
        let Some(found) = live.resources.get(&wanted.address).or_else(|| {
            // Of a bucket that is not there nothing else can be.
            let bucket = format!("storage/{}/bucket", wanted.storage.as_deref()?);
            (live.resources.get(&bucket) == Some(&absent)).then_some(&absent)
        }) else {
            continue;
        };
        match judge(desired, live, &wanted, found, now) {
            Judged::Same => n_unchanged += 1,
            Judged::Step(action) => actions.push(*action),
            Judged::Quiet => {}
            Judged::Told(message) => note(message, false),
            Judged::Hindered(message) => {
                note(message, true);
                hindered.insert(wanted.address);
            }
        }
    }
    (actions, n_unchanged)
}

/// True when what stands at an address could not be read.
pub(super) fn is_unreadable(live: &Live, address: &str) -> bool {
    matches!(live.resources.get(address), Some(Found::Unreadable(_)))
}

enum Judged {
    /// It is as wanted.
    Same,
    /// Nothing is wanted, and nothing is to be said.
    Quiet,
    /// Something to know.
    Told(String),
    /// It cannot be had; why.
    Hindered(String),
    /// It is to be written.
    Step(Box<Action>),
}

fn judge(desired: &Desired, live: &Live, wanted: &Wanted, found: &Found, now: Timestamp) -> Judged {
    match found {
        Found::Unreadable(problem) if is_nothing(&wanted.resource) => {
            return match &wanted.resource {
                Resource::Lifecycle(_) => Judged::Told(format!(
                    "cannot be read, so nobody knows whether a rule deletes or freezes backups: {problem}"
                )),
                _ => Judged::Quiet,
            };
        }
        Found::Unreadable(problem) => {
            return Judged::Hindered(format!("cannot be read, so nothing is planned for it: {problem}"));
        }
        Found::Absent if !wanted.may_create => return Judged::Hindered(missing(&wanted.resource)),
        _ => {}
    }
    if let Some(why) = hindrance(&desired.name, &wanted.resource, found) {
        return Judged::Hindered(why);
    }
    if let Resource::AccessKeys(keys) = &wanted.resource {
        return judge_keys(wanted, keys, found, now);
    }
    let Some(change) = change(&desired.name, &wanted.resource, found) else {
        return if is_nothing(&wanted.resource) { Judged::Quiet } else { Judged::Same };
    };
    let reason = reason(desired, live, wanted, found, &change);
    let symbol = match found {
        Found::Absent => Symbol::Create,
        _ => Symbol::Change,
    };
    let action = step(wanted, symbol, change.after, reason);
    Judged::Step(Box::new(Action {
        changes: change.fields,
        irreversible: change.irreversible,
        loosens: change.loosens && !is_empty_bucket(live, wanted),
        ..action
    }))
}

/// True for settings of a bucket that the same plan makes: nothing lies in it that could be lost.
fn is_empty_bucket(live: &Live, wanted: &Wanted) -> bool {
    let is_setting = !matches!(wanted.resource, Resource::Role(_) | Resource::Grants(_) | Resource::ManagedPolicy(_));
    let bucket = wanted.storage.as_ref().map(|storage| format!("storage/{storage}/bucket"));
    is_setting && bucket.is_some_and(|bucket| live.resources.get(&bucket) == Some(&Found::Absent))
}

/// True for documents of which the policy wants no part: they are looked at for what it wanted before.
fn is_nothing(resource: &Resource) -> bool {
    match resource {
        Resource::Lifecycle(Lifecycle { rules, .. }) => rules.is_empty(),
        Resource::BucketPolicy(policy) => policy.statements.is_empty(),
        Resource::Replication(replication) => replication.rules.is_empty(),
        Resource::Grants(grants) => grants.is_nothing(),
        _ => false,
    }
}

fn missing(resource: &Resource) -> String {
    match resource {
        Resource::Bucket(bucket) => {
            format!("the bucket {} does not exist, and the policy does not say `manage.create: true`", bucket.name)
        }
        Resource::KmsKey(key) => {
            format!("no key has the alias {}, and the policy does not say `create: true` beside it", key.alias)
        }
        other => format!("there is no such {}", other.word()),
    }
}

fn reason(desired: &Desired, live: &Live, wanted: &Wanted, found: &Found, change: &Change) -> String {
    let mut reason = match found {
        Found::Absent => "it does not exist".to_owned(),
        _ if is_adopted(desired, live, wanted) => {
            "it was made by someone else and is taken over; what is named below changes".to_owned()
        }
        _ => "it is not as the policy says".to_owned(),
    };
    if !change.kept.is_empty() {
        let shown: Vec<&str> = change.kept.iter().take(5).map(String::as_str).collect();
        let more = match change.kept.len() - shown.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        reason.push_str(&format!("; not ours, and kept: {}{more}", shown.join(", ")));
    }
    reason
}

/// True when what is changed belongs to a bucket or an identity without the mark of this policy.
fn is_adopted(desired: &Desired, live: &Live, wanted: &Wanted) -> bool {
    let there = |address: String| match live.resources.get(&address) {
        Some(Found::There(resource)) => Some(resource),
        _ => None,
    };
    let tags = match (&wanted.storage, &wanted.access) {
        (Some(storage), _) => match there(format!("storage/{storage}/tags")) {
            Some(Resource::Tags(tags)) => Some(&tags.tags),
            // A bucket that exists and has no tags at all.
            None if there(format!("storage/{storage}/bucket")).is_some() => return true,
            _ => None,
        },
        (None, Some(access)) => match there(format!("access/{access}/user")).or(there(format!("access/{access}/role")))
        {
            Some(Resource::User(user)) => Some(&user.tags),
            Some(Resource::Role(role)) => Some(&role.tags),
            _ => None,
        },
        (None, None) => None,
    };
    tags.is_some_and(|tags| !is_marked(tags, &desired.name))
}

fn judge_keys(wanted: &Wanted, keys: &crate::resource::AccessKeys, found: &Found, now: Timestamp) -> Judged {
    let found = match found {
        Found::There(Resource::AccessKeys(found)) => Some(found),
        _ => None,
    };
    match keys::decide(keys, found, now) {
        Verdict::Fine => Judged::Same,
        Verdict::Note(message, false) => Judged::Told(message),
        Verdict::Note(message, true) => Judged::Hindered(message),
        Verdict::Write(after, reason) => {
            let is_first = found.is_none_or(|found| found.keys.is_empty());
            let symbol = if is_first { Symbol::Create } else { Symbol::Change };
            let changes = keys::changes(found, &after);
            let action = step(wanted, symbol, Resource::AccessKeys(after), reason);
            Judged::Step(Box::new(Action { changes, ..action }))
        }
    }
}

fn step(wanted: &Wanted, symbol: Symbol, resource: Resource, reason: String) -> Action {
    Action {
        address: wanted.address.clone(),
        symbol,
        phase: Phase::Infra,
        reason,
        changes: Vec::new(),
        depends_on: wanted.after.clone(),
        bytes: None,
        irreversible: None,
        loosens: false,
        deed: Deed::Provision {
            storage: wanted.storage.clone(),
            access: wanted.access.clone(),
            resource: Box::new(resource),
        },
    }
}

/// Lets every step that loosens wait for what protects: the other steps of its storage or identity, and the backups and
/// copies that go into its storage.
pub(super) fn hold_back(actions: &mut [Action]) {
    let loosening: Vec<usize> = (0..actions.len()).filter(|at| actions[*at].loosens).collect();
    for at in loosening {
        let of = |action: &Action| action.address.split('/').take(2).map(str::to_owned).collect::<Vec<_>>();
        let own = of(&actions[at]);
        let storages: Vec<String> = actions[at].deed.storages().into_iter().map(str::to_owned).collect();
        let protects = |action: &&Action| {
            let is_near = of(action) == own;
            let is_into = action.deed.storages().iter().any(|storage| storages.iter().any(|own| own == storage));
            !action.loosens
                && match action.phase {
                    Phase::Infra => is_near && action.irreversible.is_none(),
                    Phase::Backups | Phase::Copies => is_into,
                    Phase::Prune => false,
                }
        };
        let addresses: Vec<String> = actions.iter().filter(protects).map(|action| action.address.clone()).collect();
        actions[at].depends_on.extend(addresses);
        actions[at].depends_on.sort();
        actions[at].depends_on.dedup();
    }
    // What is loosened exists, so nothing else has to wait for it.
    let held: BTreeSet<String> = actions.iter().filter(|a| a.loosens).map(|a| a.address.clone()).collect();
    for action in actions.iter_mut().filter(|action| !action.loosens) {
        action.depends_on.retain(|address| !held.contains(address));
    }
}
