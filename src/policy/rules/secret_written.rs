//! A secret stands in the policy itself, where a reference belongs. The finding never repeats the secret.

use super::identity_is_path::is_path;
use crate::base::Template;
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::arguments;
use crate::policy::route::{Route, Step};
use crate::policy::rule::{Rule, Subject};
use crate::policy::secrets::{names_secret, written_in};
use crate::policy::tree::{Content, Node};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::SECRET_WRITTEN, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<(Route, &'static str)> = Vec::new();
    walk(&subject.document.tree, &Route::top(), &mut found);
    for argument in arguments(subject.document) {
        let text = argument.value.source();
        let named = text.split_once('=').filter(|(name, value)| !value.is_empty() && is_secret_option(name)).is_some();
        let option = argument.before.is_some_and(|b| b.starts_with("--") && !b.contains('=') && is_secret_option(b));
        let is_written = named || (option && !text.starts_with('-'));
        let is_new = !found.iter().any(|(route, _)| *route == argument.route);
        if is_written && is_new && argument.value.references().next().is_none() {
            found.push((argument.route, "a secret on a command line"));
        }
    }
    found
        .into_iter()
        .map(|(route, kind)| {
            subject
                .document
                .diagnostic(&codes::SECRET_WRITTEN, &route, format!("`{route}` holds {kind}"))
                .with_why("A policy is made to be committed and reviewed: everyone who reads it has the secret, and history keeps it.")
                .with_hint("Replace the secret, then refer to the new one: `${env:NAME}` or `${file:/path}`.")
        })
        .collect()
}

fn is_secret_option(name: &str) -> bool {
    !name.contains(char::is_whitespace) && names_secret(name)
}

fn walk(node: &Node, route: &Route, found: &mut Vec<(Route, &'static str)>) {
    match &node.content {
        Content::Map(entries) => entries.iter().for_each(|(key, node)| walk(node, &route.key(key), found)),
        Content::List(items) => {
            items.iter().enumerate().for_each(|(index, node)| walk(node, &route.index(index), found));
        }
        Content::Text(text) => {
            let template = text.parse().unwrap_or_else(|_| Template::literal(text));
            let by_place = || kind_by_place(route).filter(|_| is_bare(&template));
            found.extend(written_in(&template).or_else(by_place).map(|kind| (route.clone(), kind)));
        }
        Content::Number(_) => found.extend(kind_by_place(route).map(|kind| (route.clone(), kind))),
        Content::Null | Content::Bool(_) => {}
    }
}

/// True for a text in clear; a lone path is a reference that was written wrongly, which has a rule of its own.
fn is_bare(template: &Template) -> bool {
    template.as_literal().is_some_and(|text| !text.is_empty() && !is_path(&text))
}

/// What a text at this place always is.
fn kind_by_place(route: &Route) -> Option<&'static str> {
    let keys: Vec<&str> = route
        .steps()
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
        .collect();
    match keys.as_slice() {
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
