//! Workflows of GitHub that a role trusts: what their tokens can say.
//!
//! As GitHub's documentation says (page "OpenID Connect reference"): a job that names an environment has that in its
//! token and no branch.

use super::storage::wrong;
use crate::diag::{Diagnostic, codes};
use crate::policy::check::names::entries;
use crate::policy::route::Route;
use crate::policy::tree::Node;

/// Every workflow that no token fits.
pub(super) fn check(tree: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (route, entry) in entries(tree, &Route::of(["access"])) {
        let Some(github) = entry.get("trust").and_then(|trust| trust.get("github")) else { continue };
        let route = route.key("trust").key("github");
        let text = |key: &str| github.get(key).and_then(|node| Some((node, node.text()?)));
        for key in ["environment", "branch"] {
            if let Some((node, "")) = text(key) {
                found.push(
                    wrong(&codes::GITHUB_TRUST_INVALID, &route.key(key), node, format!("`{key}` is empty"))
                        .with_hint("Write its name, or remove the line."),
                );
            }
        }
        if let (Some(environment), Some((branch, _))) = (github.get("environment"), text("branch")) {
            found.push(
                wrong(&codes::GITHUB_TRUST_INVALID, &route.key("branch"), branch, "`environment` and `branch` are not both in a token")
                    .with_label(environment.key, "the environment")
                    .with_why("The token of a job with an environment names that and no branch, so the branch would not be asked for.")
                    .with_hint("Write one; an environment can restrict its branches on GitHub."),
            );
        }
        if let Some((node, branch)) = text("branch")
            && let Some(meant) = branch.strip_prefix("refs/heads/").or_else(|| branch.strip_prefix("origin/"))
        {
            found.push(
                wrong(
                    &codes::GITHUB_TRUST_INVALID,
                    &route.key("branch"),
                    node,
                    format!("`{branch}` is no branch on GitHub"),
                )
                .with_hint(format!("Did you mean `{meant}`?"))
                .with_fix(Some(node.span), meant),
            );
        }
    }
    found
}
