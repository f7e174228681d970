//! The text of a policy as a tree in which every key and value knows its place.

use super::route::{Route, Step};
use crate::diag::Span;
use indexmap::IndexMap;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Place of the key that holds it, when it stands in a map.
    pub key: Option<Span>,
    /// Place of the value; of a map or list: from its first key or entry to the end of its last.
    pub span: Span,
    /// The value.
    pub content: Content,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the text.
    Map(IndexMap<String, Node>),
}

impl Node {
    /// The entry of a map, if it is one and has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.get(key)
    }

    /// The entries, if it is a map.
    pub fn entries(&self) -> Option<&IndexMap<String, Node>> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.content {
            Content::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The node at a route below this one.
    pub fn at(&self, route: &Route) -> Option<&Node> {
        route.steps().iter().try_fold(self, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.items()?.get(*index),
        })
    }

    /// The best place to point at: the value of a scalar, the key of a map or list, else the value.
    pub fn place(&self) -> Span {
        match &self.content {
            Content::List(_) | Content::Map(_) => self.key.unwrap_or(self.span),
            _ => self.span,
        }
    }

    /// The value without places.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Node::to_json).collect(),
            Content::Map(entries) => {
                Value::Object(entries.iter().map(|(key, node)| (key.clone(), node.to_json())).collect())
            }
        }
    }
}
