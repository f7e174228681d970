//! Which databases are backed up, under which name, in which tiers, and how they are reached.

use super::draft::Draft;
use super::pair::{Both, Pair};
use crate::base::{Template, quoted};
use crate::diag::codes;
use crate::policy::{ConnectionSpec, Route};

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    let (base, head) = (pair.base.desired, pair.head.desired);
    if base.name != head.name {
        let detail =
            "no backup made under the policy's old name belongs to it any more: none is counted, none is pruned";
        let draft = Draft::new(&codes::RENAMED, detail, Route::of(["name"]));
        found.push(draft.change(base.name.clone(), head.name.clone()));
    }
    for name in base.databases.keys().filter(|name| !pair.databases.iter().any(|both| both.name_before == *name)) {
        let detail = format!("{}; what is stored stays where it is", quoted(name));
        found.push(Draft::new(&codes::DATABASE_LOST, detail, Route::of(["databases", name])).of(name));
    }
    for name in head.databases.keys().filter(|name| !pair.databases.iter().any(|both| both.name == *name)) {
        found.push(Draft::new(&codes::DATABASE_GAINED, quoted(name), Route::of(["databases", name])).of(name));
    }
    for both in &pair.databases {
        one(pair, both, found);
    }
}

fn one(pair: &Pair<'_>, both: &Both<'_>, found: &mut Vec<Draft>) {
    let entry = Route::of(["databases", both.name]);
    let (before, after) = (both.before, both.after);
    if both.name_before != both.name {
        let detail = "backups under the old name are no longer found under this one; the first backup begins anew";
        let draft = Draft::new(&codes::RENAMED, detail, entry.clone()).or(Route::of(["databases", both.name_before]));
        found.push(draft.of(both.name).change(both.name_before.to_owned(), both.name.to_owned()));
    }
    if before.matching.is_some() != after.matching.is_some() {
        let name = |matching: bool| if matching { format!("{}.<database>", both.name) } else { both.name.to_owned() };
        let detail = "`match` is part of the name of a backup; those under the old name are no longer found";
        let draft = Draft::new(&codes::RENAMED, detail, entry.key("match")).or(entry.clone()).of(both.name);
        found.push(draft.change(name(before.matching.is_some()), name(after.matching.is_some())));
    }
    if before.connection != after.connection {
        let (old, new) = (
            connection(pair, 0, both.name_before, &before.connection),
            connection(pair, 1, both.name, &after.connection),
        );
        let detail = "it may be another database of the same name";
        let draft = Draft::new(&codes::CONNECTION_CHANGED, detail, entry.key("connection")).of(both.name);
        found.push(draft.change(old, new));
    }
    let tiers = Route::of(["databases", both.name, "tiers"]);
    let defaults = Route::of(["defaults", "tiers"]);
    for tier in before.tiers.iter().filter(|tier| !after.tiers.contains(tier)) {
        let detail = format!("{}: no more are made, and what is stored stays where it is", quoted(tier));
        found.push(Draft::new(&codes::TIER_LOST, detail, tiers.clone()).or(defaults.clone()).of(both.name));
    }
    for tier in after.tiers.iter().filter(|tier| !before.tiers.contains(tier)) {
        let draft = Draft::new(&codes::TIER_GAINED, quoted(tier), tiers.clone());
        found.push(draft.or(defaults.clone()).of(both.name));
    }
}

/// The connection as the policy writes it, without what is secret.
fn connection(pair: &Pair<'_>, side: usize, database: &str, spec: &ConnectionSpec) -> String {
    let route = Route::of(["databases", database, "connection"]);
    let shown = |route: &Route, template: &Template| {
        if pair.secrets[side].contains(route) { "(hidden)".to_owned() } else { template.source().to_owned() }
    };
    match spec {
        ConnectionSpec::Url(url) => shown(&route, url),
        ConnectionSpec::Parts(parts) => {
            let parts: Vec<String> =
                parts.iter().map(|(key, part)| format!("{key}={}", shown(&route.key(key), part))).collect();
            parts.join(" ")
        }
    }
}
