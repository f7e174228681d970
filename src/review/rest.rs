//! Whatever else differs: every value of the two texts that no other comparison speaks for.

use super::draft::Draft;
use super::pair::Pair;
use crate::base::{Period, quoted};
use crate::diag::codes;
use crate::policy::{Content, Node, Route, Step};
use std::collections::{BTreeMap, HashSet};

/// To be called last: what `found` has a place for is told already.
pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    if pair.base.document.model == pair.head.document.model {
        return;
    }
    let told: HashSet<Route> = found.iter().flat_map(|draft| draft.routes.iter().cloned()).collect();
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    leaves(&Route::top(), &pair.base.document.tree, &mut before);
    leaves(&Route::top(), &pair.head.document.tree, &mut after);
    let routes: HashSet<&Route> = before.keys().chain(after.keys()).collect();
    let mut routes: Vec<&Route> = routes.into_iter().collect();
    routes.sort();
    for route in routes {
        let (was, is) = (before.get(route), after.get(route));
        if is_same(was, is) || is_compared(route) || is_told(route, &told) {
            continue;
        }
        let hidden = |side: usize| pair.secrets[side].iter().any(|secret| route.steps().starts_with(secret.steps()));
        let shown = |side: usize, value: Option<&String>| {
            Some(if hidden(side) {
                "(hidden)".to_owned()
            } else {
                value.cloned().unwrap_or_else(|| "not set".to_owned())
            })
        };
        let draft = Draft::new(&codes::SETTING_CHANGED, quoted(&route.to_string()), route.clone());
        found.push(draft.change(shown(0, was), shown(1, is)));
    }
    if found.is_empty() && pair.base.desired.hash != pair.head.desired.hash {
        found.push(Draft::new(&codes::SETTING_CHANGED, "the order of entries", Route::top()));
    }
}

/// Every scalar and every list of scalars by its route, as text.
fn leaves(route: &Route, node: &Node, out: &mut BTreeMap<Route, String>) {
    match &node.content {
        Content::Map(entries) => entries.iter().for_each(|(key, node)| leaves(&route.key(key), node, out)),
        Content::List(items) if items.iter().any(|item| item.entries().is_some() || item.items().is_some()) => {
            items.iter().enumerate().for_each(|(index, node)| leaves(&route.index(index), node, out));
        }
        Content::List(items) => {
            let texts: Vec<String> = items.iter().map(text).collect();
            out.insert(route.clone(), texts.join(", "));
        }
        _ => {
            out.insert(route.clone(), text(node));
        }
    }
}

fn text(node: &Node) -> String {
    node.text().map_or_else(|| node.to_json().to_string(), str::to_owned)
}

/// True for one text, and for one length of time in two spellings.
fn is_same(was: Option<&String>, is: Option<&String>) -> bool {
    let period = |text: Option<&String>| text.and_then(|text| text.parse::<Period>().ok());
    was == is || period(was).is_some_and(|was| period(is) == Some(was))
}

/// True for what other comparisons read, whether or not they have anything to say of it.
fn is_compared(route: &Route) -> bool {
    let keys: Vec<&str> = route
        .steps()
        .iter()
        .map(|step| match step {
            Step::Key(key) => key.as_str(),
            Step::Index(_) => "",
        })
        .collect();
    let of_database = |keys: &[&str]| match keys {
        ["connection" | "exec" | "match" | "tiers" | "encryption" | "objectives" | "hooks" | "safety" | "wal", ..] => {
            true
        }
        ["dump", key, ..] => *key != "jobs",
        ["verify" | "drill", "schedule" | "level" | "checks", ..] => true,
        _ => false,
    };
    match keys.as_slice() {
        ["version" | "extends" | "name" | "run" | "safety", ..] => true,
        ["databases", _, rest @ ..] | ["defaults", rest @ ..] => of_database(rest),
        ["tiers", _, "copies", ..] => true,
        ["access", _, "type" | "name" | "path" | "grants" | "storage" | "trust" | "permissions_boundary", ..] => true,
        ["encryption", _, "type" | "recipients" | "passphrase" | "identity", ..] => true,
        ["alerts", "channels" | "rules" | "thresholds", ..] => true,
        _ => false,
    }
}

/// True when a finding stands at the route or above it.
fn is_told(route: &Route, told: &HashSet<Route>) -> bool {
    let mut at = route.clone();
    while !at.steps().is_empty() {
        if told.contains(&at) {
            return true;
        }
        at = at.parent();
    }
    false
}
