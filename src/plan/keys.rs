//! Access keys of a user: making the first, replacing one that is too old, taking the old one away once the new one is
//! in use. A key is never made anew without a reason; AWS gives a user two at most.

use crate::base::Period;
use crate::resource::{AccessKey, AccessKeys, FieldChange, Resource, differences};
use jiff::Timestamp;

/// A new key that was never used replaces the old one after so long all the same.
const GRACE: Period = Period::days(7);

/// An old key that is deactivated is deleted when the new one is so old: until then it can be activated again.
const DELETED_AT: Period = Period::days(14);

/// What is to be done with the keys of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Fine,
    /// Nothing can be done; why, and whether a person has to do something.
    Note(String, bool),
    /// The keys afterwards, and why.
    Write(AccessKeys, String),
}

/// Compares what is wanted with what was found; `found` is `None` while there is no such user.
pub(super) fn decide(wanted: &AccessKeys, found: Option<&AccessKeys>, now: Timestamp) -> Verdict {
    let with = |keys: Vec<AccessKey>, reason: String| Verdict::Write(AccessKeys { keys, ..wanted.clone() }, reason);
    let new = AccessKey { id: AccessKey::NEW.to_owned(), active: true, created: 0, last_used: None };
    let keys = found.map(|found| found.keys.as_slice()).unwrap_or_default();
    if keys.iter().all(|key| !key.active) {
        if keys.len() < 2 {
            return with(keys.iter().cloned().chain([new]).collect(), "the user has no active key".to_owned());
        }
        let message = "the user has two keys, both inactive, so that none can be made; delete one of them";
        return Verdict::Note(message.to_owned(), true);
    }
    // Where a key is shown once and not stored, the newest is the one in use.
    let delivered = match wanted.deliver_to.as_str() {
        STDOUT => keys.iter().rev().find(|key| key.active),
        _ => keys.iter().find(|key| found.and_then(|found| found.delivered.as_ref()) == Some(&key.id)),
    };
    let Some(in_use) = delivered else {
        let active: Vec<&str> = keys.iter().filter(|key| key.active).map(|key| key.id.as_str()).collect();
        let message = format!(
            "{} holds no key of the user {}, which has {}: no other is made. If that one is lost, delete it (`aws iam \
             delete-access-key`) and plan again",
            wanted.deliver_to,
            wanted.user,
            active.join(" and ")
        );
        return Verdict::Note(message, false);
    };
    if !in_use.active {
        let message = format!("the key {} in {} is inactive", in_use.id, wanted.deliver_to);
        return Verdict::Note(message, true);
    }
    let Some(rotate_after) = wanted.rotate_after_seconds else { return Verdict::Fine };
    let age = age(in_use, now);
    let others: Vec<&AccessKey> = keys.iter().filter(|key| key.id != in_use.id).collect();
    if age.0 >= rotate_after {
        let reason = format!("the key {} is {} old, more than {}", in_use.id, age.human(), Period(rotate_after));
        if let Some(active) = others.iter().find(|key| key.active) {
            let message = format!("{reason}, and no other can be made while the user has the key {} too", active.id);
            return Verdict::Note(message, true);
        }
        // Inactive ones go, or there would be no room.
        return with(vec![in_use.clone(), new], reason);
    }
    let Some(old) = others.into_iter().find(|other| other.created <= in_use.created) else { return Verdict::Fine };
    let is_taken_over = in_use.last_used.is_some() || age >= GRACE;
    if old.active && is_taken_over {
        let why = match in_use.last_used {
            Some(_) => "is in use".to_owned(),
            None => format!("is {} old", age.human()),
        };
        let old = AccessKey { active: false, ..old.clone() };
        let reason = format!("the key {} replaced {} and {why}", in_use.id, old.id);
        return with(vec![old, in_use.clone()], reason);
    }
    if !old.active && age >= DELETED_AT {
        let reason = format!("the key {} was replaced {} ago and is inactive", old.id, age.human());
        return with(vec![in_use.clone()], reason);
    }
    Verdict::Fine
}

/// Where a new key goes that is shown once and stored nowhere.
const STDOUT: &str = "stdout";

fn age(key: &AccessKey, now: Timestamp) -> Period {
    Period(u64::try_from(now.as_second().saturating_sub(key.created)).unwrap_or(0))
}

/// What becomes different, key by key. When a key was made or used is no wish of anyone.
pub(super) fn changes(before: Option<&AccessKeys>, after: &AccessKeys) -> Vec<FieldChange> {
    let plain = |keys: &AccessKeys| {
        let bare = |key: &AccessKey| AccessKey { created: 0, last_used: None, ..key.clone() };
        Resource::AccessKeys(AccessKeys {
            keys: keys.keys.iter().map(bare).collect(),
            delivered: None,
            rotate_after_seconds: after.rotate_after_seconds,
            deliver_to: after.deliver_to.clone(),
            user: after.user.clone(),
        })
    };
    let is_told = |change: &FieldChange| !change.field.ends_with(".created") && !change.field.ends_with(".id");
    let before = before.filter(|before| !before.keys.is_empty()).map(plain);
    differences(before.as_ref(), &plain(after)).into_iter().filter(is_told).collect()
}
