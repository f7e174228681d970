//! Every secret that stands in the text of a policy.

use super::form::{names_secret, written_in};
use crate::base::Template;
use crate::diag::Span;
use crate::policy::route::{Route, Step};
use crate::policy::tree::{Content, Node};

/// A secret in clear. It knows its place, not its text.
pub(in crate::policy) struct WrittenSecret {
    /// The value that holds it.
    pub(in crate::policy) route: Route,
    /// Where that value stands.
    pub(in crate::policy) span: Span,
    /// What it is, as a phrase.
    pub(in crate::policy) kind: &'static str,
}

/// Every secret of a tree, in its order; also of one that is no valid policy.
pub(in crate::policy) fn written_secrets(tree: &Node) -> Vec<WrittenSecret> {
    let mut found = Vec::new();
    walk(tree, &Route::top(), None, &mut found);
    found
}

fn walk(node: &Node, route: &Route, before: Option<&Node>, found: &mut Vec<WrittenSecret>) {
    match &node.content {
        Content::Map(entries) => entries.iter().for_each(|(key, node)| walk(node, &route.key(key), None, found)),
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let before = index.checked_sub(1).map(|before| &items[before]);
                walk(item, &route.index(index), before, found);
            }
        }
        Content::Text(text) => {
            let template = text.parse().unwrap_or_else(|_| Template::literal(text));
            let by_place = || kind_by_place(route).filter(|_| is_bare(&template));
            let kind = written_in(&template).or_else(by_place).or_else(|| kind_on_argv(route, before, &template));
            found.extend(kind.map(|kind| WrittenSecret { route: route.clone(), span: node.span, kind }));
        }
        Content::Number(_) => {
            found.extend(kind_by_place(route).map(|kind| WrittenSecret {
                route: route.clone(),
                span: node.span,
                kind,
            }));
        }
        Content::Null | Content::Bool(_) => {}
    }
}

/// True for a text in clear; a lone path is a reference that was written wrongly, which has a rule of its own.
fn is_bare(template: &Template) -> bool {
    template.as_literal().is_some_and(|text| !text.is_empty() && !is_path(&text))
}

/// True for what is a path and nothing else.
pub(in crate::policy) fn is_path(text: &str) -> bool {
    let starts = ["/", "~/", "./", "../"].iter().any(|start| text.starts_with(start));
    starts && !text.contains(char::is_whitespace)
}

/// What a text at this place always is.
fn kind_by_place(route: &Route) -> Option<&'static str> {
    match keys(route).as_slice() {
        ["databases", _, "connection", "password"] => Some("a password"),
        ["storage", _, "credentials", "secret_access_key"] => Some("an access key"),
        ["encryption", _, "passphrase"] => Some("a passphrase"),
        ["alerts", "channels", _, "password"] => Some("a password"),
        ["alerts", "channels", _, "secret" | "routing_key"] => Some("a key"),
        ["alerts", "channels", _, "webhook"] => Some("the URL of a webhook"),
        ["alerts", "channels", _, "headers", header] if is_secret_header(header) => Some("a token"),
        _ => None,
    }
}

fn is_secret_header(name: &str) -> bool {
    name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("cookie") || names_secret(name)
}

/// A secret as an argument of a command: `--password hunter2`, `--password=hunter2` or `PGPASSWORD=hunter2`.
fn kind_on_argv(route: &Route, before: Option<&Node>, argument: &Template) -> Option<&'static str> {
    let is_command = keys(route).iter().skip(1).any(|key| matches!(*key, "exec" | "hooks"));
    let text = argument.as_literal().filter(|_| is_command)?;
    let is_secret_name = |name: &str| !name.contains(char::is_whitespace) && names_secret(name);
    let named = text.split_once('=').is_some_and(|(name, value)| !value.is_empty() && is_secret_name(name));
    let after_option = before
        .and_then(Node::text)
        .is_some_and(|option| option.starts_with("--") && !option.contains('=') && is_secret_name(option));
    (named || (after_option && !text.starts_with('-'))).then_some("a secret on a command line")
}

fn keys(route: &Route) -> Vec<&str> {
    let steps = route.steps().iter();
    steps
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
        .collect()
}
