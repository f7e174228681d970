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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn now() -> Timestamp {
        "2026-11-28T12:00:00Z".parse().unwrap()
    }

    /// A key of so many days.
    fn key(id: &str, days: i64, active: bool, used: bool) -> AccessKey {
        let created = now().as_second() - days * DAY;
        AccessKey { id: id.to_owned(), active, created, last_used: used.then_some(created + 1) }
    }

    fn keys(rotate_after: Option<Period>, keys: &[AccessKey], delivered: Option<&str>) -> AccessKeys {
        AccessKeys {
            user: "writer".to_owned(),
            deliver_to: "/k".to_owned(),
            rotate_after_seconds: rotate_after.map(|after| after.0),
            keys: keys.to_vec(),
            delivered: delivered.map(str::to_owned),
        }
    }

    /// Ids of the keys afterwards, with `-` behind inactive ones; or a word for what else is said.
    fn decided(rotate_after: Option<Period>, held: &[AccessKey], delivered: Option<&str>) -> Vec<String> {
        let wanted = keys(rotate_after, &[], None);
        match decide(&wanted, Some(&keys(None, held, delivered)), now()) {
            Verdict::Fine => Vec::new(),
            Verdict::Note(_, false) => vec!["told".to_owned()],
            Verdict::Note(_, true) => vec!["problem".to_owned()],
            Verdict::Write(after, _) => {
                after.keys.iter().map(|key| format!("{}{}", key.id, if key.active { "" } else { "-" })).collect()
            }
        }
    }

    #[test]
    fn a_first_key_is_made_and_one_that_works_is_left_alone() {
        assert!(matches!(decide(&keys(None, &[], None), None, now()), Verdict::Write(..)), "no user yet");
        assert_eq!(decided(None, &[], None), ["new"]);
        assert_eq!(decided(None, &[key("a", 900, true, true)], Some("a")), [""; 0], "nobody asked for rotation");
        assert_eq!(decided(None, &[key("a", 900, false, true)], Some("a")), ["a-", "new"]);
        let none_left = [key("a", 9, false, true), key("b", 8, false, true)];
        assert_eq!(decided(None, &none_left, Some("a")), ["problem"]);
    }

    #[test]
    fn a_key_that_nobody_holds_is_told_and_no_other_is_made() {
        assert_eq!(decided(None, &[key("a", 1, true, true)], None), ["told"]);
        assert_eq!(decided(Some(Period::days(90)), &[key("a", 100, true, true)], Some("gone")), ["told"]);
        let held = [key("a", 100, true, true), key("b", 1, false, false)];
        assert_eq!(decided(None, &held, Some("b")), ["problem"], "the one in the file is inactive");
    }

    /// From one key to the next, a plan at a time.
    #[test]
    fn rotation_never_leaves_a_user_without_a_key_that_works() {
        let after = Some(Period::days(90));
        let old = |active| key("old", 90, active, true);
        assert_eq!(decided(after, &[key("old", 89, true, true)], Some("old")), [""; 0]);
        assert_eq!(decided(after, &[old(true)], Some("old")), ["old", "new"]);
        // The new one is delivered; until it is used, or a week has passed, both work.
        assert_eq!(decided(after, &[old(true), key("next", 0, true, false)], Some("next")), [""; 0]);
        assert_eq!(decided(after, &[old(true), key("next", 6, true, false)], Some("next")), [""; 0]);
        assert_eq!(decided(after, &[old(true), key("next", 7, true, false)], Some("next")), ["old-", "next"]);
        assert_eq!(decided(after, &[old(true), key("next", 1, true, true)], Some("next")), ["old-", "next"]);
        // It can be activated again for another week.
        assert_eq!(decided(after, &[old(false), key("next", 13, true, true)], Some("next")), [""; 0]);
        assert_eq!(decided(after, &[old(false), key("next", 14, true, true)], Some("next")), ["next"]);
    }

    #[test]
    fn a_second_key_that_works_is_somebodys_and_is_never_taken_away() {
        let after = Some(Period::days(90));
        let held = [key("ours", 100, true, true), key("theirs", 1, true, true)];
        assert_eq!(decided(after, &held, Some("ours")), ["problem"], "there is no room");
        let inactive = [key("ours", 100, true, true), key("theirs", 1, false, true)];
        assert_eq!(decided(after, &inactive, Some("ours")), ["ours", "new"]);
    }

    #[test]
    fn what_is_told_of_keys_has_no_times() {
        let before = keys(None, &[key("a", 90, true, true)], Some("a"));
        let after = keys(None, &[key("a", 90, false, true)], None);
        let changes = changes(Some(&before), &after);
        let told: Vec<(&str, Option<&str>)> =
            changes.iter().map(|change| (change.field.as_str(), change.after.as_deref())).collect();
        assert_eq!(told, [("keys.a.active", Some("false"))]);
    }
}
