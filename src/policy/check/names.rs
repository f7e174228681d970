//! Names that point to other entries: they must exist, and stand once in a list.

use super::words::either;
use crate::base::is_name;
use crate::diag::{Diagnostic, Diagnostics, codes, nearest};
use crate::policy::route::Route;
use crate::policy::tree::Node;
use std::collections::HashMap;

/// Every name without its entry, name written twice, and database without tiers.
pub(super) fn check(tree: &Node) -> Diagnostics {
    let mut names = Names { tree, found: Diagnostics::default() };
    for (route, tier) in entries(tree, &Route::of(["tiers"])) {
        for (index, copy) in items(tier.get("copies")) {
            names.one("storage", &route.key("copies").index(index).key("to"), copy.get("to"));
        }
    }
    for (route, database) in entries(tree, &Route::of(["databases"])) {
        names.of_database(&route, database);
        if database.entries().is_some() && database.get("tiers").is_none() && default_of(tree, "tiers").is_none() {
            names.found.push(
                Diagnostic::new(
                    &codes::KEY_ABSENT,
                    format!("`{route}` needs `tiers`, or `defaults.tiers` must name some"),
                )
                .with_path(route.to_string())
                .with_span(Some(database.place()))
                .with_hint("Add `tiers`, a list of names of tiers."),
            );
        }
    }
    if let Some(defaults) = tree.get("defaults") {
        names.of_database(&Route::of(["defaults"]), defaults);
    }
    for (route, storage) in entries(tree, &Route::of(["storage"])) {
        let replica = storage.get("manage").and_then(|manage| manage.get("replicate_to"));
        names.one("storage", &route.key("manage").key("replicate_to"), replica);
    }
    for (route, access) in entries(tree, &Route::of(["access"])) {
        names.list("storage", &route.key("storage"), access.get("storage"));
    }
    let alerts = Route::of(["alerts"]);
    for (index, rule) in items(tree.get("alerts").and_then(|alerts| alerts.get("rules"))) {
        let route = alerts.key("rules").index(index);
        names.list("alerts.channels", &route.key("notify"), rule.get("notify"));
        names.list("databases", &route.key("databases"), rule.get("databases"));
    }
    let cloudwatch = tree.get("alerts").and_then(|alerts| alerts.get("cloudwatch"));
    let named = cloudwatch.and_then(|cloudwatch| cloudwatch.get("databases"));
    names.list("databases", &alerts.key("cloudwatch").key("databases"), named);
    if let Some(reserved) = tree.get("encryption").and_then(|entries| entries.get("none")) {
        names.found.push(
            Diagnostic::new(&codes::NAME_RESERVED, "`encryption: none` in a database means no encryption at all")
                .with_path("encryption.none")
                .with_span(reserved.key)
                .with_hint("Give this entry another name."),
        );
    }
    names.found
}

struct Names<'a> {
    tree: &'a Node,
    found: Diagnostics,
}

impl Names<'_> {
    fn of_database(&mut self, route: &Route, database: &Node) {
        self.list("tiers", &route.key("tiers"), database.get("tiers"));
        if database.get("encryption").and_then(Node::text) != Some("none") {
            self.one("encryption", &route.key("encryption"), database.get("encryption"));
        }
        let drill = database.get("drill");
        self.one("tiers", &route.key("drill").key("tier"), drill.and_then(|drill| drill.get("tier")));
        let wal = database.get("wal");
        self.list("storage", &route.key("wal").key("to"), wal.and_then(|wal| wal.get("to")));
    }

    fn list(&mut self, section: &str, route: &Route, list: Option<&Node>) {
        let mut seen: HashMap<&str, &Node> = HashMap::new();
        for (index, node) in items(list) {
            let route = route.index(index);
            self.one(section, &route, Some(node));
            let Some(name) = node.text() else { continue };
            if let Some(first) = seen.insert(name, node) {
                self.found.push(
                    Diagnostic::new(&codes::NAME_TWICE, format!("`{name}` again"))
                        .with_path(route.to_string())
                        .with_span(Some(node.span))
                        .with_label(Some(first.span), "here for the first time")
                        .with_hint("Remove one of the two."),
                );
            }
        }
    }

    fn one(&mut self, section: &str, route: &Route, node: Option<&Node>) {
        let Some((node, name)) = node.and_then(|node| Some((node, node.text()?))) else { return };
        let known: Vec<&str> = match section.split('.').try_fold(self.tree, |node, key| node.get(key)) {
            Some(section) => match section.entries() {
                Some(entries) => entries.keys().map(String::as_str).collect(),
                // A section of another type is reported as such; nothing can be said about its names.
                None => return,
            },
            None => Vec::new(),
        };
        // A text that cannot be a name is reported as that.
        if known.contains(&name) || !is_name(name) {
            return;
        }
        let diagnostic = Diagnostic::new(&codes::NAME_UNDEFINED, format!("`{name}` is not in `{section}`"))
            .with_path(route.to_string())
            .with_span(Some(node.span));
        self.found.push(match nearest(name, known.iter().copied()) {
            Some(meant) => diagnostic.with_hint(format!("Did you mean `{meant}`?")).with_fix(Some(node.span), meant),
            None if known.is_empty() => diagnostic.with_hint(format!("Add an entry `{name}` to `{section}`.")),
            None => diagnostic.with_hint(format!("Write {}, or add `{name}` to `{section}`.", either(&known))),
        });
    }
}

fn default_of<'a>(tree: &'a Node, key: &str) -> Option<&'a Node> {
    tree.get("defaults")?.get(key)
}

/// The entries of a map at a route, each with its own route.
pub(super) fn entries<'a>(tree: &'a Node, route: &Route) -> Vec<(Route, &'a Node)> {
    let map = tree.at(route).and_then(Node::entries);
    map.into_iter().flatten().map(|(name, node)| (route.key(name), node)).collect()
}

/// The items of a list with their positions; none when it is no list.
pub(super) fn items(list: Option<&Node>) -> impl Iterator<Item = (usize, &Node)> {
    list.and_then(Node::items).unwrap_or_default().iter().enumerate()
}
