//! Users and roles: their names, and that no two entries are one of them.

use super::storage::{S3, wrong};
use crate::diag::{Diagnostic, codes};
use crate::policy::check::names::entries;
use crate::policy::route::Route;
use crate::policy::tree::Node;
use crate::resource::validity::identity_name_problem;

/// Names that IAM does not take, and names that stand twice.
pub(super) fn check(tree: &Node, storages: &[S3<'_>]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let all = entries(tree, &Route::of(["access"]));
    for (index, (route, entry)) in all.iter().enumerate() {
        let Some((node, name)) = entry.get("name").and_then(|node| Some((node, node.text()?))) else { continue };
        let route = route.key("name");
        // A name that is empty or too long is reported by the schema.
        if let Some(problem) = identity_name_problem(name).filter(|_| (1..=64).contains(&name.chars().count())) {
            found.push(
                wrong(&codes::IAM_NAME_INVALID, &route, node, format!("`{name}`: {problem}"))
                    .with_hint("Write letters, digits and `_ + = , . @ -`; the `path` takes slashes."),
            );
        }
        let same = |other: &Node| {
            let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_ascii_lowercase);
            ["type", "name"].iter().all(|key| text(other, key) == text(entry, key))
                && login(other, storages) == login(entry, storages)
        };
        if let Some((other, first)) = all[..index].iter().find(|(_, other)| same(other)) {
            let first = first.get("name").map(|node| node.span);
            let detail = format!("`{name}` is also the name of `{}`", other.last_key().unwrap_or_default());
            found.push(
                wrong(&codes::IDENTITY_TWICE, &route, node, detail)
                    .with_label(first, "the first")
                    .with_why("IAM does not tell names apart by case, and two entries would write one document of grants in turn.")
                    .with_hint("Make one entry with the grants and storages of both, or give one another name."),
            );
        }
    }
    found
}

/// How an entry logs in: as its first storage does. Two that log in otherwise may be in two accounts.
fn login(entry: &Node, storages: &[S3<'_>]) -> Option<serde_json::Value> {
    let first = entry.get("storage")?.items()?.first()?.text()?;
    let storage = storages.iter().find(|storage| storage.name == first)?;
    Some(storage.node.get("credentials").map(Node::to_json).unwrap_or_default())
}
