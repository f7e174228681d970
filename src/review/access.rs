//! Who gets access to backups: users and roles, what they may do where, who may assume a role, how long a key lives.

use super::draft::Draft;
use super::pair::Pair;
use crate::base::{Period, quoted};
use crate::diag::codes;
use crate::policy::{AccessKind, AccessSpec, Grant, Route, TrustSpec};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    let (base, head) = (&pair.base.desired.access, &pair.head.desired.access);
    // Another name or kind in IAM is someone else.
    let same = |name: &str| {
        let (old, new) = (base.get(name)?, head.get(name)?);
        (old.name == new.name && old.path == new.path && is_user(old) == is_user(new)).then_some((old, new))
    };
    for (name, spec) in base.iter().filter(|(name, _)| same(name).is_none()) {
        let detail = format!("{} no longer {}", who(name, spec), may(&rights(spec)));
        found.push(Draft::new(&codes::ACCESS_NARROWER, detail, Route::of(["access", name])));
    }
    for (name, spec) in head.iter().filter(|(name, _)| same(name).is_none()) {
        let detail = format!("{} {}", who(name, spec), may(&rights(spec)));
        found.push(Draft::new(&codes::ACCESS_WIDER, detail, Route::of(["access", name])));
    }
    for (name, new) in head {
        let Some((old, new)) = same(name).map(|(old, _)| (old, new)) else { continue };
        one(name, old, new, found);
    }
}

fn is_user(spec: &AccessSpec) -> bool {
    matches!(spec.kind, AccessKind::User { .. })
}

fn who(entry: &str, spec: &AccessSpec) -> String {
    let kind = if is_user(spec) { "user" } else { "role" };
    format!("{}, IAM {kind} {},", quoted(entry), quoted(&spec.name))
}

type Rights<'a> = BTreeSet<(&'static str, &'a str)>;

fn rights(spec: &AccessSpec) -> Rights<'_> {
    let word = |grant: &Grant| match grant {
        Grant::Write => "write",
        Grant::Read => "read",
        Grant::Prune => "delete",
    };
    spec.storages.iter().flat_map(|to| spec.grants.iter().map(move |grant| (word(grant), to.as_str()))).collect()
}

/// ``may read and write at `a`, and read at `b` ``.
fn may(rights: &Rights<'_>) -> String {
    let mut by_storage: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (grant, storage) in rights {
        by_storage.entry(storage).or_default().push(grant);
    }
    let parts: Vec<String> =
        by_storage.iter().map(|(storage, grants)| format!("{} at {}", grants.join(", "), quoted(storage))).collect();
    format!("may {}", parts.join("; "))
}

fn one(name: &str, old: &AccessSpec, new: &AccessSpec, found: &mut Vec<Draft>) {
    let entry = Route::of(["access", name]);
    let (before, after) = (rights(old), rights(new));
    let mut say = |is_wider: bool, detail: String, route: Route| {
        let code = if is_wider { &codes::ACCESS_WIDER } else { &codes::ACCESS_NARROWER };
        found.push(Draft::new(code, format!("{} {detail}", who(name, new)), route).or(entry.clone()));
    };
    let added: Rights<'_> = after.difference(&before).copied().collect();
    let gone: Rights<'_> = before.difference(&after).copied().collect();
    if !added.is_empty() {
        say(true, may(&added), entry.key("grants"));
    }
    if !gone.is_empty() {
        say(false, format!("no longer {}", may(&gone)), entry.key("grants"));
    }
    let boundary = |b: &Option<String>| b.as_deref().map_or_else(|| "nothing".to_owned(), quoted);
    if old.boundary != new.boundary {
        let detail = format!("is bounded by {} instead of {}", boundary(&new.boundary), boundary(&old.boundary));
        if old.boundary.is_some() {
            say(true, detail.clone(), entry.key("permissions_boundary"));
        }
        if new.boundary.is_some() {
            say(false, detail, entry.key("permissions_boundary"));
        }
    }
    match (&old.kind, &new.kind) {
        (AccessKind::User { key: old }, AccessKind::User { key: new }) => match (old, new) {
            (None, Some(_)) => say(true, "gets an access key".to_owned(), entry.key("access_key")),
            (Some(_), None) => say(false, "has no access key of this policy".to_owned(), entry.key("access_key")),
            (Some(old), Some(new)) => {
                let age = |after: Option<Period>| after.unwrap_or(Period(u64::MAX));
                let said = |after: Option<Period>| after.map_or_else(|| "never".to_owned(), |p| format!("after {p}"));
                let (was, is) = (old.rotate_after, new.rotate_after);
                if age(was) != age(is) {
                    let detail = format!("gets a new key {} instead of {}", said(is), said(was));
                    say(age(is) > age(was), detail, entry.key("access_key").key("rotate_after"));
                }
            }
            (None, None) => {}
        },
        (AccessKind::Role { trust: old }, AccessKind::Role { trust: new }) => trust(name, old, new, found),
        _ => {}
    }
}

/// Everyone that a trust names, and what narrows that down.
fn trust(name: &str, old: &TrustSpec, new: &TrustSpec, found: &mut Vec<Draft>) {
    let route = Route::of(["access", name, "trust"]);
    let mut say = |is_wider: bool, detail: String| {
        let code = if is_wider { &codes::TRUST_WIDER } else { &codes::TRUST_NARROWER };
        found.push(Draft::new(code, format!("{}: {detail}", quoted(name)), route.clone()));
    };
    let others =
        |trust: &TrustSpec| -> BTreeSet<String> { trust.principals.iter().chain(&trust.service).cloned().collect() };
    let (before, after) = (others(old), others(new));
    after.difference(&before).for_each(|who| say(true, format!("{} may assume it", quoted(who))));
    before.difference(&after).for_each(|who| say(false, format!("{} may no longer assume it", quoted(who))));
    let workflows = |github: &crate::policy::GithubTrust| format!("workflows of {}", quoted(&github.repository));
    match (&old.github, &new.github) {
        (Some(old), Some(new)) if old.repository == new.repository => {
            for (what, was, is) in
                [("the environment", &old.environment, &new.environment), ("the branch", &old.branch, &new.branch)]
            {
                if was == is {
                    continue;
                }
                if let Some(was) = was {
                    say(true, format!("{} no longer need {what} {}", workflows(new), quoted(was)));
                }
                if let Some(is) = is {
                    say(false, format!("{} need {what} {}", workflows(new), quoted(is)));
                }
            }
        }
        (old, new) if old != new => {
            if let Some(new) = new {
                say(true, format!("{} may assume it", workflows(new)));
            }
            if let Some(old) = old {
                say(false, format!("{} may no longer assume it", workflows(old)));
            }
        }
        _ => {}
    }
}
