//! Words that several checks use: kinds of values, lists of choices.

use crate::policy::tree::{Content, Node};

/// What kind of value a node is, with its article.
pub(super) fn kind(node: &Node) -> &'static str {
    match node.content {
        Content::Null => "nothing",
        Content::Bool(_) => "a boolean",
        Content::Number(_) => "a number",
        Content::Text(_) => "a text",
        Content::List(_) => "a list",
        Content::Map(_) => "a map",
    }
}

/// `a`, `b` or `c`, in backticks.
pub(super) fn either<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
