//! Keys of KMS.

use super::storage::{S3, wrong};
use crate::diag::{Diagnostic, codes};
use crate::policy::route::Route;
use crate::policy::tree::{Content, Node};
use crate::resource::validity::kms_key_problem;

/// A key that KMS does not know by such a name, or that nobody can make.
pub(super) fn check(storage: &S3<'_>) -> Option<Diagnostic> {
    let encryption = storage.manage("encryption")?;
    let route = storage.manage_route("encryption");
    if encryption.get("type").and_then(Node::text) != Some("sse-kms") {
        return None;
    }
    let is_made = encryption.get("create").is_some_and(|create| create.content == Content::Bool(true));
    let Some(key) = encryption.get("key") else {
        return encryption.get("create").filter(|_| is_made).map(|create| {
            let detail = "there is no `key`, so the account's own key for S3 is used, which nobody makes";
            wrong(&codes::KMS_KEY_INVALID, &route.key("create"), create, detail)
                .with_hint("Add `key: alias/backups`, or remove `create`.")
        });
    };
    let (node, name) = super::storage::clear(Some(key))?;
    let route = route.key("key");
    if let Some(problem) = kms_key_problem(&name) {
        return Some(not_a_key(&route, node, &name, problem));
    }
    let detail = match name.rfind("alias/") {
        _ if !is_made => return None,
        None => format!("`{name}` names a key by its id, and a new key has another"),
        Some(at) if name[at..].starts_with("alias/aws/") => format!("`{name}` is an alias of AWS's own keys"),
        Some(_) => return None,
    };
    Some(
        wrong(&codes::KMS_KEY_INVALID, &route, node, detail)
            .with_hint("Write an alias of your own, such as `alias/backups`, or remove `create`."),
    )
}

fn not_a_key(route: &Route, node: &Node, name: &str, problem: &str) -> Diagnostic {
    let diagnostic = wrong(&codes::KMS_KEY_INVALID, route, node, format!("`{name}`: {problem}"));
    let alias = format!("alias/{}", name.trim_start_matches('/'));
    match kms_key_problem(&alias).is_none() && !name.contains(':') && !name.starts_with("alias") {
        true => diagnostic.with_hint(format!("Did you mean `{alias}`?")).with_fix(Some(node.span), alias),
        false => diagnostic.with_hint("Write `alias/<name>`; `aws kms list-aliases` shows them."),
    }
}
