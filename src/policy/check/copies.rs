//! Copies of a tier: one for each place, each with one clear way to say how long it is kept.

use super::names::{entries, items};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::policy::route::Route;
use crate::policy::tree::Node;
use std::collections::HashMap;

/// Every second copy to one place and every `keep` that is not clear.
pub(super) fn check(tree: &Node) -> Diagnostics {
    let mut found = Diagnostics::default();
    for (route, tier) in entries(tree, &Route::of(["tiers"])) {
        let mut places: HashMap<&str, &Node> = HashMap::new();
        for (index, copy) in items(tier.get("copies")) {
            let route = route.key("copies").index(index);
            if let Some(to) = copy.get("to")
                && let Some(name) = to.text()
                && let Some(first) = places.insert(name, to)
            {
                found.push(
                    Diagnostic::new(&codes::NAME_TWICE, format!("a second copy of each backup to `{name}`"))
                        .with_path(route.key("to").to_string())
                        .with_span(Some(to.span))
                        .with_label(Some(first.span), "the first copy")
                        .with_hint("Keep one copy for each storage; keep it as long as the longer of the two."),
                );
            }
            if let Some(keep) = copy.get("keep") {
                found.0.extend(unclear_keep(&route.key("keep"), keep));
            }
        }
    }
    found
}

fn unclear_keep(route: &Route, keep: &Node) -> Option<Diagnostic> {
    let entries = keep.entries()?;
    let has = |key: &str| entries.contains_key(key);
    let (detail, hint) = match (has("last"), has("for"), has("at_least")) {
        (true, true, _) => ("`last` counts and `for` measures time", "Write `last`, or `for` with `at_least`."),
        (true, false, true) => ("`last` and `at_least` both count", "Write `last` alone."),
        (false, false, true) => ("`at_least` is a floor under `for`", "Write `{ last: N }`, or add `for`."),
        (false, false, false) if entries.is_empty() => {
            ("nothing is said", "Write a duration such as `30d`, or `{ last: 7 }`.")
        }
        _ => return None,
    };
    Some(
        Diagnostic::new(&codes::KEEP_UNCLEAR, detail)
            .with_path(route.to_string())
            .with_span(Some(keep.place()))
            .with_hint(hint),
    )
}
